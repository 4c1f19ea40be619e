//! Names of workloads in SPIFFE.

use std::fmt;
use std::str::FromStr;

use crate::shown::Shown;
use crate::trust_domain::{TrustDomain, TrustDomainFault};

/// A SPIFFE ID, such as `spiffe://example.org/ns/shop/sa/web` (SPIFFE-ID specification section 2).
///
/// At most 2048 bytes; the path is empty or made of segments of letters, digits, `.`, `-` and `_`, none of them
/// empty, `.` or `..`. No port, user, query, fragment, percent-encoding or trailing slash. Nothing is normalised:
/// equal texts are equal identities, and no others are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpiffeId {
    text: Box<str>,
    trust_domain: TrustDomain,
}

/// Why a text is not a SPIFFE ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpiffeIdFault {
    /// More than [`SpiffeId::MAX_BYTES`].
    #[error("SPIFFE ID has {bytes} bytes, expected at most 2048")]
    TooLong {
        /// The length seen.
        bytes: usize,
    },
    /// It does not begin with `spiffe://`, in lower case.
    #[error("SPIFFE ID `{seen}` does not begin with `spiffe://`")]
    Scheme {
        /// The whole text.
        seen: Shown,
    },
    /// Its trust domain is not one.
    #[error(transparent)]
    TrustDomain(#[from] TrustDomainFault),
    /// A path segment that is empty; a trailing slash makes one.
    #[error("SPIFFE ID `{seen}` has an empty path segment")]
    EmptySegment {
        /// The whole text.
        seen: Shown,
    },
    /// A path segment that is `.` or `..`.
    #[error("SPIFFE ID `{seen}` has the path segment `.` or `..`")]
    DotSegment {
        /// The whole text.
        seen: Shown,
    },
    /// A character that a path may not hold.
    #[error("SPIFFE ID `{seen}` holds `{character}` in its path, expected letters, digits, `.`, `-` or `_`")]
    Character {
        /// The whole text.
        seen: Shown,
        /// The first character that is not allowed.
        character: Shown,
    },
}

// === impl SpiffeId ===

impl SpiffeId {
    /// The longest SPIFFE ID.
    pub const MAX_BYTES: usize = 2048;

    /// The authority that names this workload.
    #[must_use]
    pub const fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The path with its leading slash; empty for the trust domain itself.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.text[SCHEME.len() + self.trust_domain.as_str().len()..]
    }

    /// The whole identity.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeIdFault;

    fn from_str(text: &str) -> Result<Self, SpiffeIdFault> {
        if text.len() > Self::MAX_BYTES {
            return Err(SpiffeIdFault::TooLong { bytes: text.len() });
        }
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| SpiffeIdFault::Scheme { seen: Shown::of(text) })?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let trust_domain = authority.parse()?;
        check_path(path, text)?;
        Ok(Self { text: text.into(), trust_domain })
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

// === impl SpiffeIdFault ===

impl SpiffeIdFault {
    /// A stable name of the fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "spiffe-id-too-long",
            Self::Scheme { .. } => "spiffe-id-scheme",
            Self::TrustDomain(fault) => fault.code(),
            Self::EmptySegment { .. } => "spiffe-id-empty-segment",
            Self::DotSegment { .. } => "spiffe-id-dot-segment",
            Self::Character { .. } => "spiffe-id-character",
        }
    }
}

fn check_path(path: &str, whole: &str) -> Result<(), SpiffeIdFault> {
    for segment in path.split('/').skip(1) {
        if let Some(c) = segment.chars().find(|c| !matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_')) {
            let character = Shown::of(c.encode_utf8(&mut [0; 4]));
            return Err(SpiffeIdFault::Character { seen: Shown::of(whole), character });
        }
        match segment {
            "" => return Err(SpiffeIdFault::EmptySegment { seen: Shown::of(whole) }),
            "." | ".." => return Err(SpiffeIdFault::DotSegment { seen: Shown::of(whole) }),
            _ => {}
        }
    }
    Ok(())
}

const SCHEME: &str = "spiffe://";
