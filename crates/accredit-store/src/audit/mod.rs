//! The log: records in batches, batches in chains, and what proves that nobody changed them since.
//!
//! ```text
//! chain A   origin <- batch 1 <- batch 2 <- batch 3         (a process's life)
//!                                    ^         ^
//!                               signed head    |
//! chain B                                   origin <- batch 1 <- ...
//! ```
//!
//! Each arrow is a hash. Everything here is pure: bytes in, bytes out.

mod batch;
mod breaks;
mod chain;
mod digest;
mod record;
mod thread;
mod verify;

pub use batch::{Batch, MAX_BATCH_BYTES, MAX_BATCH_RECORDS};
pub use breaks::Break;
pub use chain::{ChainId, Checkpoint, Head, Link, Origin, SignedCheckpoint, SignedHead};
pub use record::{Content, Erasable, MAX_RECORD_BYTES, NewRecord, Record, Unreadable, Value};
pub use verify::{MAX_LISTED_BREAKS, Verification, Verifier, verify};

pub(crate) use batch::{Tail, pack};
pub(crate) use record::{keep_values, prefix};
pub(crate) use thread::Thread;
