//! Backups: a store's tables in a file of our own form, the same from every database and for every database.
//!
//! A backup is one state of the store, made while others write. It holds private keys as the store holds them: sealed under
//! a key-encryption key that is in neither.

mod fault;
mod frame;
mod inspect;
mod read;
mod restore;
mod tables;
mod write;

pub use fault::ArchiveFault;
pub use inspect::Inspected;
pub use read::{About, Archive, Digest};
pub use restore::{Restoration, RestoreDeed, RestoreFault};
pub use write::Asked;

pub(crate) use read::tag;
pub(crate) use restore::restore;
pub(crate) use write::write;
