//! SHA-256, for crates that may not depend on a cryptographic library themselves.

/// The SHA-256 digest of `bytes` (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    out
}

/// The same, of bytes that come piece by piece.
#[derive(Clone)]
pub struct Running(aws_lc_rs::digest::Context);

// === impl Running ===

impl Default for Running {
    fn default() -> Self {
        Self(aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256))
    }
}

impl Running {
    /// Reads more.
    pub fn read(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything that was read.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    #[test]
    fn agrees_with_the_standard() {
        // FIPS 180-4, the digest of the one-block message "abc".
        assert_eq!(hex::encode(&sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let mut running = Running::default();
        ["a", "", "bc"].iter().for_each(|piece| running.read(piece.as_bytes()));
        assert_eq!(running.finish(), sha256(b"abc"));
    }
}
