//! Permissions: one token of an OAuth scope.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

/// A permission of an API, e.g. `payments.read`: 1 to 128 characters of the scope-token set (RFC 6749 section 3.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(Arc<str>);

/// A list of permissions; most hold one, which then lies in whatever lists it.
pub type Permissions = SmallVec<[Permission; 1]>;

impl Permission {
    /// Parses one permission.
    ///
    /// # Errors
    /// A sentence, when a character is not allowed or the length is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if (1..=128).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(text.into()));
        }
        let shown: String = text.chars().take(64).collect();
        Err(format!(
            "`{}` is not a permission, expected 1 to 128 visible ASCII characters without quotes and backslash",
            shown.escape_debug()
        ))
    }

    /// The same permission in another copy of its text.
    pub fn in_copy(self, copy: Arc<str>) -> Self {
        if copy == self.0 { Self(copy) } else { self }
    }

    /// Its text as it is shared.
    pub fn word(&self) -> &Arc<str> {
        &self.0
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
