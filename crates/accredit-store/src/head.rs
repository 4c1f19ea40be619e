//! How far the store has come.

use crate::backend::{Connection, announce, fault, query_as, statement};
use crate::error::StoreError;
use crate::sql;

/// How far the store has come: what a decision was made on, and what it is compared with when it is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Counts the changes to resources and keys, in the order in which they were committed.
    pub sequence: i64,
    /// The sequence of the newest change that took something away from somebody; 0 when there was none.
    pub revocation: i64,
}

// === impl Head ===

impl From<(i64, i64)> for Head {
    fn from((sequence, revocation): (i64, i64)) -> Self {
        Self { sequence, revocation }
    }
}

/// Reads the head.
pub(crate) async fn read(connection: &mut Connection) -> Result<Head, StoreError> {
    let head: (i64, i64) = query_as(sql::HEAD).fetch_one(connection).await.map_err(fault)?;
    Ok(head.into())
}

/// Moves the head on by one change.
pub(crate) async fn advance(connection: &mut Connection, revokes: bool) -> Result<Head, StoreError> {
    let rows: Vec<(i64, i64)> =
        query_as(sql::ADVANCE_HEAD).bind(revokes).fetch_all(&mut *connection).await.map_err(fault)?;
    match rows.as_slice() {
        [head] => {
            announce(connection).await?;
            Ok((*head).into())
        }
        rows => Err(StoreError::Corrupt { what: format!("expected one head, got {}", rows.len()) }),
    }
}

/// Counts what others have to hear of and no decision rests on; gives the count that its rows bear. Until the transaction
/// ends, nobody else changes anything that is counted.
pub(crate) async fn add_news(connection: &mut Connection) -> Result<i64, StoreError> {
    let rows: Vec<(i64,)> = query_as(sql::ADD_NEWS).fetch_all(&mut *connection).await.map_err(fault)?;
    match rows.as_slice() {
        [(news,)] => {
            announce(connection).await?;
            Ok(*news)
        }
        rows => Err(StoreError::Corrupt { what: format!("expected one head, got {}", rows.len()) }),
    }
}

/// Until the transaction ends, nobody else changes anything that is counted.
pub(crate) async fn hold(connection: &mut Connection) -> Result<(), StoreError> {
    statement(sql::HOLD_HEAD).execute(connection).await.map_err(fault)?;
    Ok(())
}
