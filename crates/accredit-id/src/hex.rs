//! Hexadecimal (RFC 4648 section 8) in lower case, strict in both directions.
//!
//! Strict means one text per value: upper case, signs and white space are refused, so that texts may be compared instead of
//! the bytes that they stand for.

use std::fmt;

/// A text that is not lower-case hexadecimal, or not of as many digits as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("text is not lower-case hexadecimal of the right length")]
pub struct NotHex;

/// The text of `bytes`, two digits each.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|&byte| digits(byte).map(char::from)).collect()
}

/// Writes the text of `bytes` over the beginning of `text`, as far as it has room.
pub fn encode_over(bytes: &[u8], text: &mut [u8]) {
    for (&byte, place) in bytes.iter().zip(text.chunks_exact_mut(2)) {
        place.copy_from_slice(&digits(byte));
    }
}

/// Writes the text of `bytes` where a text is being written.
///
/// # Errors
/// What `to` answers.
pub fn write(bytes: &[u8], to: &mut impl fmt::Write) -> fmt::Result {
    bytes.iter().flat_map(|&byte| digits(byte)).try_for_each(|digit| to.write_char(char::from(digit)))
}

/// The bytes of `text`.
///
/// # Errors
/// [`NotHex`] when `text` is anything but the text that [`encode`] gives.
pub fn decode(text: &str) -> Result<Vec<u8>, NotHex> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(NotHex) };
    pairs.iter().map(|&pair| byte(pair)).collect()
}

/// The bytes of `text`, which must be exactly so many.
///
/// # Errors
/// [`NotHex`] as [`decode`] does, and where there are more or fewer.
pub fn decode_exact<const BYTES: usize>(text: &[u8]) -> Result<[u8; BYTES], NotHex> {
    let (pairs, []) = text.as_chunks::<2>() else { return Err(NotHex) };
    let mut bytes = [0; BYTES];
    if pairs.len() != BYTES {
        return Err(NotHex);
    }
    for (place, &pair) in bytes.iter_mut().zip(pairs) {
        *place = byte(pair)?;
    }
    Ok(bytes)
}

fn digits(byte: u8) -> [u8; 2] {
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

fn byte([high, low]: [u8; 2]) -> Result<u8, NotHex> {
    Ok(value(high)? << 4 | value(low)?)
}

fn value(digit: u8) -> Result<u8, NotHex> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(NotHex),
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = encode(&bytes);
        let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, expected);
        assert_eq!(decode(&text).unwrap(), bytes);
        assert_eq!(decode_exact::<256>(text.as_bytes()).unwrap(), *bytes);
        let mut written = String::new();
        write(&bytes, &mut written).unwrap();
        assert_eq!(written, text);
        let mut over = *b"xxxxxxx";
        encode_over(&[0x0a, 0xff], &mut over);
        assert_eq!(&over, b"0affxxx");
        encode_over(&bytes, &mut over);
        assert_eq!(&over, b"000102x");
        assert_eq!((encode(&[]), decode("").unwrap()), (String::new(), Vec::new()));
    }

    #[test]
    fn every_other_text_is_refused() {
        for text in ["0", "000", "0A", "+f", "-1", " 0", "0 ", "0x", "0g", "0/", "0:", "0`", "\u{e9}", "0\u{e9}0"] {
            assert_eq!(decode(text), Err(NotHex), "{text:?}");
            assert_eq!(decode_exact::<1>(text.as_bytes()), Err(NotHex), "{text:?}");
        }
        for text in ["", "0", "000", "0000"] {
            assert_eq!(decode_exact::<1>(text.as_bytes()), Err(NotHex), "{text:?}");
        }
    }
}
