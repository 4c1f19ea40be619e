//! Names: `NAME` for what the server owns, `PROJECT/NAME` for what a project owns.

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a resource. Each part is 1 to 63 characters of `a-z`, `0-9`, `-`, `_`, `.` and begins with a letter or digit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// Most are short enough to lie here and nowhere else.
    text: CompactString,
    /// Where the project ends; 0 when there is none.
    slash: u8,
}

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a name, expected `NAME` or `PROJECT/NAME` of a-z, 0-9, `-`, `_` and `.`, each at most 63 long"
)]
pub struct NameFault {
    text: String,
}

impl Name {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The project, when a project owns it.
    pub fn project(&self) -> Option<&str> {
        (self.slash > 0).then(|| &self.text[..usize::from(self.slash)])
    }

    /// The part after the project.
    pub fn local(&self) -> &str {
        match self.slash {
            0 => &self.text,
            slash => &self.text[usize::from(slash) + 1..],
        }
    }
}

impl FromStr for Name {
    type Err = NameFault;

    fn from_str(text: &str) -> Result<Self, NameFault> {
        let fault = || NameFault { text: text.chars().take(130).collect() };
        let slash = match text.split_once('/') {
            None if is_part(text) => 0,
            Some((project, local)) if is_part(project) && is_part(local) => project.len() as u8,
            _ => return Err(fault()),
        };
        Ok(Self { text: text.into(), slash })
    }
}

fn is_part(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes[0].is_ascii_alphanumeric()
        && bytes.iter().all(|&byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_or_two_parts() {
        let owned: Name = "ci/web-main".parse().unwrap();
        assert_eq!((owned.project(), owned.local()), (Some("ci"), "web-main"));
        let plain: Name = "github".parse().unwrap();
        assert_eq!((plain.project(), plain.local()), (None, "github"));
        let long = "a".repeat(64);
        for text in ["", "/", "a/", "/a", "a/b/c", "A", "a b", "-a", "ä", "a\n", "../x", long.as_str()] {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
    }
}
