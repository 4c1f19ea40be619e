//! The signing keys.

use crate::backend::{Connection, fault, query_as};
use crate::error::StoreError;
use crate::key::{Columns, SigningKey};
use crate::sql;

/// See [`Store::keys`](crate::Store::keys).
pub(crate) async fn keys(connection: &mut Connection) -> Result<Vec<SigningKey>, StoreError> {
    let rows: Vec<Columns> = query_as(sql::KEYS).fetch_all(connection).await.map_err(fault)?;
    Ok(rows.into_iter().map(SigningKey::from).collect())
}
