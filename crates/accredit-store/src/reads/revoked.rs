//! The tokens that were revoked before their end.

use super::EVERYTHING;
use crate::backend::{Connection, begin_read, fault, query_as};
use crate::chain::fixed;
use crate::error::StoreError;
use crate::revocation::RevokedToken;
use crate::seal::{Check, Sealer, Set, check_head};
use crate::sql;

/// See [`Store::revoked_tokens`](crate::Store::revoked_tokens).
pub(crate) async fn revoked_tokens(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
) -> Result<Vec<RevokedToken>, StoreError> {
    let mut transaction = begin_read(connection).await?;
    let tokens = check_revoked(&mut transaction, sealer).await?;
    transaction.rollback().await.map_err(fault)?;
    Ok(tokens)
}

/// All of them, within the transaction that `connection` is in, compared with the ledger. One whose seal does not hold stays
/// revoked: that can take nothing from anybody but a token.
pub(crate) async fn check_revoked(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
) -> Result<Vec<RevokedToken>, StoreError> {
    let (tokens, check) = revoked_since(connection, sealer, EVERYTHING).await?;
    check.end();
    Ok(tokens)
}

/// What was revoked behind a count of news. Not all: the ledger is compared by whoever reads everything.
pub(super) async fn newly_revoked(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
    since: i64,
) -> Result<Vec<RevokedToken>, StoreError> {
    Ok(revoked_since(connection, sealer, since).await?.0)
}

async fn revoked_since<'s>(
    connection: &mut Connection,
    sealer: Option<&'s Sealer>,
    since: i64,
) -> Result<(Vec<RevokedToken>, Check<'s>), StoreError> {
    let mut check = check_head(connection, sealer, Set::RevokedToken).await?;
    let mut tokens = Vec::new();
    for (token, seal) in read(connection, since).await? {
        check.see(&token.named(), &token.cells(), seal.as_deref());
        tokens.push(token);
    }
    Ok((tokens, check))
}

/// All of them as they are there, with their seals.
pub(crate) async fn revoked_unchecked(
    connection: &mut Connection,
) -> Result<Vec<(RevokedToken, Option<Vec<u8>>)>, StoreError> {
    read(connection, EVERYTHING).await
}

/// Those that say that they ended before a time, with their seals.
pub(crate) async fn revoked_that_ended(
    connection: &mut Connection,
    before: i64,
) -> Result<Vec<(RevokedToken, Option<Vec<u8>>)>, StoreError> {
    read_by(connection, sql::REVOKED_ENDED, before).await
}

async fn read(connection: &mut Connection, since: i64) -> Result<Vec<(RevokedToken, Option<Vec<u8>>)>, StoreError> {
    read_by(connection, sql::REVOKED, since).await
}

async fn read_by(
    connection: &mut Connection,
    text: &'static str,
    bound: i64,
) -> Result<Vec<(RevokedToken, Option<Vec<u8>>)>, StoreError> {
    let rows: Vec<(Vec<u8>, i64, Option<Vec<u8>>)> =
        query_as(text).bind(bound).fetch_all(connection).await.map_err(fault)?;
    let read = |(decision, expires_at, seal)| {
        Ok((RevokedToken { decision: fixed("decision id", decision)?, expires_at }, seal))
    };
    rows.into_iter().map(read).collect()
}
