//! Bundles of foreign trust domains.

use crate::audit::NewRecord;

/// The bundle that a federation or provider holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBundle {
    /// The id of the federation or provider.
    pub owner: String,
    /// The document as it was fetched.
    pub document: String,
    /// A digest of what its endpoint is known by at first; empty where that is the web's business.
    pub origin: String,
    /// Counts the documents, from 1.
    pub revision: i64,
    /// When it was fetched, Unix seconds.
    pub fetched_at: i64,
}

/// Somebody's bundle is replaced. Counts as news, and no decision is made again for it: keys are looked up anew for each.
#[derive(Clone, Debug)]
pub struct BundleDeed {
    /// The new one, whose revision follows that of the one that it replaces.
    pub bundle: KeptBundle,
    /// What is put down about it.
    pub record: NewRecord,
}

/// The columns of a bundle, in the order in which every statement names them.
pub(crate) type Columns = (String, String, String, i64, i64, Option<Vec<u8>>);

// === impl KeptBundle ===

impl KeptBundle {
    /// A bundle and its seal.
    pub(crate) fn sealed((owner, document, origin, revision, fetched_at, seal): Columns) -> (Self, Option<Vec<u8>>) {
        (Self { owner, document, origin, revision, fetched_at }, seal)
    }
}
