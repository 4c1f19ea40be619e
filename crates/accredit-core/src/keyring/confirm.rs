//! What nodes say they have seen of a trust domain's keys, before a new one signs.
//!
//! A node hands the bundle of its trust domain on to its workloads, and says which one that is each time it comes. A key
//! that a node does not have yet would make the node's workloads refuse what it signs.

use accredit_id::time::Timestamp;

use super::{Key, Schedule};
use crate::model::Id;

/// What one node said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// The trust domain.
    pub domain: Id,
    /// The node, by its name in that trust domain.
    pub node: String,
    /// The sequence of the bundle that it hands on.
    pub sequence: u64,
    /// When it said so.
    pub seen_at: Timestamp,
}

/// Whether a new key of a trust domain must wait for a node: one that is there and has not confirmed a bundle with it. A
/// node that has not come for several refresh hints has gone away, or hands on nothing that anybody should rely on.
pub fn awaits(confirmations: &[Confirmation], key: &Key, now: Timestamp, schedule: &Schedule) -> bool {
    let Some(domain) = key.slot.domain else { return false };
    // Published with the first keys: whoever has any bundle has it.
    let Some(bundle) = key.life.bundle else { return false };
    let is_behind = |said: &Confirmation| said.domain == domain && said.sequence < bundle;
    confirmations.iter().any(|said| is_behind(said) && schedule.is_there(said.seen_at, now))
}
