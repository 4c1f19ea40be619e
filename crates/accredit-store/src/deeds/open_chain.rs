//! Opens the chain of a process, behind the chain of the one before.

use crate::audit::{ChainId, Link, Origin, Tail};
use crate::backend::{Connection, begin_write, fault, query_as, statement};
use crate::chain::{self, Chain, fixed};
use crate::error::StoreError;
use crate::head;
use crate::sql;

/// See [`Store::open_chain`](crate::Store::open_chain).
///
/// `beside`: the chain before it may be another server's, which goes on.
pub(crate) async fn open_chain(
    connection: &mut Connection,
    id: ChainId,
    beside: bool,
    at: i64,
) -> Result<Chain, StoreError> {
    let mut transaction = begin_write(connection).await?;
    // One after the other: each has its own place in the order of chains.
    head::hold(&mut transaction).await?;
    let chain = open_within(&mut transaction, id, beside, at).await?;
    transaction.commit().await.map_err(fault)?;
    Ok(chain)
}

/// The same within the transaction that `connection` is in, which holds the head.
pub(crate) async fn open_within(
    connection: &mut Connection,
    id: ChainId,
    beside: bool,
    at: i64,
) -> Result<Chain, StoreError> {
    let last: Option<(i64, Vec<u8>)> = query_as(sql::LAST_CHAIN).fetch_optional(connection).await.map_err(fault)?;
    let (ordinal, follows) = match last {
        None => (1, None),
        Some((ordinal, chain)) => {
            let (number, hash) = chain::tail(connection, ordinal).await?;
            (ordinal + 1, Some(Link { chain: ChainId(fixed("chain id", chain)?), number, hash }))
        }
    };
    let origin = Origin::new(id, at, follows, beside);
    statement(sql::OPEN_CHAIN)
        .bind(ordinal)
        .bind(id.0.to_vec())
        .bind(at)
        .bind(follows.map(|link| link.chain.0.to_vec()))
        .bind(follows.map(|link| link.number))
        .bind(follows.map(|link| link.hash.to_vec()))
        .bind(origin.hash.to_vec())
        .bind(beside)
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(Chain::new(ordinal, Tail { chain: id, number: 0, hash: origin.hash }))
}
