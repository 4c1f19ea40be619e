//! One record by its id.

use super::log::{Found, newest_first};
use crate::audit::prefix;
use crate::backend::{Connection, FIND_SUMMARIES, fault};
use crate::error::StoreError;
use crate::sql;

/// See [`Store::find_record`](crate::Store::find_record).
pub(crate) async fn find_record(connection: &mut Connection, id: &[u8; 16]) -> Result<Option<Found>, StoreError> {
    let places: Vec<(i64, i64)> =
        sqlx::query_as(FIND_SUMMARIES).bind(prefix(id)).fetch_all(&mut *connection).await.map_err(fault)?;
    // Four bytes may be another record's, or lie across two: only the batch itself knows.
    for (chain, number) in places {
        let batch = sqlx::query_as(sql::BATCHES_UP_TO)
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
