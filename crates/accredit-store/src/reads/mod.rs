//! The reads. Each sees one state of the store, however much is written meanwhile; long ones go page by page.

mod checkpoint;
mod find;
mod history;
mod keys;
mod log;
mod merged;
mod news;
mod pins;
mod resources;
mod revoked;
mod sightings;
mod stretch;
mod verify;

pub(crate) use checkpoint::checkpoint;
pub(crate) use find::{find_record, find_record_about, places_since};
pub(crate) use history::{changes_since, load_at};
pub(crate) use keys::keys;
pub(crate) use log::{chains, clock_mark, page, size};
pub(crate) use news::{known, news, other_connections};
pub(crate) use pins::pins;
pub(crate) use resources::load_each;
pub(crate) use revoked::revoked_tokens;
pub(crate) use sightings::sightings;
pub(crate) use stretch::{due_chains, places_of, records_from, waiting_since, written_between};
pub(crate) use verify::verify;

pub use log::{Found, Page, Place, PlaceFault};
pub use stretch::{Stretch, Waiting};
