//! The log, newest first.

use std::fmt;
use std::str::FromStr;

use super::merged;
use crate::audit::{Batch, ChainId, Link, Origin, Record};
use crate::backend::{Connection, fault, query_as, store_bytes};
use crate::chain::fixed;
use crate::error::StoreError;
use crate::sql;

/// Where a record lies: its chain (counted from 1), its batch, its place in the batch (from 0).
///
/// As text it is three numbers with dots between them; a reader goes on from there with the next page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub(crate) chain: i64,
    pub(crate) number: i64,
    pub(crate) index: i64,
}

/// A record and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it lies.
    pub place: Place,
    /// The chain.
    pub chain: ChainId,
    /// When its batch was written, Unix seconds.
    pub written_at: i64,
    /// The record.
    pub record: Record,
}

/// Some records, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The records.
    pub records: Vec<Found>,
    /// Where to go on; `None` at the end of the log. A page may be short, even empty, and not be the last: a reader that
    /// keeps little is given what was found within a bounded stretch of the log.
    pub next: Option<Place>,
}

/// A chain as it is stored.
pub(crate) struct StoredChain {
    pub(crate) ordinal: i64,
    pub(crate) origin: Origin,
    pub(crate) erased_to: i64,
}

type ChainColumns = (i64, Vec<u8>, i64, Option<Vec<u8>>, Option<i64>, Option<Vec<u8>>, Vec<u8>, bool, i64);
pub(super) type Columns = (i64, Vec<u8>, i64, i64, Option<Vec<u8>>, Vec<u8>);

/// See [`Store::audit_page`](crate::Store::audit_page).
pub(crate) async fn page(
    connection: &mut Connection,
    before: Option<Place>,
    limit: usize,
    mut keep: impl FnMut(&Found) -> bool,
) -> Result<Page, StoreError> {
    if merged::is_needed(connection).await? {
        return merged::page(connection, before, limit, keep).await;
    }
    let mut before = before.unwrap_or(Place { chain: i64::MAX, number: i64::MAX, index: 0 });
    let mut records = Vec::new();
    for _ in 0..STRETCHES_AT_MOST {
        let batches: Vec<Columns> = query_as(sql::BATCHES_UP_TO)
            .bind(before.chain)
            .bind(before.number)
            .bind(BATCHES_AT_ONCE)
            .fetch_all(&mut *connection)
            .await
            .map_err(fault)?;
        let is_last = batches.len() < BATCHES_AT_ONCE as usize;
        for batch in batches {
            for found in newest_first(batch)? {
                // The batch that a page ended in is read again, up to where it ended.
                if found.place >= before {
                    continue;
                }
                before = found.place;
                if keep(&found) {
                    records.push(found);
                }
                if records.len() >= limit {
                    return Ok(Page { records, next: Some(before) });
                }
            }
        }
        if is_last {
            return Ok(Page { records, next: None });
        }
    }
    Ok(Page { records, next: Some(before) })
}

/// All chains, in the order in which they were opened.
pub(crate) async fn chains(connection: &mut Connection) -> Result<Vec<StoredChain>, StoreError> {
    let rows: Vec<ChainColumns> = query_as(sql::CHAINS).fetch_all(connection).await.map_err(fault)?;
    rows.into_iter().map(stored_chain).collect()
}

/// See [`Store::clock_mark`](crate::Store::clock_mark).
///
/// `is_shared`: chains are open beside the newest one, and any of them may have gone on for longest.
pub(crate) async fn clock_mark(connection: &mut Connection, is_shared: bool) -> Result<Option<i64>, StoreError> {
    let (batch, chain) = match is_shared {
        true => (sql::LAST_BATCH_TIME_OF_ALL, sql::LAST_CHAIN_TIME_OF_ALL),
        false => (sql::LAST_BATCH_TIME, sql::LAST_CHAIN_TIME),
    };
    let batch: Option<(Option<i64>,)> = query_as(batch).fetch_optional(&mut *connection).await.map_err(fault)?;
    let chain: Option<(Option<i64>,)> = query_as(chain).fetch_optional(connection).await.map_err(fault)?;
    Ok(batch.max(chain).and_then(|(at,)| at))
}

/// How many bytes the store has on its disk.
pub(crate) async fn size(connection: &mut Connection) -> Result<u64, StoreError> {
    let (bytes,): (i64,) = query_as(store_bytes(connection)).fetch_one(connection).await.map_err(fault)?;
    Ok(u64::try_from(bytes).unwrap_or_default())
}

/// The records of one batch, the newest first.
pub(super) fn newest_first(columns: Columns) -> Result<impl Iterator<Item = Found>, StoreError> {
    Ok(oldest_first(columns)?.into_iter().rev())
}

/// The records of one batch, as they were written.
pub(super) fn oldest_first(columns: Columns) -> Result<Vec<Found>, StoreError> {
    let (chain, id, number, written_at, erasable, body) = columns;
    let id = ChainId(fixed("chain id", id)?);
    let bare = Batch {
        chain: id,
        number,
        written_at,
        records: 0,
        bytes: 0,
        previous: [0; 32],
        hash: [0; 32],
        summary: Vec::new(),
        erasable,
        body,
    };
    let unreadable = |_| StoreError::Corrupt { what: format!("batch {number} of audit chain `{id}` cannot be read") };
    let records = bare.read().map_err(unreadable)?;
    let found = records.into_iter().zip(0..).map(move |(record, index)| Found {
        place: Place { chain, number, index },
        chain: id,
        written_at,
        record,
    });
    Ok(found.collect())
}

fn stored_chain(columns: ChainColumns) -> Result<StoredChain, StoreError> {
    let (ordinal, id, opened_at, chain, number, follows, hash, beside, erased_to) = columns;
    let follows = match (chain, number, follows) {
        (Some(chain), Some(number), Some(hash)) => {
            Some(Link { chain: ChainId(fixed("chain id", chain)?), number, hash: fixed("hash", hash)? })
        }
        _ => None,
    };
    let origin =
        Origin { chain: ChainId(fixed("chain id", id)?), opened_at, follows, beside, hash: fixed("hash", hash)? };
    Ok(StoredChain { ordinal, origin, erased_to })
}

// === impl Place ===

impl Place {
    /// The chain, counted from 1 in the order of opening.
    pub fn chain(self) -> i64 {
        self.chain
    }

    /// The record in its batch, from 0.
    pub fn index(self) -> i64 {
        self.index
    }

    /// The batch in the chain, from 1.
    pub fn batch(self) -> i64 {
        self.number
    }

    /// The beginning of a chain.
    pub fn beginning_of(chain: i64) -> Self {
        Self { chain, number: 1, index: 0 }
    }

    /// The place right behind this one, be there a record or not.
    pub fn next(self) -> Self {
        Self { index: self.index + 1, ..self }
    }

    /// Whether both lie in the same batch.
    pub(super) fn is_of_batch(self, other: Self) -> bool {
        (self.chain, self.number) == (other.chain, other.number)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.chain, self.number, self.index)
    }
}

/// The text is not a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("place in the log is malformed: expected three numbers with dots between them")]
pub struct PlaceFault;

impl FromStr for Place {
    type Err = PlaceFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut numbers = text.split('.').map(|number| number.parse::<u32>().map(i64::from).map_err(|_| PlaceFault));
        let mut number = || numbers.next().unwrap_or(Err(PlaceFault));
        let place = Self { chain: number()?, number: number()?, index: number()? };
        if numbers.next().is_some() { Err(PlaceFault) } else { Ok(place) }
    }
}

const BATCHES_AT_ONCE: i64 = 16;
const STRETCHES_AT_MOST: usize = 256;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let place: Place = "3.170.12".parse().unwrap();
        assert_eq!(place, Place { chain: 3, number: 170, index: 12 });
        assert_eq!(place.to_string(), "3.170.12");
        for text in ["", "1", "1.2", "1.2.3.4", "1.2.x", "1.2.-3", "1..3", " 1.2.3"] {
            assert_eq!(text.parse::<Place>(), Err(PlaceFault), "{text}");
        }
    }
}
