//! The deeds: each writes something together with its record, in one transaction, or nothing.

mod answers;
mod apply_change;
mod begin_seals;
mod bundles;
mod change_keys;
mod commit_records;
mod cursors;
mod erase_values;
mod marks;
mod open_chain;
mod pins;
mod proofs;
mod revoke_token;
mod sight;
mod sweep;
mod write_head;

pub(crate) use answers::forget_answers;
pub(crate) use apply_change::apply_change;
pub(crate) use begin_seals::begin_seals;
pub(crate) use bundles::keep_bundle;
pub(crate) use change_keys::{change_keys, take_steps as take_key_steps};
pub(crate) use commit_records::{NotRecorded, commit_records, has_come_about};
pub(crate) use cursors::{begin_at_end, confirm, hold_chain};
pub(crate) use erase_values::erase_values;
pub(crate) use marks::{count_marks, doubt_evidence, foresee, forget_marks};
pub(crate) use open_chain::{open_chain, open_within as open_chain_within};
pub(crate) use pins::unpin;
pub(crate) use proofs::claim_proofs;
pub(crate) use revoke_token::revoke_token;
pub(crate) use sight::{see_again, sight};
pub(crate) use sweep::{begin_sweep, go_on_sweeping, prepare_sweep};
pub(crate) use write_head::write_head;

pub use sweep::{HeadKeys, Removal, SignCheckpoint, Sweep, Swept, VerifyHead};

use crate::audit::NewRecord;
use crate::backend::Connection;
use crate::chain::{Chain, check_size};
use crate::error::StoreError;
use crate::seal::Book;

/// Writes the ledger of a deed that has kept one.
async fn close(book: Option<Book<'_>>, connection: &mut Connection, records: &[NewRecord]) -> Result<(), StoreError> {
    match (book, records.first()) {
        (Some(book), Some(record)) => book.close(connection, &record.id).await,
        (Some(_), None) => Err(StoreError::Unrecorded),
        (None, _) => Ok(()),
    }
}

/// The batches that a deed's records make.
pub(crate) fn pack(chain: &Chain, records: &[NewRecord], at: i64) -> Result<Vec<crate::audit::Batch>, StoreError> {
    if records.is_empty() {
        return Err(StoreError::Unrecorded);
    }
    for record in records {
        check_size(&record.content)?;
    }
    Ok(chain.pack(at, records.iter().map(|record| (&record.id, &record.content))))
}
