//! The pins.

use crate::backend::{Connection, fault, query_as};
use crate::error::StoreError;
use crate::pin::{Columns, NamePin};
use crate::sql;

/// See [`Store::pins`](crate::Store::pins).
pub(crate) async fn pins(connection: &mut Connection, since: i64) -> Result<Vec<NamePin>, StoreError> {
    let rows: Vec<Columns> = query_as(sql::PINS).bind(since).fetch_all(connection).await.map_err(fault)?;
    rows.into_iter().map(NamePin::try_from).collect()
}
