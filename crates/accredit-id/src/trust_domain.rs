//! Names of SPIFFE trust domains.

use std::fmt;
use std::str::FromStr;

use crate::shown::Shown;

/// A trust domain's name, such as `example.org` (SPIFFE-ID specification section 2.1).
///
/// Lower-case letters, digits, `.`, `-` and `_`, 1 to 255 bytes. Nothing is normalised: an upper-case name is
/// refused, so that one domain has one spelling. The name alone, without `spiffe://`; for a whole identity see
/// [`crate::spiffe_id::SpiffeId`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustDomain(Box<str>);

/// Why a text is not a trust domain's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustDomainFault {
    /// Nothing there.
    #[error("trust domain is empty")]
    Empty,
    /// More than [`TrustDomain::MAX_BYTES`].
    #[error("trust domain has {bytes} bytes, expected at most 255")]
    TooLong {
        /// The length seen.
        bytes: usize,
    },
    /// A character that the specification does not allow.
    #[error("trust domain `{seen}` holds `{character}`, expected a-z, 0-9, `.`, `-` or `_`")]
    Character {
        /// The whole name.
        seen: Shown,
        /// The first character that is not allowed.
        character: Shown,
    },
}

// === impl TrustDomain ===

impl TrustDomain {
    /// The longest name.
    pub const MAX_BYTES: usize = 255;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TrustDomain {
    type Err = TrustDomainFault;

    fn from_str(name: &str) -> Result<Self, TrustDomainFault> {
        check(name).map(|()| Self(name.into()))
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl TrustDomainFault ===

impl TrustDomainFault {
    /// A stable name of the fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "trust-domain-empty",
            Self::TooLong { .. } => "trust-domain-too-long",
            Self::Character { .. } => "trust-domain-character",
        }
    }
}

fn check(name: &str) -> Result<(), TrustDomainFault> {
    if name.is_empty() {
        return Err(TrustDomainFault::Empty);
    }
    if name.len() > TrustDomain::MAX_BYTES {
        return Err(TrustDomainFault::TooLong { bytes: name.len() });
    }
    match name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '-' | '_')) {
        None => Ok(()),
        Some(c) => {
            Err(TrustDomainFault::Character { seen: Shown::of(name), character: Shown::of(c.encode_utf8(&mut [0; 4])) })
        }
    }
}
