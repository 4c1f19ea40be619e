//! The compact form (RFC 7515 section 7.1): `header.payload.signature`, each part base64url.

use memchr::memchr_iter;

use crate::base64url;

/// A token split into its three segments, none of them decoded.
#[derive(Clone, Copy)]
pub struct Compact<'t> {
    token: &'t str,
    header_end: usize,
    payload_end: usize,
}

/// Why a text is not in compact form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompactFault {
    /// More than [`Compact::MAX_BYTES`]; nothing was read.
    #[error("token has {bytes} bytes, expected at most 16384")]
    TooLarge {
        /// The length seen.
        bytes: usize,
    },
    /// Not three segments. Five are an encrypted token (RFC 7516), which is never read.
    #[error("token has {seen} segments, expected 3")]
    Segments {
        /// How many there are.
        seen: usize,
    },
}

// === impl Compact ===

impl<'t> Compact<'t> {
    /// The longest token that is looked at.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Splits `token`, whose size is judged before anything else.
    ///
    /// Segments may be empty; whether they decode is found by decoding them.
    ///
    /// # Errors
    /// [`CompactFault`].
    pub fn split(token: &'t str) -> Result<Self, CompactFault> {
        let bytes = token.as_bytes();
        if bytes.len() > Self::MAX_BYTES {
            return Err(CompactFault::TooLarge { bytes: bytes.len() });
        }
        let mut dots = memchr_iter(b'.', bytes);
        match (dots.next(), dots.next(), dots.next()) {
            (Some(header_end), Some(payload_end), None) => Ok(Self { token, header_end, payload_end }),
            _ => Err(CompactFault::Segments { seen: memchr_iter(b'.', bytes).count() + 1 }),
        }
    }

    /// The first segment.
    #[must_use]
    pub fn header(&self) -> &'t str {
        &self.token[..self.header_end]
    }

    /// The middle segment.
    #[must_use]
    pub fn payload(&self) -> &'t str {
        &self.token[self.header_end + 1..self.payload_end]
    }

    /// The last segment.
    #[must_use]
    pub fn signature(&self) -> &'t str {
        &self.token[self.payload_end + 1..]
    }

    /// What the signature is over: the first two segments with their dot.
    #[must_use]
    pub fn signing_input(&self) -> &'t str {
        &self.token[..self.payload_end]
    }
}

/// The text that a signer signs: both parts encoded, with a dot between. [`append_signature`] makes it a token.
#[must_use]
pub fn signing_input(header_json: &str, payload_json: &str) -> String {
    let encoded = (header_json.len() + payload_json.len()) * 4 / 3 + 4;
    let mut text = String::with_capacity(encoded + ROOM_FOR_SIGNATURE);
    base64url::encode_onto(header_json.as_bytes(), &mut text);
    text.push('.');
    base64url::encode_onto(payload_json.as_bytes(), &mut text);
    text
}

/// Ends `signing_input` with `signature`, which makes it a token in compact form.
#[must_use]
pub fn append_signature(mut signing_input: String, signature: &[u8]) -> String {
    signing_input.push('.');
    base64url::encode_onto(signature, &mut signing_input);
    signing_input
}

/// A dot and 64 bytes encoded: what ES256 and EdDSA append. Longer signatures make the text grow once.
const ROOM_FOR_SIGNATURE: usize = 87;
