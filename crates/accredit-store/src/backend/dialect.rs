//! Statements that no two databases spell alike, and steps that only some of them need.

use super::query::{query_as, run_script};
use super::{Connection, fault, postgres, sqlite};
use crate::error::StoreError;

/// Finds the batches whose summary may hold `$1`, the beginning of a record's id; newest first.
pub(crate) fn find_summaries(connection: &Connection) -> &'static str {
    match connection {
        Connection::Postgres(_) => postgres::FIND_SUMMARIES,
        Connection::Sqlite(_) => sqlite::FIND_SUMMARIES,
    }
}

/// The same in a stretch of one chain: `$2`, from `$3` to before `$4`.
pub(crate) fn find_summaries_within(connection: &Connection) -> &'static str {
    match connection {
        Connection::Postgres(_) => postgres::FIND_SUMMARIES_WITHIN,
        Connection::Sqlite(_) => sqlite::FIND_SUMMARIES_WITHIN,
    }
}

/// How many bytes the database has.
pub(crate) fn store_bytes(connection: &Connection) -> &'static str {
    match connection {
        Connection::Postgres(_) => postgres::STORE_BYTES,
        Connection::Sqlite(_) => sqlite::STORE_BYTES,
    }
}

/// Whether a schema of ours is there.
pub(crate) async fn has_schema(connection: &mut Connection) -> Result<bool, StoreError> {
    let text = match connection {
        Connection::Postgres(_) => postgres::SCHEMA_STEPS_THERE,
        Connection::Sqlite(_) => sqlite::SCHEMA_STEPS_THERE,
    };
    let (there,): (i64,) = query_as(text).fetch_one(connection).await.map_err(fault)?;
    Ok(there > 0)
}

/// Keeps others from changing the schema until the transaction ends.
pub(crate) async fn hold_schema(connection: &mut Connection) -> Result<(), StoreError> {
    match connection {
        Connection::Postgres(_) => run_script(connection, postgres::HOLD_SCHEMA).await.map_err(fault),
        // Whoever writes is alone.
        Connection::Sqlite(_) => Ok(()),
    }
}

/// Gives new tables what this database needs beside the statements that all of them run.
pub(crate) async fn settle_schema(connection: &mut Connection) -> Result<(), StoreError> {
    match connection {
        Connection::Postgres(_) => run_script(connection, postgres::SETTLE_SCHEMA).await.map_err(fault),
        Connection::Sqlite(_) => Ok(()),
    }
}

/// Tells other servers, once the transaction is committed, that there is something to read.
pub(crate) async fn announce(connection: &mut Connection) -> Result<(), StoreError> {
    match connection {
        Connection::Postgres(_) => run_script(connection, postgres::ANNOUNCE).await.map_err(fault),
        Connection::Sqlite(_) => Ok(()),
    }
}
