//! Puts down a signed head.

use crate::audit::SignedHead;
use crate::backend::{Connection, fault, statement};
use crate::error::StoreError;
use crate::sql;

/// See [`Store::write_head`](crate::Store::write_head).
pub(crate) async fn write_head(connection: &mut Connection, signed: &SignedHead) -> Result<(), StoreError> {
    let SignedHead { head, key_id, signature } = signed;
    statement(sql::PUT_HEAD)
        .bind(head.chain.0.to_vec())
        .bind(head.number)
        .bind(key_id.as_str())
        .bind(head.signed_at)
        .bind(head.hash.to_vec())
        .bind(signature.clone())
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}
