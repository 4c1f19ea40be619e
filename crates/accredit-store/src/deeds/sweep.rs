//! Takes away what was kept long enough, or what somebody has a right to have taken away: values, or whole records.
//!
//! Each stretch is a transaction of its own, so that exchanges go on meanwhile; the record of the sweep comes with the first one
//! that takes anything. The chain goes on holding: it covers commitments to values, and where records go, a signed checkpoint
//! says up to where.

use std::fmt;
use std::sync::Arc;

use super::{erase_values, pack};
use crate::audit::{Checkpoint, Head, NewRecord, SignedCheckpoint, SignedHead, keep_values};
use crate::backend::{Connection, begin_write, fault, query_as, statement};
use crate::chain::{self, Chain, fixed};
use crate::error::StoreError;
use crate::head;
use crate::reads::{self, Place};
use crate::sql;

/// What is to be taken away.
#[derive(Clone, Debug)]
pub enum Sweep {
    /// The values of everything that was written before a time, Unix seconds.
    Values {
        /// The time.
        before: i64,
    },
    /// The values of these records, in the order of the log.
    Of(Vec<Place>),
    /// Whole records, oldest first.
    Records(Removal),
}

/// Which records go, and what makes their absence be told from a theft.
#[derive(Clone)]
pub struct Removal {
    /// Those of batches that were written before it, Unix seconds.
    pub before: i64,
    /// Nothing that one of these sinks has not confirmed yet.
    pub sinks: Vec<String>,
    /// Signs a checkpoint's head; without a signature nothing is removed.
    pub sign: SignCheckpoint,
    /// When it is signed, Unix seconds.
    pub signed_at: i64,
}

/// Signs what a checkpoint is signed as, with a key that this crate does not hold.
pub type SignCheckpoint = Arc<dyn Fn(&Head) -> Option<SignedHead> + Send + Sync>;

/// How far a sweep has come.
#[derive(Debug)]
pub struct Swept {
    /// How many batches this stretch took something from.
    pub taken: u64,
    /// What is left to be swept, if anything is.
    pub left: Option<Sweep>,
}

// === impl Removal ===

impl fmt::Debug for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Removal").field("before", &self.before).field("sinks", &self.sinks).finish_non_exhaustive()
    }
}

/// See [`Store::begin_sweep`](crate::Store::begin_sweep).
pub(crate) async fn begin_sweep(
    connection: &mut Connection,
    chain: &mut Chain,
    sweep: Sweep,
    record: &NewRecord,
    at: i64,
) -> Result<Swept, StoreError> {
    chain.settle(connection).await?;
    let batches = pack(chain, std::slice::from_ref(record), at)?;
    let mut transaction = begin_write(connection).await?;
    // One server after the other: a checkpoint that knows less than the one before it would make the log look cut.
    head::hold(&mut transaction).await?;
    let swept = stretch(&mut transaction, sweep).await?;
    if swept.taken == 0 {
        // Kept is how far it was looked: a stretch in which nothing was to be had would be the next one again, without end.
        transaction.commit().await.map_err(fault)?;
        return Ok(swept);
    }
    let tail = chain.append(&mut transaction, batches).await?;
    transaction.commit().await.map_err(fault)?;
    chain.committed(tail);
    Ok(swept)
}

/// See [`Store::go_on_sweeping`](crate::Store::go_on_sweeping).
pub(crate) async fn go_on_sweeping(connection: &mut Connection, sweep: Sweep) -> Result<Swept, StoreError> {
    let mut transaction = begin_write(connection).await?;
    head::hold(&mut transaction).await?;
    let swept = stretch(&mut transaction, sweep).await?;
    transaction.commit().await.map_err(fault)?;
    Ok(swept)
}

async fn stretch(connection: &mut Connection, sweep: Sweep) -> Result<Swept, StoreError> {
    match sweep {
        Sweep::Values { before } => Ok(match erase_values::erase_stretch(connection, before).await? {
            Some(taken) => Swept { taken, left: Some(Sweep::Values { before }) },
            None => Swept { taken: 0, left: None },
        }),
        Sweep::Of(places) => {
            let (taken, left) = erase_places(connection, places).await?;
            Ok(Swept { taken, left: (!left.is_empty()).then_some(Sweep::Of(left)) })
        }
        Sweep::Records(removal) => Ok(match remove(connection, &removal).await? {
            0 => Swept { taken: 0, left: None },
            taken => Swept { taken, left: Some(Sweep::Records(removal)) },
        }),
    }
}

/// Erases the values at the first of the places; gives those that are left.
async fn erase_places(connection: &mut Connection, places: Vec<Place>) -> Result<(u64, Vec<Place>), StoreError> {
    let mut rest = places.as_slice();
    let mut taken = 0;
    while let Some(first) = rest.first().filter(|_| taken < AT_ONCE) {
        let same = rest.iter().take_while(|place| (place.chain, place.number) == (first.chain, first.number)).count();
        let (batch, behind) = rest.split_at(same);
        rest = behind;
        let erasable: Option<(Option<Vec<u8>>,)> = query_as(sql::ERASABLE_OF)
            .bind(first.chain)
            .bind(first.number)
            .fetch_optional(&mut *connection)
            .await
            .map_err(fault)?;
        let Some((Some(erasable),)) = erasable else { continue };
        let indexes: Vec<i64> = batch.iter().map(|place| place.index).collect();
        let kept = keep_values(&erasable, &indexes)
            .map_err(|_| StoreError::Corrupt { what: format!("values of batch {} cannot be read", first.number) })?;
        let query = statement(sql::PUT_ERASABLE).bind(first.chain).bind(first.number).bind(kept);
        query.execute(&mut *connection).await.map_err(fault)?;
        taken += 1;
    }
    Ok((taken, rest.to_vec()))
}

/// Removes one stretch of old batches of one chain. Gives how many.
async fn remove(connection: &mut Connection, removal: &Removal) -> Result<u64, StoreError> {
    for stored in reads::chains(connection).await? {
        let ordinal = stored.ordinal;
        let (next,): (Option<i64>,) = query_as(sql::NEXT_BATCH_NUMBER)
            .bind(ordinal)
            .bind(0_i64)
            .fetch_one(&mut *connection)
            .await
            .map_err(fault)?;
        let Some(next) = next else { continue };
        let (last, _) = chain::tail(connection, ordinal).await?;
        let delivered = delivered(connection, ordinal, &removal.sinks).await?;
        let to = (next + AT_ONCE as i64 - 1).min(last).min(delivered.saturating_sub(1));
        let (young,): (Option<i64>,) = query_as(sql::FIRST_NOT_BEFORE)
            .bind(ordinal)
            .bind(next - 1)
            .bind(to)
            .bind(removal.before)
            .fetch_one(&mut *connection)
            .await
            .map_err(fault)?;
        let to = young.map_or(to, |young| young - 1);
        if to >= next {
            let signed = sign(connection, removal, ordinal, stored.origin.chain, to).await?;
            let Some(signed) = signed else { return Ok(0) };
            return cut(connection, ordinal, &signed).await;
        }
    }
    Ok(0)
}

/// The first batch of a chain that some sink may lack.
async fn delivered(connection: &mut Connection, ordinal: i64, sinks: &[String]) -> Result<i64, StoreError> {
    if sinks.is_empty() {
        return Ok(i64::MAX);
    }
    let cursors: Vec<(String, i64)> =
        query_as(sql::CURSORS_OF).bind(ordinal).fetch_all(connection).await.map_err(fault)?;
    let of = |sink: &String| cursors.iter().find(|(name, _)| name == sink).map_or(0, |(_, number)| *number);
    Ok(sinks.iter().map(of).min().unwrap_or(i64::MAX))
}

async fn sign(
    connection: &mut Connection,
    removal: &Removal,
    ordinal: i64,
    chain: crate::audit::ChainId,
    number: i64,
) -> Result<Option<SignedCheckpoint>, StoreError> {
    let (hash,): (Vec<u8>,) =
        query_as(sql::BATCH_HASH).bind(ordinal).bind(number).fetch_one(&mut *connection).await.map_err(fault)?;
    let before = reads::checkpoint(connection, ordinal).await?.map_or(0, |signed| signed.checkpoint.records);
    let records = before + reads::written_between(connection, ordinal, 1, number).await?.records;
    let checkpoint = Checkpoint { chain, number, hash: fixed("hash", hash)?, records, signed_at: removal.signed_at };
    let signed = (removal.sign)(&checkpoint.to_sign());
    Ok(signed.map(|SignedHead { key_id, signature, .. }| SignedCheckpoint { checkpoint, key_id, signature }))
}

async fn cut(connection: &mut Connection, ordinal: i64, signed: &SignedCheckpoint) -> Result<u64, StoreError> {
    let SignedCheckpoint { checkpoint, key_id, signature } = signed;
    statement(sql::PUT_CHECKPOINT)
        .bind(ordinal)
        .bind(checkpoint.number)
        .bind(checkpoint.hash.to_vec())
        .bind(checkpoint.records)
        .bind(checkpoint.signed_at)
        .bind(key_id.as_str())
        .bind(signature.clone())
        .execute(&mut *connection)
        .await
        .map_err(fault)?;
    let heads = statement(sql::REMOVE_HEADS).bind(ordinal).bind(checkpoint.number);
    heads.execute(&mut *connection).await.map_err(fault)?;
    let batches = statement(sql::REMOVE_BATCHES).bind(ordinal).bind(checkpoint.number);
    Ok(batches.execute(connection).await.map_err(fault)?.rows_affected())
}

/// Batches in one transaction: few enough that exchanges do not wait for it.
const AT_ONCE: u64 = 250;
