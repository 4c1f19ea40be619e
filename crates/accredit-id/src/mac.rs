//! Message authentication, for crates that may not depend on a cryptographic library themselves.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};

use crate::secret::Secret;

/// A key of HMAC-SHA-256 (RFC 2104, FIPS 198-1). It cannot be read out again.
#[derive(Clone)]
pub struct MacKey(hmac::Key);

// === impl MacKey ===

impl MacKey {
    /// The key of these 32 bytes.
    #[must_use]
    pub fn new(bytes: &Secret<[u8; 32]>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes.reveal()))
    }

    /// The tag of a message.
    #[must_use]
    pub fn tag(&self, message: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&self.0, message).as_ref());
        out
    }

    /// Whether `tag` is the message's; takes as long whatever it is.
    #[must_use]
    pub fn holds(&self, message: &[u8], tag: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.tag(message), tag).is_ok()
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    /// The same as another implementation gives (Python's `hmac`).
    #[test]
    fn agrees_with_others() {
        let key = MacKey::new(&Secret::new([0x0b; 32]));
        assert_eq!(
            hex::encode(&key.tag(b"Hi There")),
            "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7"
        );
        assert!(key.holds(b"Hi There", &key.tag(b"Hi There")));
        for (message, tag) in
            [(&b"Hi there"[..], &key.tag(b"Hi There")[..]), (b"Hi There", &[]), (b"Hi There", &[0; 32])]
        {
            assert!(!key.holds(message, tag));
        }
        assert_eq!(format!("{key:?}"), "MacKey([redacted])");
    }
}
