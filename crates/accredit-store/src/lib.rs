//! The memory of Accredit: resources and their history, decisions and the log that nobody can rewrite unseen, marks of
//! spent evidence, signing keys that it cannot open.
//!
//! Everything goes through [`Store`]. Law: no clock, no chance, no HTTP, no decision; SQL is nowhere else.

pub mod archive;
pub mod audit;

mod answer;
mod backend;
mod bundle;
mod chain;
mod confirmation;
mod copying;
mod deeds;
mod error;
mod exchange;
mod head;
mod key;
mod migrations;
mod multi_row;
mod news;
mod pin;
mod reads;
mod resource;
mod revocation;
mod seal;
mod sighting;
mod sql;
mod store;

pub use answer::{ANSWERS_LAST, KeptAnswer};
pub use bundle::{BundleDeed, KeptBundle};
pub use chain::Chain;
pub use confirmation::BundleConfirmation;
pub use copying::Copied;
pub use deeds::{HeadKeys, Removal, SignCheckpoint, Sweep, Swept, VerifyHead};
pub use error::StoreError;
pub use exchange::{Committed, Entry, EntryOutcome, FirstUse, MARK_MARGIN, Mark};
pub use head::Head;
pub use key::{KeyChange, KeyDeed, KeyLife, SigningKey};
pub use migrations::Schema;
pub use news::{Known, News};
pub use pin::{NamePin, PinKey, UnpinDeed};
pub use reads::{Found, Page, Place, PlaceFault, Stretch, Waiting};
pub use resource::{Change, Changes, Loaded, Row};
pub use revocation::{Revocation, RevokedToken};
pub use seal::Tampering;
pub use sighting::{Sighting, SightingDeed};
pub use store::Store;
