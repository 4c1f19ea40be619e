//! First-use pins: which permanent id a name had when a mapping first let it in.

use crate::audit::NewRecord;
use crate::chain::fixed;
use crate::error::StoreError;

/// A name of a mapping and the id that it is pinned to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePin {
    /// Whose name it is.
    pub key: PinKey,
    /// The claim with the permanent id.
    pub id_claim: String,
    /// The id.
    pub id: String,
    /// The decision that pinned it.
    pub decision: [u8; 16],
    /// When, Unix seconds.
    pub at: i64,
}

/// Names one pin: a mapping pins each of its names once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PinKey {
    /// The id of the mapping.
    pub mapping: String,
    /// The claim with the name.
    pub claim: String,
    /// The name.
    pub name: String,
}

/// Somebody takes pins away. What was decided before is decided again.
#[derive(Clone, Debug)]
pub struct UnpinDeed {
    /// Which; those that are not there make no difference.
    pub keys: Vec<PinKey>,
    /// What is put down about it. Never empty.
    pub records: Vec<NewRecord>,
}

/// The columns of a pin, in the order in which every statement names them.
pub(crate) type Columns = (String, String, String, String, String, Vec<u8>, i64, Option<Vec<u8>>);

// === impl NamePin ===

impl NamePin {
    /// A pin and its seal.
    pub(crate) fn sealed(
        (mapping, claim, name, id_claim, id, decision, at, seal): Columns,
    ) -> Result<(Self, Option<Vec<u8>>), StoreError> {
        let decision = fixed("decision id", decision)?;
        Ok((Self { key: PinKey { mapping, claim, name }, id_claim, id, decision, at }, seal))
    }
}
