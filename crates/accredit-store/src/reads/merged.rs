//! The log of several servers, newest first: chains that grew beside each other, merged by the times of their batches.
//!
//! A clock that was set back, or that differs from another server's, makes records stand elsewhere than they happened; none
//! is left out for it within its chain.

use std::collections::{BinaryHeap, HashMap, VecDeque};

use super::find::first_written_from;
use super::log::{Columns, Found, Page, Place, newest_first};
use crate::backend::{Connection, fault, query_as};
use crate::error::StoreError;
use crate::sql;

/// What comes next of a chain: when its batch was written, the chain, the batch.
type Next = (i64, i64, i64);

/// Whether chains lie beside each other.
pub(super) async fn is_needed(connection: &mut Connection) -> Result<bool, StoreError> {
    let (beside,): (i64,) = query_as(sql::CHAINS_BESIDE).fetch_one(connection).await.map_err(fault)?;
    Ok(beside > 0)
}

/// See [`Store::audit_page`](crate::Store::audit_page).
pub(super) async fn page(
    connection: &mut Connection,
    before: Option<Place>,
    limit: usize,
    mut keep: impl FnMut(&Found) -> bool,
) -> Result<Page, StoreError> {
    let mut next = begin(connection, before).await?;
    let mut read: HashMap<i64, VecDeque<Columns>> = HashMap::new();
    let mut records = Vec::new();
    let mut last = before;
    for _ in 0..BATCHES_AT_MOST {
        let Some((_, chain, number)) = next.pop() else { return Ok(Page { records, next: None }) };
        let batches = read.entry(chain).or_default();
        if batches.is_empty() {
            let more = query_as(sql::BATCHES_OF).bind(chain).bind(number).bind(BATCHES_AT_ONCE);
            batches.extend(more.fetch_all(connection).await.map_err(fault)?);
        }
        let Some(batch) = batches.pop_front() else { continue };
        for found in newest_first(batch)? {
            // The batch that a page ended in is read again, up to where it ended.
            if before.is_some_and(|before| found.place.is_of_batch(before) && found.place >= before) {
                continue;
            }
            last = Some(found.place);
            if keep(&found) {
                records.push(found);
            }
            if records.len() >= limit {
                return Ok(Page { records, next: last });
            }
        }
        match batches.front() {
            Some((_, _, number, written_at, ..)) => next.push((*written_at, chain, *number)),
            None if number > 1 => next.extend(place_of(connection, chain, number - 1).await?),
            None => {}
        }
    }
    Ok(Page { records, next: last })
}

/// Where each chain goes on behind a place of the log; from its end on where there is none.
async fn begin(connection: &mut Connection, before: Option<Place>) -> Result<BinaryHeap<Next>, StoreError> {
    let from = match before {
        Some(before) => place_of(connection, before.chain(), before.batch()).await?,
        None => None,
    };
    let (time, chain) = from.map_or((i64::MAX, i64::MAX), |(time, chain, _)| (time, chain));
    let ends: Vec<(i64, i64, i64)> = query_as(sql::CHAIN_ENDS).fetch_all(&mut *connection).await.map_err(fault)?;
    let mut next = BinaryHeap::with_capacity(ends.len());
    for (ordinal, end, written_at) in ends {
        if from.is_some_and(|(_, chain, _)| chain == ordinal) {
            next.extend(from);
        } else if (written_at, ordinal) < (time, chain) {
            next.push((written_at, ordinal, end));
        } else {
            let later = if ordinal > chain { time } else { time.saturating_add(1) };
            let first = first_written_from(connection, ordinal, end, later).await?;
            if first > 1 {
                next.extend(place_of(connection, ordinal, first - 1).await?);
            }
        }
    }
    Ok(next)
}

async fn place_of(connection: &mut Connection, chain: i64, number: i64) -> Result<Option<Next>, StoreError> {
    let written: Option<(i64,)> =
        query_as(sql::BATCH_TIME_FROM).bind(chain).bind(number).fetch_optional(connection).await.map_err(fault)?;
    Ok(written.map(|(written_at,)| (written_at, chain, number)))
}

const BATCHES_AT_ONCE: i64 = 16;
const BATCHES_AT_MOST: usize = 4096;
