//! The reads. Each sees one state of the store, however much is written meanwhile; long ones go page by page.

mod answers;
mod bundles;
mod checkpoint;
mod find;
mod heads;
mod history;
mod key_of_seals;
mod keys;
mod log;
mod merged;
mod news;
mod pins;
mod removable;
mod resources;
mod restoration;
mod revoked;
mod sightings;
mod stretch;
mod verify;

pub(crate) use answers::kept_answer;
pub(crate) use bundles::{bundles, bundles_unchecked, check_bundles};
pub(crate) use checkpoint::checkpoint;
pub(crate) use find::{find_record, find_record_about, places_since};
pub(crate) use heads::heads;
pub(crate) use history::{changes_since, load_at, resource_behind};
pub(crate) use key_of_seals::key_of_seals;
pub(crate) use keys::{check_keys, key_seals, keys, keys_unchecked};
pub(crate) use log::{chains, clock_mark, page, size};
pub(crate) use news::{database_clock, known, news, other_connections};
pub(crate) use pins::{check_pins, pins, pins_unchecked};
pub(crate) use removable::{Asked, Cut, removable};
pub(crate) use resources::{check_resources, load_each, walk as walk_unchecked};
pub(crate) use restoration::restoration;
pub(crate) use revoked::{check_revoked, revoked_that_ended, revoked_tokens, revoked_unchecked};
pub(crate) use sightings::sightings;
pub(crate) use stretch::{due_chains, places_of, records_from, waiting_since, written_between};
pub(crate) use verify::verify;

pub use log::{Found, Page, Place, PlaceFault};
pub use stretch::{Stretch, Waiting};

/// Below every count of news.
pub(crate) const EVERYTHING: i64 = -1;
