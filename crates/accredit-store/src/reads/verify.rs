//! Verifies the whole log, page by page.

use super::checkpoint::checkpoint;
use super::log::{StoredChain, chains};
use crate::audit::{Batch, ChainId, Head, SignedHead, Verification, Verifier};
use crate::backend::{Connection, begin_read, fault, query_as};
use crate::chain::fixed;
use crate::error::StoreError;
use crate::sql;

type BatchColumns = (i64, i64, i64, i64, Vec<u8>, Vec<u8>, Vec<u8>, Option<Vec<u8>>, Vec<u8>);
type HeadColumns = (i64, String, i64, Vec<u8>, Vec<u8>);

/// See [`Store::verify_audit`](crate::Store::verify_audit).
pub(crate) async fn verify(
    connection: &mut Connection,
    outside: &[SignedHead],
    verify_signature: impl FnMut(&SignedHead) -> bool,
) -> Result<Verification, StoreError> {
    let mut transaction = begin_read(connection).await?;
    let stored = chains(&mut transaction).await?;
    let origins = stored.iter().map(|chain| chain.origin.clone()).collect();
    let mut verifier = Verifier::new(origins, outside, verify_signature);
    for chain in &stored {
        verifier.next_chain();
        verify_chain(&mut transaction, chain, &mut verifier).await?;
    }
    transaction.rollback().await.map_err(fault)?;
    Ok(verifier.finish())
}

async fn verify_chain<F: FnMut(&SignedHead) -> bool>(
    connection: &mut Connection,
    chain: &StoredChain,
    verifier: &mut Verifier<'_, F>,
) -> Result<(), StoreError> {
    if let Some(signed) = checkpoint(connection, chain.ordinal).await? {
        verifier.checkpoint(&signed);
    }
    let mut after = i64::MIN;
    loop {
        // Pages are ranges of numbers and not counts of rows, so that no second batch of one number slips through.
        let (next,): (Option<i64>,) = query_as(sql::NEXT_BATCH_NUMBER)
            .bind(chain.ordinal)
            .bind(after)
            .fetch_one(&mut *connection)
            .await
            .map_err(fault)?;
        let last = next.map_or(i64::MAX, |next| next.saturating_add(BATCHES_AT_ONCE - 1));
        tell_heads(connection, chain, (after, last), verifier).await?;
        let Some(next) = next else { return Ok(()) };
        for batch in batches_between(connection, chain, (next, last)).await? {
            verifier.batch(&batch);
        }
        after = last;
    }
}

/// Tells the heads of the batches behind `range.0` up to `range.1`, before these are told.
async fn tell_heads<F: FnMut(&SignedHead) -> bool>(
    connection: &mut Connection,
    chain: &StoredChain,
    range: (i64, i64),
    verifier: &mut Verifier<'_, F>,
) -> Result<(), StoreError> {
    heads_between(connection, chain, range).await?.iter().for_each(|signed| verifier.head(signed));
    Ok(())
}

/// The batches `range.0` to `range.1` of a chain, in the order of their numbers.
pub(super) async fn batches_between(
    connection: &mut Connection,
    chain: &StoredChain,
    range: (i64, i64),
) -> Result<Vec<Batch>, StoreError> {
    let query = query_as(sql::BATCHES_BETWEEN).bind(chain.ordinal).bind(range.0).bind(range.1);
    let rows: Vec<BatchColumns> = query.fetch_all(connection).await.map_err(fault)?;
    rows.into_iter().map(|columns| batch(chain.origin.chain, columns)).collect()
}

/// The signed heads of a chain behind batch `range.0` up to `range.1`, in the order of their batches.
pub(super) async fn heads_between(
    connection: &mut Connection,
    chain: &StoredChain,
    range: (i64, i64),
) -> Result<Vec<SignedHead>, StoreError> {
    let query = query_as(sql::HEADS_BETWEEN).bind(chain.ordinal).bind(range.0).bind(range.1);
    let rows: Vec<HeadColumns> = query.fetch_all(connection).await.map_err(fault)?;
    let read = |(number, key_id, signed_at, hash, signature): HeadColumns| {
        let head = Head { chain: chain.origin.chain, number, hash: fixed("hash", hash)?, signed_at };
        Ok(SignedHead { head, key_id, signature })
    };
    rows.into_iter().map(read).collect()
}

fn batch(chain: ChainId, columns: BatchColumns) -> Result<Batch, StoreError> {
    let (number, written_at, records, bytes, previous, hash, summary, erasable, body) = columns;
    let (previous, hash) = (fixed("hash", previous)?, fixed("hash", hash)?);
    Ok(Batch { chain, number, written_at, records, bytes, previous, hash, summary, erasable, body })
}

const BATCHES_AT_ONCE: i64 = 16;
