//! Takes away what was kept long enough, or what somebody has a right to have taken away: values, or whole records.
//!
//! Each stretch is a transaction of its own, so that exchanges go on meanwhile; the record of the sweep comes with the first one
//! that takes anything. The chain goes on holding: it covers commitments to values, and where records go, a signed checkpoint
//! says up to where.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::{erase_values, pack};
use crate::audit::{Head, NewRecord, SignedCheckpoint, SignedHead, keep_values};
use crate::backend::{Connection, begin_write, fault, query_as, statement};
use crate::chain::Chain;
use crate::error::StoreError;
use crate::head;
use crate::reads::{self, Asked, Cut, Place};
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

/// Which records go, and what makes their absence be told from a theft. Those that no signed head covers stay.
#[derive(Clone)]
pub struct Removal {
    before: i64,
    sinks: Vec<String>,
    keys: HeadKeys,
    signed_at: i64,
    /// What was found to be removable, oldest first.
    cuts: VecDeque<Cut>,
}

/// What is done by keys that this crate does not hold.
#[derive(Clone)]
pub struct HeadKeys {
    /// Signs what a checkpoint is signed as; without a signature nothing is removed.
    pub sign: SignCheckpoint,
    /// Whether the signature of a head holds.
    pub verify: VerifyHead,
}

/// Signs what a checkpoint is signed as, with a key that this crate does not hold.
pub type SignCheckpoint = Arc<dyn Fn(&Head) -> Option<SignedHead> + Send + Sync>;

/// Whether the signature of a head holds, by a key that this crate does not hold.
pub type VerifyHead = Arc<dyn Fn(&SignedHead) -> bool + Send + Sync>;

/// How far a sweep has come.
#[derive(Debug)]
pub struct Swept {
    /// How many batches this stretch took something from.
    pub taken: u64,
    /// What is left to be swept, if anything is.
    pub left: Option<Sweep>,
}

// === impl Removal ===

impl Removal {
    /// Records of batches that were written before `before` and that each of `sinks` has confirmed. Their checkpoints are signed
    /// at `signed_at`. Unix seconds.
    pub fn new(before: i64, sinks: Vec<String>, keys: HeadKeys, signed_at: i64) -> Self {
        Self { before, sinks, keys, signed_at, cuts: VecDeque::new() }
    }
}

impl fmt::Debug for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Removal").field("before", &self.before).field("sinks", &self.sinks).finish_non_exhaustive()
    }
}

/// See [`Store::prepare_sweep`](crate::Store::prepare_sweep).
pub(crate) async fn prepare_sweep(connection: &mut Connection, sweep: Sweep) -> Result<Sweep, StoreError> {
    let Sweep::Records(mut removal) = sweep else { return Ok(sweep) };
    if removal.cuts.is_empty() {
        let Removal { before, ref sinks, ref keys, signed_at, .. } = removal;
        let asked = Asked { before, sinks, verify: &*keys.verify, signed_at };
        removal.cuts = reads::removable(connection, &asked).await?;
    }
    Ok(Sweep::Records(removal))
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
        Sweep::Records(removal) => remove(connection, removal).await,
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

/// Removes one stretch of old batches of one chain.
async fn remove(connection: &mut Connection, mut removal: Removal) -> Result<Swept, StoreError> {
    let Some(Cut { ordinal, after, checkpoint }) = removal.cuts.pop_front() else {
        return Ok(Swept { taken: 0, left: None });
    };
    let begins = reads::checkpoint(connection, ordinal).await?.map_or(0, |signed| signed.checkpoint.number);
    if begins != after {
        // Another server was faster, and it is looked again.
        removal.cuts.clear();
        return Ok(Swept { taken: 0, left: Some(Sweep::Records(removal)) });
    }
    let Some(SignedHead { key_id, signature, .. }) = (removal.keys.sign)(&checkpoint.to_sign()) else {
        return Ok(Swept { taken: 0, left: None });
    };
    let taken = cut(connection, ordinal, &SignedCheckpoint { checkpoint, key_id, signature }).await?;
    Ok(Swept { taken, left: Some(Sweep::Records(removal)) })
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

/// Batches whose values go in one transaction: few enough that exchanges do not wait for it.
const AT_ONCE: u64 = 250;
