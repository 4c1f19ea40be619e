//! What SQLite's errors mean to us.

use crate::backend::fault;
use crate::error::StoreError;

/// Whether the database says that it is damaged, or no database at all.
pub(crate) fn is_corrupt(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(SQLITE_CORRUPT | SQLITE_NOTADB))
}

/// `foreign` when the file is not a database at all, else what [`fault`] says.
pub(super) fn not_a_database(error: sqlx::Error, foreign: StoreError) -> StoreError {
    if primary_code(&error) == Some(SQLITE_NOTADB) { foreign } else { fault(error) }
}

/// The low byte of SQLite's extended result code (<https://sqlite.org/rescode.html>).
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

const SQLITE_CORRUPT: u32 = 11;
const SQLITE_NOTADB: u32 = 26;
