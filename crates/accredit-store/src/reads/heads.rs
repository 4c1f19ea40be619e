//! The signed heads of the log.

use crate::audit::{ChainId, Head, SignedHead};
use crate::backend::{Connection, fault, query_as};
use crate::chain::fixed;
use crate::error::StoreError;
use crate::sql;

type Columns = (Vec<u8>, i64, String, i64, Vec<u8>, Vec<u8>);

/// See [`Store::audit_heads`](crate::Store::audit_heads).
pub(crate) async fn heads(connection: &mut Connection, from: i64, limit: i64) -> Result<Vec<SignedHead>, StoreError> {
    let rows: Vec<Columns> =
        query_as(sql::HEADS_SIGNED_FROM).bind(from).bind(limit).fetch_all(connection).await.map_err(fault)?;
    let read = |(chain, number, key_id, signed_at, hash, signature)| {
        let chain = ChainId(fixed("chain id", chain)?);
        let head = Head { chain, number, hash: fixed("hash", hash)?, signed_at };
        Ok(SignedHead { head, key_id, signature })
    };
    rows.into_iter().map(read).collect()
}
