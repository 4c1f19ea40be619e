//! What can be wrong with bundles.

use crate::jose::jwk::{KeyFault, KeySetFault};
use crate::json::JsonFault;
use crate::shown::Shown;
use crate::svid::authority::AuthorityFault;
use crate::trust_domain::TrustDomainFault;

/// Why one entry of a bundle is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// The key itself.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// No `use`: nobody knows what it is for (section 4.2.1).
    #[error("member `use` is missing")]
    UseMissing,
    /// An authority without a certificate, or with one that is no text.
    #[error("member `x5c` is {seen}, expected an array that begins with a certificate")]
    Chain {
        /// What was seen.
        seen: &'static str,
    },
    /// An authority's certificate.
    #[error(transparent)]
    Authority(#[from] AuthorityFault),
}

/// Why a whole bundle is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    /// More bytes than are read.
    #[error("bundle has {bytes} bytes, expected at most 1048576")]
    TooLarge {
        /// The length seen.
        bytes: usize,
    },
    /// Not a JSON object.
    #[error("bundle is not usable: {0}")]
    Json(#[from] JsonFault),
    /// No array `keys`.
    #[error("bundle's member `keys` is {seen}, expected an array")]
    Keys {
        /// What was seen.
        seen: &'static str,
    },
    /// More keys than are looked at.
    #[error("bundle has {seen} keys, expected at most 100")]
    TooManyKeys {
        /// How many there are.
        seen: usize,
    },
    /// `spiffe_sequence` or `spiffe_refresh_hint` is no whole number that is not negative.
    #[error("bundle's member `{name}` is {seen}, expected a whole number from 0 on")]
    Number {
        /// The member.
        name: &'static str,
        /// What was seen.
        seen: &'static str,
    },
    /// An uploaded bundle holds an entry that can never be used.
    #[error("key {} (`kid` `{kid}`): {fault}", .index + 1)]
    Entry {
        /// Its place in `keys`, from 0.
        index: usize,
        /// Its `kid`, empty when it has none.
        kid: Shown,
        /// What is wrong.
        fault: EntryFault,
    },
    /// Two keys answer to one name.
    #[error(transparent)]
    KeySet(KeySetFault),
    /// There are keys for SVIDs, and none of them can be used: that is a mistake, and not a revocation of everything.
    #[error("bundle holds {keys} keys for SVIDs and none is usable, the first because: {first}")]
    NoUsableKey {
        /// How many.
        keys: usize,
        /// Why the first of them is not.
        first: EntryFault,
    },
}

/// Why a whole map of bundles is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapFault {
    /// More bytes than are read.
    #[error("bundle map has {bytes} bytes, expected at most 1048576")]
    TooLarge {
        /// The length seen.
        bytes: usize,
    },
    /// Not a JSON object; a trust domain that stands twice included (section 4.3).
    #[error("bundle map is not usable: {0}")]
    Json(#[from] JsonFault),
    /// No object `trust_domains`.
    #[error("bundle map's member `trust_domains` is {seen}, expected an object")]
    TrustDomains {
        /// What was seen.
        seen: &'static str,
    },
    /// A name that is no trust domain's.
    #[error(transparent)]
    TrustDomain(#[from] TrustDomainFault),
    /// One of its bundles.
    #[error("bundle of `{trust_domain}`: {fault}")]
    Bundle {
        /// Whose.
        trust_domain: Shown,
        /// What is wrong.
        fault: Box<BundleFault>,
    },
}

// === impl EntryFault ===

impl EntryFault {
    /// A stable name of the fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Key(fault) => fault.code(),
            Self::UseMissing => "bundle-use-missing",
            Self::Chain { .. } => "bundle-chain",
            Self::Authority(fault) => fault.code(),
        }
    }

    /// Whether somebody must hear of it: the bundle shows what ought to be secret.
    #[must_use]
    pub const fn is_alarming(&self) -> bool {
        matches!(self, Self::Key(fault) if fault.is_alarming())
    }

    /// Whether the entry is for something that is not known here, which every honest bundle may hold.
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        match self {
            Self::Key(fault) => fault.is_foreign(),
            Self::UseMissing => true,
            Self::Chain { .. } | Self::Authority(_) => false,
        }
    }
}

// === impl BundleFault ===

impl BundleFault {
    /// A stable name of the fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "bundle-too-large",
            Self::Json(fault) => fault.code(),
            Self::Keys { .. } => "bundle-without-keys",
            Self::TooManyKeys { .. } => "bundle-too-many-keys",
            Self::Number { .. } => "bundle-number",
            Self::Entry { fault, .. } => fault.code(),
            Self::KeySet(fault) => fault.code(),
            Self::NoUsableKey { .. } => "bundle-no-usable-key",
        }
    }
}

// === impl MapFault ===

impl MapFault {
    /// A stable name of the fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "bundle-map-too-large",
            Self::Json(fault) => fault.code(),
            Self::TrustDomains { .. } => "bundle-map-without-trust-domains",
            Self::TrustDomain(fault) => fault.code(),
            Self::Bundle { fault, .. } => fault.code(),
        }
    }
}
