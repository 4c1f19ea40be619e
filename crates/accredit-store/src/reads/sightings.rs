//! The sightings.

use crate::backend::{Connection, fault, query_as};
use crate::error::StoreError;
use crate::sighting::{Columns, Sighting};
use crate::sql;

/// See [`Store::sightings`](crate::Store::sightings).
pub(crate) async fn sightings(connection: &mut Connection, since: i64) -> Result<Vec<Sighting>, StoreError> {
    let rows: Vec<Columns> = query_as(sql::SIGHTINGS).bind(since).fetch_all(connection).await.map_err(fault)?;
    rows.into_iter().map(Sighting::try_from).collect()
}
