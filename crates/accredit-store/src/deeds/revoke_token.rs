//! Revokes one token.

use super::{close, pack};
use crate::backend::{Writer, begin_write, fault, query_as, statement};
use crate::chain::Chain;
use crate::error::StoreError;
use crate::exchange::MARK_MARGIN;
use crate::head;
use crate::revocation::{Revocation, RevokedToken};
use crate::seal::{Book, Cell, Sealer, Set};
use crate::sql;

/// See [`Store::revoke_token`](crate::Store::revoke_token).
pub(crate) async fn revoke_token(
    writer: &mut Writer,
    chain: &mut Chain,
    sealer: Option<&Sealer>,
    revocation: &Revocation,
    at: i64,
) -> Result<bool, StoreError> {
    let Revocation { decision, expires_at, record } = revocation;
    let connection = &mut writer.connection;
    chain.settle(connection).await?;
    let batches = pack(chain, std::slice::from_ref(record), at)?;
    let mut transaction = begin_write(connection).await?;
    let news = head::add_news(&mut transaction).await?;
    let mut book = Book::open(&mut transaction, sealer).await?;
    let forget = query_as(sql::FORGET_REVOKED).bind(at.saturating_sub(MARK_MARGIN));
    let gone: Vec<(Vec<u8>, Option<Vec<u8>>)> = forget.fetch_all(&mut transaction).await.map_err(fault)?;
    let token = RevokedToken { decision: *decision, expires_at: *expires_at };
    let seal = book.as_mut().map(|book| {
        for (decision, seal) in &gone {
            book.remove(Set::RevokedToken, &[Cell::Bytes(decision)], seal.as_deref());
        }
        book.add(Set::RevokedToken, &token.named(), &token.cells())
    });
    let put = statement(sql::PUT_REVOKED).bind(decision.to_vec()).bind(*expires_at).bind(news).bind(seal);
    if put.execute(&mut transaction).await.map_err(fault)?.rows_affected() == 0 {
        transaction.rollback().await.map_err(fault)?;
        return Ok(false);
    }
    close(book, &mut transaction, std::slice::from_ref(record)).await?;
    let tail = chain.append(&mut transaction, batches).await?;
    transaction.commit().await.map_err(fault)?;
    chain.committed(tail);
    Ok(true)
}
