//! What tokens of a provider have shown: some of it was only learned, some of it raised an alarm.

use crate::audit::NewRecord;
use crate::chain::fixed;
use crate::error::StoreError;

/// Something that tokens of a provider show. Each thing is there once for each provider and code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The id of the provider.
    pub provider: String,
    /// What kind of thing it is.
    pub code: String,
    /// The thing.
    pub thing: String,
    /// Its own id, unique in the store.
    pub id: String,
    /// Whether somebody is to know; else it was learned as what is usual.
    pub alarm: bool,
    /// When it was seen first, Unix seconds.
    pub first_seen: i64,
    /// When it was seen last, Unix seconds.
    pub last_seen: i64,
    /// The decision about the first token that showed it.
    pub decision: [u8; 16],
    /// Why somebody says that it is all right.
    pub acknowledged: Option<String>,
}

/// Puts sightings down, or says that one is all right.
#[derive(Clone, Debug)]
pub struct SightingDeed {
    /// New ones. What is there already stays as it is.
    pub sighted: Vec<Sighting>,
    /// The id of one that is all right, and why.
    pub acknowledged: Option<(String, String)>,
    /// What is put down about it. Never empty.
    pub records: Vec<NewRecord>,
}

/// The columns of a sighting, in the order in which every statement names them.
pub(crate) type Columns = (String, String, String, String, bool, i64, i64, Vec<u8>, Option<String>);

// === impl Sighting ===

impl TryFrom<Columns> for Sighting {
    type Error = StoreError;

    fn try_from(columns: Columns) -> Result<Self, StoreError> {
        let (provider, code, thing, id, alarm, first_seen, last_seen, decision, acknowledged) = columns;
        let decision = fixed("decision id", decision)?;
        Ok(Self { provider, code, thing, id, alarm, first_seen, last_seen, decision, acknowledged })
    }
}
