//! Base64url without padding (RFC 4648 section 5, RFC 7515 section 2), strict in both directions.
//!
//! Strict means one text per value: padding, white space, the standard alphabet's `+` and `/`, and unused low bits
//! that are not zero are refused, so that two different texts never decode to the same bytes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A text that is not canonical base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("text is not unpadded base64url in its only canonical form")]
pub struct NotCanonical;

/// The text of `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the text of `bytes` to `text`.
pub fn encode_onto(bytes: &[u8], text: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// The bytes of `text`.
///
/// # Errors
/// [`NotCanonical`] when `text` is anything but the text that [`encode`] gives.
pub fn decode(text: &str) -> Result<Vec<u8>, NotCanonical> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotCanonical)
}

/// Replaces what `bytes` holds by the bytes of `text`, keeping its memory.
///
/// # Errors
/// [`NotCanonical`] as [`decode`] does; `bytes` then holds nothing of use.
pub fn decode_into(text: &str, bytes: &mut Vec<u8>) -> Result<(), NotCanonical> {
    bytes.clear();
    URL_SAFE_NO_PAD.decode_vec(text, bytes).map_err(|_| NotCanonical)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn round_trips_every_length() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut scratch = vec![9; 3];
        for end in 0..bytes.len() {
            let text = encode(&bytes[..end]);
            assert_eq!(decode(&text).unwrap(), &bytes[..end]);
            decode_into(&text, &mut scratch).unwrap();
            assert_eq!(scratch, &bytes[..end]);
        }
    }

    /// A05 and A06 at their root: exactly one text per value.
    #[test]
    fn refuses_every_other_text() {
        assert_eq!(decode("-_8").unwrap(), [0xfb, 0xff]);
        for text in [
            "-_8=",
            "-_9",
            "+/8",
            "-_8 ",
            " -_8",
            "-_8\n",
            "-\r\n_8",
            "-_8\0",
            "A",
            "AAAAA",
            "QQ==",
            "QR",
            "%2D_8",
            "-_\u{e9}",
            "\u{feff}-_8",
            ".",
        ] {
            assert_eq!(decode(text), Err(NotCanonical), "{text:?}");
        }
    }
}
