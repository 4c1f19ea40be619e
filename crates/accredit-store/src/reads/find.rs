//! One record by its id.

use super::log::{Found, Place, chains, newest_first};
use crate::audit::prefix;
use crate::backend::{Connection, fault, find_summaries, find_summaries_within, query_as};
use crate::error::StoreError;
use crate::sql;

/// See [`Store::find_record`](crate::Store::find_record).
pub(crate) async fn find_record(connection: &mut Connection, id: &[u8; 16]) -> Result<Option<Found>, StoreError> {
    let text = find_summaries(connection);
    let places = query_as(text).bind(prefix(id).to_vec()).fetch_all(&mut *connection).await.map_err(fault)?;
    among(connection, places, id).await
}

/// See [`Store::find_record_about`](crate::Store::find_record_about).
pub(crate) async fn find_record_about(
    connection: &mut Connection,
    id: &[u8; 16],
    at: i64,
) -> Result<Option<Found>, StoreError> {
    let (from, to) = (at.saturating_sub(EARLIER), at.saturating_add(LATER));
    let open: Vec<(i64, Option<i64>)> =
        query_as(sql::CHAINS_OPEN_BY).bind(to).bind(CHAINS).fetch_all(&mut *connection).await.map_err(fault)?;
    for (chain, last) in open {
        let Some(last) = last else { continue };
        let first = first_written_from(connection, chain, last, from).await?;
        let end = first_written_from(connection, chain, last, to).await?;
        let text = find_summaries_within(connection);
        let places = query_as(text)
            .bind(prefix(id).to_vec())
            .bind(chain)
            .bind(first)
            .bind(end)
            .fetch_all(&mut *connection)
            .await
            .map_err(fault)?;
        if let Some(found) = among(connection, places, id).await? {
            return Ok(Some(found));
        }
    }
    find_record(connection, id).await
}

/// See [`Store::places_since`](crate::Store::places_since).
pub(crate) async fn places_since(connection: &mut Connection, from: i64) -> Result<Vec<Place>, StoreError> {
    let mut places = Vec::new();
    for stored in chains(connection).await? {
        let (last, _) = crate::chain::tail(connection, stored.ordinal).await?;
        let first = first_written_from(connection, stored.ordinal, last, from).await?;
        if first <= last {
            places.push(Place { number: first.max(1), ..Place::beginning_of(stored.ordinal) });
        }
    }
    Ok(places)
}

/// Four bytes may be another record's, or lie across two: only the batch itself knows.
async fn among(
    connection: &mut Connection,
    places: Vec<(i64, i64)>,
    id: &[u8; 16],
) -> Result<Option<Found>, StoreError> {
    for (chain, number) in places {
        let batch = query_as(sql::BATCHES_UP_TO)
            .bind(chain)
            .bind(number)
            .bind(1_i64)
            .fetch_one(&mut *connection)
            .await
            .map_err(fault)?;
        if let Some(found) = newest_first(batch)?.find(|found| found.record.id == *id) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The number of the first batch of a chain that was written at `time` or later; one past the last where none was. By halves: a
/// clock that was set back makes it miss, never fail.
pub(super) async fn first_written_from(
    connection: &mut Connection,
    chain: i64,
    last: i64,
    time: i64,
) -> Result<i64, StoreError> {
    let (mut low, mut high) = (0, last.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        let written: Option<(i64,)> = query_as(sql::BATCH_TIME_FROM)
            .bind(chain)
            .bind(middle)
            .fetch_optional(&mut *connection)
            .await
            .map_err(fault)?;
        match written {
            Some((written,)) if written < time => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// A record is written after the time that it names: the decision may wait for keys, or for AWS, and for its commit.
const LATER: i64 = 12;
/// And before it, when the clock was set back in between.
const EARLIER: i64 = 2;
/// Several servers may have been started since, more than once each.
const CHAINS: i64 = 16;
