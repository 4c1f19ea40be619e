//! The pins.

use crate::backend::{Connection, fault};
use crate::error::StoreError;
use crate::pin::{Columns, NamePin};
use crate::sql;

/// See [`Store::pins`](crate::Store::pins).
pub(crate) async fn pins(connection: &mut Connection) -> Result<Vec<NamePin>, StoreError> {
    let rows: Vec<Columns> = sqlx::query_as(sql::PINS).fetch_all(connection).await.map_err(fault)?;
    rows.into_iter().map(NamePin::try_from).collect()
}
