//! What a key is called by its own bytes (RFC 7638).

use std::fmt;
use std::ops::Deref;

use super::material::Material;
use crate::{base64url, digest};

/// A JWK thumbprint with SHA-256, base64url: 43 characters. It reads as a string.
///
/// Two keys with one thumbprint are one key, whatever they are called.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; LENGTH]);

// === impl Thumbprint ===

impl Thumbprint {
    /// RFC 7638 section 3: the required members alone, sorted by name, without white space. No value needs escaping.
    pub(super) fn of(material: &Material) -> Self {
        let mut members = material.members();
        members.sort_unstable();
        let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        let encoded = base64url::encode(&digest::sha256(format!("{{{}}}", members.join(",")).as_bytes()));
        let mut thumbprint = [b'A'; LENGTH];
        thumbprint.iter_mut().zip(encoded.bytes()).for_each(|(place, byte)| *place = byte);
        Self(thumbprint)
    }
}

impl Deref for Thumbprint {
    type Target = str;

    fn deref(&self) -> &str {
        // base64url is ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// 256 bits in base64url.
const LENGTH: usize = 43;
