//! Revokes one token.

use super::{close, pack};
use crate::backend::{Connection, Writer, begin_write, fault, statement};
use crate::chain::Chain;
use crate::error::StoreError;
use crate::exchange::MARK_MARGIN;
use crate::head;
use crate::multi_row::filled;
use crate::reads;
use crate::revocation::{Revocation, RevokedToken};
use crate::seal::{Book, Sealer, Set};
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
    forget(&mut transaction, at.saturating_sub(MARK_MARGIN), book.as_mut()).await?;
    let token = RevokedToken { decision: *decision, expires_at: *expires_at };
    let seal = book.as_mut().map(|book| book.add(Set::RevokedToken, &token.named(), &token.cells()));
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

/// Forgets tokens that ended before a time. One whose seal does not hold stays: who can write to the database could say of any
/// that it has ended, and would have it taken out of the ledger with the others. To leave it revoked takes nothing from anybody.
async fn forget(connection: &mut Connection, before: i64, mut book: Option<&mut Book<'_>>) -> Result<(), StoreError> {
    let mut gone = Vec::new();
    for (token, seal) in reads::revoked_that_ended(connection, before).await? {
        let (name, seal) = (token.named(), seal.as_deref());
        match &mut book {
            Some(book) if !book.holds(Set::RevokedToken, &name, &token.cells(), seal) => continue,
            Some(book) => book.remove(Set::RevokedToken, &name, seal),
            None => {}
        }
        gone.push(token.decision);
    }
    for chunk in filled(gone.len()) {
        let mut query = statement(sql::FORGET_REVOKED.text(&chunk));
        for place in chunk.places() {
            query = query.bind(gone[place].to_vec());
        }
        query.execute(&mut *connection).await.map_err(fault)?;
    }
    Ok(())
}
