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
    let id = chain.origin.chain;
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
        let batches: Vec<BatchColumns> = query_as(sql::BATCHES_BETWEEN)
            .bind(chain.ordinal)
            .bind(next)
            .bind(last)
            .fetch_all(&mut *connection)
            .await
            .map_err(fault)?;
        for columns in batches {
            verifier.batch(&batch(id, columns)?);
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
    let heads: Vec<HeadColumns> = query_as(sql::HEADS_BETWEEN)
        .bind(chain.ordinal)
        .bind(range.0)
        .bind(range.1)
        .fetch_all(&mut *connection)
        .await
        .map_err(fault)?;
    for (number, key_id, signed_at, hash, signature) in heads {
        let head = Head { chain: chain.origin.chain, number, hash: fixed("hash", hash)?, signed_at };
        verifier.head(&SignedHead { head, key_id, signature });
    }
    Ok(())
}

fn batch(chain: ChainId, columns: BatchColumns) -> Result<Batch, StoreError> {
    let (number, written_at, records, bytes, previous, hash, summary, erasable, body) = columns;
    let (previous, hash) = (fixed("hash", previous)?, fixed("hash", hash)?);
    Ok(Batch { chain, number, written_at, records, bytes, previous, hash, summary, erasable, body })
}

const BATCHES_AT_ONCE: i64 = 16;
