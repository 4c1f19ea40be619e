//! The chain that this process writes: where its next batch goes, and how a batch gets there.

use crate::audit::{self, Batch, ChainId, Checkpoint, Content, MAX_RECORD_BYTES, Tail, pack};
use crate::backend::{Connection, Statement, fault, query_as, statement};
use crate::error::StoreError;
use crate::{reads, sql};

/// The end of the chain that this process writes. There is one for each [`Store::open_chain`](crate::Store::open_chain);
/// whoever holds it writes alone.
#[derive(Debug)]
pub struct Chain {
    ordinal: i64,
    tail: Tail,
    /// When its last batch was written, as it says, in Unix seconds. No batch says an earlier time than the one before it: whoever
    /// looks for a time in a chain does so by halves, and would miss what a clock that was set back has put out of order. Records
    /// tell their own times.
    latest: i64,
    /// Where the chain may end: one end for each write that is under way, was given up or failed since the last one that is
    /// known to have succeeded. The store is asked which is true. On a database elsewhere, a write that was given up may
    /// still come about behind one that failed after it.
    in_doubt: Vec<Tail>,
}

// === impl Chain ===

impl Chain {
    pub(crate) fn new(ordinal: i64, tail: Tail) -> Self {
        Self { ordinal, tail, latest: i64::MIN, in_doubt: Vec::new() }
    }

    /// Its name.
    pub fn id(&self) -> ChainId {
        self.tail.chain
    }

    /// Where it ends.
    pub(crate) fn tail(&self) -> Tail {
        self.tail
    }

    /// What is to be signed now, `signed_at` in Unix seconds.
    pub fn head(&self, signed_at: i64) -> audit::Head {
        audit::Head { chain: self.tail.chain, number: self.tail.number, hash: self.tail.hash, signed_at }
    }

    /// Finds out where the chain ends, when a write before this one was given up or failed. An end that is none of the
    /// possible ones is somebody else's doing: going on from there would hide it.
    pub(crate) async fn settle(&mut self, connection: &mut Connection) -> Result<(), StoreError> {
        if self.in_doubt.is_empty() {
            return Ok(());
        }
        let (number, hash) = tail(connection, self.ordinal).await?;
        let found = Tail { chain: self.tail.chain, number, hash };
        if found == self.tail {
            return Ok(());
        }
        if !self.in_doubt.contains(&found) {
            return Err(self.out_of_step());
        }
        self.committed(found);
        Ok(())
    }

    /// The batches that `records` make behind the chain's end. Nothing is written yet.
    pub(crate) fn pack<'r>(
        &self,
        written_at: i64,
        records: impl Iterator<Item = (&'r [u8; 16], &'r Content)>,
    ) -> Vec<Batch> {
        pack(self.tail, written_at.max(self.latest), records)
    }

    /// Writes batches, within the transaction that `connection` is in. Until [`Chain::committed`] is told that the
    /// transaction was committed, the chain is in doubt.
    pub(crate) async fn append(
        &mut self,
        connection: &mut Connection,
        batches: Vec<Batch>,
    ) -> Result<Tail, StoreError> {
        let tail = batches.last().map_or(self.tail, Tail::after);
        self.in_doubt.push(tail);
        for batch in batches {
            self.latest = self.latest.max(batch.written_at);
            let done = self.bind(sql::APPEND_BATCH, batch).execute(&mut *connection).await.map_err(fault)?;
            if done.rows_affected() != 1 {
                return Err(self.out_of_step());
            }
        }
        Ok(tail)
    }

    /// Writes one batch in a statement that is a transaction of its own, while nothing was revoked after `decided_on`.
    /// False when nothing was written, be it for a revocation or because the chain does not end here.
    pub(crate) async fn append_if_current(
        &mut self,
        connection: &mut Connection,
        batch: Batch,
        decided_on: i64,
    ) -> Result<bool, StoreError> {
        let tail = Tail::after(&batch);
        self.in_doubt.push(tail);
        self.latest = self.latest.max(batch.written_at);
        let query = self.bind(sql::APPEND_BATCH_IF_CURRENT, batch).bind(decided_on);
        let done = query.execute(connection).await.map_err(fault)?;
        let is_written = done.rows_affected() == 1;
        if is_written {
            self.committed(tail);
        } else {
            // It is over, and was for nothing; those before it may still be on their way.
            self.in_doubt.pop();
        }
        Ok(is_written)
    }

    /// What `append` wrote is committed.
    pub(crate) fn committed(&mut self, tail: Tail) {
        self.tail = tail;
        self.in_doubt.clear();
    }

    fn out_of_step(&self) -> StoreError {
        StoreError::ChainOutOfStep { chain: self.tail.chain, number: self.tail.number }
    }

    fn bind(&self, text: &'static str, batch: Batch) -> Statement {
        statement(text)
            .bind(self.ordinal)
            .bind(batch.number)
            .bind(batch.written_at)
            .bind(batch.records)
            .bind(batch.bytes)
            .bind(batch.previous.to_vec())
            .bind(batch.hash.to_vec())
            .bind(batch.summary)
            .bind(batch.erasable)
            .bind(batch.body)
    }
}

/// Where the chain `ordinal` ends.
pub(crate) async fn tail(connection: &mut Connection, ordinal: i64) -> Result<(i64, [u8; 32]), StoreError> {
    let last: Option<(i64, Vec<u8>)> =
        query_as(sql::CHAIN_TAIL).bind(ordinal).fetch_optional(&mut *connection).await.map_err(fault)?;
    let (number, hash) = match last {
        Some(last) => last,
        None => {
            let checkpoint = reads::checkpoint(connection, ordinal).await?;
            if let Some(Checkpoint { number, hash, .. }) = checkpoint.map(|signed| signed.checkpoint) {
                return Ok((number, hash));
            }
            let (hash,) = query_as(sql::CHAIN_ORIGIN).bind(ordinal).fetch_one(connection).await.map_err(fault)?;
            (0, hash)
        }
    };
    Ok((number, fixed("hash", hash)?))
}

/// Bytes of the width that they were written in.
pub(crate) fn fixed<const N: usize>(what: &str, bytes: Vec<u8>) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|bytes: Vec<u8>| StoreError::Corrupt {
        what: format!("expected {what} of {N} bytes, got {}", bytes.len()),
    })
}

/// Refuses what would not fit into a batch.
pub(crate) fn check_size(content: &Content) -> Result<(), StoreError> {
    let bytes = content.size();
    if bytes > MAX_RECORD_BYTES { Err(StoreError::RecordTooLarge { bytes }) } else { Ok(()) }
}
