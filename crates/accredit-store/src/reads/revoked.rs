//! The tokens that were revoked before their end.

use crate::backend::{Connection, fault, query_as};
use crate::chain::fixed;
use crate::error::StoreError;
use crate::revocation::RevokedToken;
use crate::sql;

/// See [`Store::revoked_tokens`](crate::Store::revoked_tokens).
pub(crate) async fn revoked_tokens(connection: &mut Connection, since: i64) -> Result<Vec<RevokedToken>, StoreError> {
    let rows: Vec<(Vec<u8>, i64)> = query_as(sql::REVOKED).bind(since).fetch_all(connection).await.map_err(fault)?;
    let read = |(decision, expires_at)| Ok(RevokedToken { decision: fixed("decision id", decision)?, expires_at });
    rows.into_iter().map(read).collect()
}
