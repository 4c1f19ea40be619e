//! The log in the order in which it was written, a stretch at a time: for whoever delivers it elsewhere.

use super::log::{Columns, Found, Place, oldest_first};
use crate::audit::{ChainId, Record, Value};
use crate::backend::{Connection, fault, query_as};
use crate::error::StoreError;
use crate::sql;

/// Some records of one chain, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The records.
    pub records: Vec<Found>,
    /// Where the next stretch begins.
    pub next: Place,
}

/// What waits behind a place of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// How many records.
    pub records: i64,
    /// The last batch that was counted.
    pub last: i64,
}

/// See [`Store::due_chains`](crate::Store::due_chains).
pub(crate) async fn due_chains(
    connection: &mut Connection,
    sink: &str,
    holder: ChainId,
    heard_of: i64,
) -> Result<Vec<Place>, StoreError> {
    let rows: Vec<(i64, i64, i64)> = query_as(sql::DUE_CHAINS)
        .bind(sink)
        .bind(holder.0.to_vec())
        .bind(heard_of)
        .fetch_all(connection)
        .await
        .map_err(fault)?;
    Ok(rows.into_iter().map(|(chain, number, index)| Place { chain, number, index }).collect())
}

/// See [`Store::records_from`](crate::Store::records_from).
pub(crate) async fn records_from(connection: &mut Connection, from: Place) -> Result<Stretch, StoreError> {
    let sizes: Vec<(i64, i64)> = query_as(sql::BATCH_SIZES_FROM)
        .bind(from.chain)
        .bind(from.number)
        .bind(BATCHES)
        .fetch_all(&mut *connection)
        .await
        .map_err(fault)?;
    let mut bytes = 0;
    let fits = |(place, (_, size)): &(usize, (i64, i64))| {
        bytes += size;
        *place == 0 || bytes <= BYTES
    };
    let last = sizes.into_iter().enumerate().take_while(fits).last();
    let Some((_, (last, _))) = last else { return Ok(Stretch { records: Vec::new(), next: from }) };
    let batches = within(connection, sql::BATCHES_WITHIN, from.chain, from.number, last).await?;
    let mut records = Vec::new();
    for batch in batches {
        records.extend(oldest_first(batch)?.into_iter().filter(|found| found.place >= from));
    }
    Ok(Stretch { records, next: Place { chain: from.chain, number: last + 1, index: 0 } })
}

/// See [`Store::written_between`](crate::Store::written_between).
pub(crate) async fn written_between(
    connection: &mut Connection,
    chain: i64,
    first: i64,
    last: i64,
) -> Result<Waiting, StoreError> {
    let (records, end): (i64, Option<i64>) =
        query_as(sql::RECORDS_FROM).bind(chain).bind(first).bind(last).fetch_one(connection).await.map_err(fault)?;
    Ok(Waiting { records, last: end.unwrap_or(first - 1) })
}

/// See [`Store::waiting_since`](crate::Store::waiting_since).
pub(crate) async fn waiting_since(connection: &mut Connection, from: Place) -> Result<Option<i64>, StoreError> {
    let at: Option<(i64,)> = query_as(sql::BATCH_TIME_FROM)
        .bind(from.chain)
        .bind(from.number)
        .fetch_optional(connection)
        .await
        .map_err(fault)?;
    Ok(at.map(|(at,)| at))
}

/// The places of records that still have a value and that `is_meant` says yes to, within a stretch of batches of one chain;
/// and the last batch of that stretch, `None` behind the end.
pub(crate) async fn places_of(
    connection: &mut Connection,
    from: Place,
    is_meant: &mut (dyn FnMut(&Record) -> bool + Send),
) -> Result<(Vec<Place>, Option<i64>), StoreError> {
    let next: (Option<i64>,) = query_as(sql::NEXT_BATCH_NUMBER)
        .bind(from.chain)
        .bind(from.number - 1)
        .fetch_one(&mut *connection)
        .await
        .map_err(fault)?;
    let Some(first) = next.0 else { return Ok((Vec::new(), None)) };
    let last = first + WALKED - 1;
    let mut places = Vec::new();
    for batch in within(connection, sql::ERASABLE_WITHIN, from.chain, first, last).await? {
        let meant = oldest_first(batch)?;
        let meant = meant.into_iter().filter(|found| matches!(found.record.value, Value::Present(_)));
        places.extend(meant.filter(|found| is_meant(&found.record)).map(|found| found.place));
    }
    Ok((places, Some(last)))
}

async fn within(
    connection: &mut Connection,
    statement: &'static str,
    chain: i64,
    first: i64,
    last: i64,
) -> Result<Vec<Columns>, StoreError> {
    query_as(statement).bind(chain).bind(first).bind(last).fetch_all(connection).await.map_err(fault)
}

/// The most batches of one stretch, and the most bytes of their bodies; a single batch may pass the latter by.
const BATCHES: i64 = 512;
const BYTES: i64 = 1024 * 1024;
/// Batches whose values are looked at at once.
const WALKED: i64 = 64;
