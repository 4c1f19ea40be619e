//! What may be removed from the log: old batches that are what was written, as far as signed heads cover them.
//!
//! What the store says of a batch is believed of none: each is hashed anew and linked to the one before it, from the chain's
//! beginning or its signed checkpoint on, and a head behind it, whose signature holds, must have the hash that comes out. Else
//! somebody who can write to the database would have the server sign for what he wants gone.

use std::collections::{BTreeSet, VecDeque};

use super::checkpoint::checkpoint;
use super::log::{StoredChain, chains};
use super::verify::{batches_between, heads_between};
use crate::audit::{Batch, Break, Checkpoint, SignedHead, Tail, Thread};
use crate::backend::{Connection, begin_read, fault, query_as};
use crate::error::StoreError;
use crate::sql;

/// What is asked for.
pub(crate) struct Asked<'r> {
    /// Batches that were written before it, Unix seconds.
    pub(crate) before: i64,
    /// Nothing that one of these sinks has not confirmed yet, nor one that another server has delivered to lately.
    pub(crate) sinks: &'r [String],
    /// Whether a head's signature holds.
    pub(crate) verify: &'r (dyn Fn(&SignedHead) -> bool + Send + Sync),
    /// When the checkpoints are signed, Unix seconds.
    pub(crate) signed_at: i64,
}

/// Batches that may be removed in one go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// Their chain.
    pub(crate) ordinal: i64,
    /// They begin behind this one.
    pub(crate) after: i64,
    /// What is to be signed for them.
    pub(crate) checkpoint: Checkpoint,
}

/// The cuts of the first chain that has any, oldest batches first.
///
/// # Errors
/// [`StoreError::Tampered`] where the log is not what was written.
pub(crate) async fn removable(connection: &mut Connection, asked: &Asked<'_>) -> Result<VecDeque<Cut>, StoreError> {
    let mut transaction = begin_read(connection).await?;
    let stored = chains(&mut transaction).await?;
    let sinks = sinks(&mut transaction, asked).await?;
    let mut cuts = VecDeque::new();
    for place in 0..stored.len() {
        cuts = of_chain(&mut transaction, &stored[place..], &sinks, asked).await?;
        if !cuts.is_empty() {
            break;
        }
    }
    transaction.rollback().await.map_err(fault)?;
    Ok(cuts)
}

/// The cuts of the first of these chains.
async fn of_chain(
    connection: &mut Connection,
    chains: &[StoredChain],
    sinks: &BTreeSet<String>,
    asked: &Asked<'_>,
) -> Result<VecDeque<Cut>, StoreError> {
    let Some((chain, later)) = chains.split_first() else { return Ok(VecDeque::new()) };
    let delivered = delivered(connection, chain.ordinal, sinks).await?;
    let mut walk = Walk::begin(connection, chain, asked).await?;
    let mut cuts = VecDeque::new();
    let mut after = walk.thread.tail().number;
    let mut covered = after;
    // The last old batch, while it is in no cut.
    let mut open = None;
    let mut is_old = true;
    while let Some(Step { written_at, is_covered }) = walk.step(connection, asked).await? {
        let number = walk.thread.tail().number;
        is_old &= written_at < asked.before && number < delivered;
        if is_old {
            open = Some(walk.thread.checkpoint(asked.signed_at));
        }
        if is_covered {
            covered = number;
        }
        let is_full = is_old && (is_covered || number - after >= AT_ONCE);
        if let Some(checkpoint) = open.take_if(|_| is_full) {
            cuts.push_back(Cut { ordinal: chain.ordinal, after, checkpoint });
            after = number;
        }
        let is_nothing_old = !is_old && open.is_none() && cuts.is_empty();
        if is_nothing_old || (is_covered && (!is_old || cuts.len() >= ENOUGH)) {
            break;
        }
    }
    if let Some(checkpoint) = open {
        cuts.push_back(Cut { ordinal: chain.ordinal, after, checkpoint });
    }
    let wanted = cuts.back().map_or(0, |cut| cut.checkpoint.number);
    if covered < wanted && is_vouched_for(connection, walk.thread.tail(), later, asked).await? {
        covered = wanted;
    }
    cuts.retain(|cut| cut.checkpoint.number <= covered);
    Ok(cuts)
}

/// Whether a chain that was opened behind this end is covered by a head: a process that was killed signed no last one, but the
/// next begins with the hash of where it ended.
async fn is_vouched_for(
    connection: &mut Connection,
    mut end: Tail,
    later: &[StoredChain],
    asked: &Asked<'_>,
) -> Result<bool, StoreError> {
    for next in later {
        let follows = next.origin.follows.filter(|link| (link.chain, link.number) == (end.chain, end.number));
        let Some(link) = follows else { continue };
        if link.hash != end.hash {
            return Err(tampered(&Break::ChainUnlinked { chain: next.origin.chain }));
        }
        // Where its own first batches were removed, nothing that is left names its beginning.
        if checkpoint(connection, next.ordinal).await?.is_some() {
            return Ok(false);
        }
        let mut walk = Walk::begin(connection, next, asked).await?;
        while let Some(step) = walk.step(connection, asked).await? {
            if step.is_covered {
                return Ok(true);
            }
        }
        end = walk.thread.tail();
    }
    Ok(false)
}

/// Every sink that is to have what goes: those that are asked for, and those of other servers.
async fn sinks(connection: &mut Connection, asked: &Asked<'_>) -> Result<BTreeSet<String>, StoreError> {
    let since = asked.signed_at.saturating_sub(FORGOTTEN_AFTER);
    let heard_of: Vec<(String,)> =
        query_as(sql::SINKS_HEARD_OF).bind(since).fetch_all(connection).await.map_err(fault)?;
    Ok(heard_of.into_iter().map(|(sink,)| sink).chain(asked.sinks.iter().cloned()).collect())
}

/// The first batch of a chain that some sink may lack.
async fn delivered(connection: &mut Connection, ordinal: i64, sinks: &BTreeSet<String>) -> Result<i64, StoreError> {
    if sinks.is_empty() {
        return Ok(i64::MAX);
    }
    let cursors: Vec<(String, i64)> =
        query_as(sql::CURSORS_OF).bind(ordinal).fetch_all(connection).await.map_err(fault)?;
    let of = |sink: &String| cursors.iter().find(|(name, _)| name == sink).map_or(0, |(_, number)| *number);
    Ok(sinks.iter().map(of).min().unwrap_or(i64::MAX))
}

/// A chain as it is followed, page by page.
struct Walk<'c> {
    chain: &'c StoredChain,
    thread: Thread,
    batches: VecDeque<Batch>,
    heads: VecDeque<SignedHead>,
}

/// One batch further.
struct Step {
    written_at: i64,
    /// Whether a head was signed here.
    is_covered: bool,
}

// === impl Walk ===

impl<'c> Walk<'c> {
    async fn begin(connection: &mut Connection, chain: &'c StoredChain, asked: &Asked<'_>) -> Result<Self, StoreError> {
        let thread = match checkpoint(connection, chain.ordinal).await? {
            None => Thread::from_origin(&chain.origin).map_err(|broken| tampered(&broken))?,
            Some(signed) if (asked.verify)(&signed.as_head()) => Thread::from_checkpoint(&signed.checkpoint),
            Some(signed) => {
                let Checkpoint { chain, number, .. } = signed.checkpoint;
                return Err(tampered(&Break::CheckpointForged { chain, number, key_id: signed.key_id }));
            }
        };
        Ok(Self { chain, thread, batches: VecDeque::new(), heads: VecDeque::new() })
    }

    /// Follows the chain to its next batch; `None` at its end.
    async fn step(&mut self, connection: &mut Connection, asked: &Asked<'_>) -> Result<Option<Step>, StoreError> {
        if self.batches.is_empty() {
            self.turn(connection).await?;
        }
        let Some(batch) = self.batches.pop_front() else { return Ok(None) };
        self.thread.follow(&batch).map_err(|broken| tampered(&broken))?;
        let mut is_covered = false;
        while let Some(signed) = self.heads.pop_front_if(|signed| signed.head.number <= batch.number) {
            if !(asked.verify)(&signed) {
                let (chain, number) = (signed.head.chain, signed.head.number);
                return Err(tampered(&Break::HeadForged { chain, number, key_id: signed.key_id }));
            }
            self.thread.meet(&signed.head).map_err(|broken| tampered(&broken))?;
            is_covered = true;
        }
        Ok(Some(Step { written_at: batch.written_at, is_covered }))
    }

    /// Reads the next page. It is a range of numbers and not a count of rows, so that no second batch of one number slips
    /// through.
    async fn turn(&mut self, connection: &mut Connection) -> Result<(), StoreError> {
        let after = self.thread.tail().number;
        let (next,): (Option<i64>,) = query_as(sql::NEXT_BATCH_NUMBER)
            .bind(self.chain.ordinal)
            .bind(after)
            .fetch_one(&mut *connection)
            .await
            .map_err(fault)?;
        let Some(next) = next else { return Ok(()) };
        let last = next.saturating_add(PAGE - 1);
        self.batches = batches_between(connection, self.chain, (next, last)).await?.into();
        self.heads = heads_between(connection, self.chain, (after, last)).await?.into();
        Ok(())
    }
}

fn tampered(broken: &Break) -> StoreError {
    StoreError::Tampered { what: broken.to_string() }
}

/// Batches in one cut: few enough that exchanges do not wait for it.
const AT_ONCE: i64 = 250;
/// Cuts that are looked for at once, unless the next head lies behind more.
const ENOUGH: usize = 16;
/// How long a sink that no server delivers to any more keeps records, seconds. A week: its server may be away that long.
const FORGOTTEN_AFTER: i64 = 7 * 24 * 3600;
/// Batches that are read at once.
const PAGE: i64 = 16;
