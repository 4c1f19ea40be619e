//! Revokes one token.

use super::pack;
use crate::backend::{Writer, begin_write, fault, statement};
use crate::chain::Chain;
use crate::error::StoreError;
use crate::exchange::MARK_MARGIN;
use crate::head;
use crate::revocation::Revocation;
use crate::sql;

/// See [`Store::revoke_token`](crate::Store::revoke_token).
pub(crate) async fn revoke_token(
    writer: &mut Writer,
    chain: &mut Chain,
    revocation: &Revocation,
    at: i64,
) -> Result<bool, StoreError> {
    let Revocation { decision, expires_at, record } = revocation;
    let connection = &mut writer.connection;
    chain.settle(connection).await?;
    let batches = pack(chain, std::slice::from_ref(record), at)?;
    let mut transaction = begin_write(connection).await?;
    let news = head::add_news(&mut transaction).await?;
    let forget = statement(sql::FORGET_REVOKED).bind(at.saturating_sub(MARK_MARGIN));
    forget.execute(&mut transaction).await.map_err(fault)?;
    let put = statement(sql::PUT_REVOKED).bind(decision.to_vec()).bind(*expires_at).bind(news);
    if put.execute(&mut transaction).await.map_err(fault)?.rows_affected() == 0 {
        transaction.rollback().await.map_err(fault)?;
        return Ok(false);
    }
    let tail = chain.append(&mut transaction, batches).await?;
    transaction.commit().await.map_err(fault)?;
    chain.committed(tail);
    Ok(true)
}
