//! SPIFFE bundles: the keys by which whatever a trust domain issues is verified (SPIFFE Trust Domain and Bundle sections 3
//! and 4).
//!
//! A bundle of JWKs says of each key what it is for. Whoever reads one passes over what he does not know; what is ambiguous
//! is refused. A bundle without keys is legal and means that everything of the trust domain is revoked.

mod fault;
mod map;
mod parse;
mod write;

use crate::jose::jwk::{KeySet, Source};
use crate::svid::authority::Authority;

pub use fault::{BundleFault, EntryFault, MapFault};
pub use map::parse_map;
pub use write::write;

/// The keys of one trust domain. Those of different ones are never put together.
#[derive(Debug, Default)]
pub struct Bundle {
    /// Grows with each change (`spiffe_sequence`), where its publisher counts.
    pub sequence: Option<u64>,
    /// After how many seconds it is worth asking again (`spiffe_refresh_hint`).
    pub refresh_hint: Option<u64>,
    /// The keys of JWT-SVIDs.
    pub jwt: KeySet,
    /// The authorities of X509-SVIDs, in the document's order, none twice.
    pub x509: Vec<Authority>,
    /// What is not used.
    pub dropped: Vec<DroppedEntry>,
}

/// An entry of a bundle that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedEntry {
    /// Its place in `keys`, from 0.
    pub index: usize,
    /// Its `kid`; empty when it has none that can be read.
    pub kid: Box<str>,
    /// Why.
    pub fault: EntryFault,
}

// === impl Bundle ===

impl Bundle {
    /// The largest document that is read.
    pub const MAX_BYTES: usize = KeySet::MAX_BYTES;

    /// The most keys of a document that are looked at.
    pub const MAX_KEYS: usize = KeySet::MAX_KEYS;

    /// Reads a bundle document.
    ///
    /// Entries of a type or use that is not known, and such without a use, are passed over. Of other entries that cannot be
    /// used, one of a person's upload refuses the whole; one of a fetched bundle is dropped, unless none is left.
    ///
    /// # Errors
    /// [`BundleFault`].
    pub fn parse(document: &[u8], source: Source) -> Result<Self, BundleFault> {
        parse::document(document, source)
    }

    /// Whether nothing verifies by it: everything of its trust domain is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jwt.is_empty() && self.x509.is_empty()
    }
}
