//! The key of the seals, encrypted.

use crate::backend::{Connection, fault, query_as};
use crate::error::StoreError;
use crate::sql;

/// See [`Store::key_of_seals`](crate::Store::key_of_seals).
pub(crate) async fn key_of_seals(connection: &mut Connection) -> Result<Option<(Vec<u8>, String)>, StoreError> {
    query_as(sql::KEY_OF_SEALS).fetch_optional(connection).await.map_err(fault)
}
