//! What SQLite's errors mean to us.

use crate::error::StoreError;

/// Names an error of the SQL library by whose fault it is.
pub(crate) fn fault(error: sqlx::Error) -> StoreError {
    match primary_code(&error) {
        Some(SQLITE_CORRUPT | SQLITE_NOTADB) => StoreError::Corrupt { what: error.to_string() },
        Some(_) => StoreError::Unavailable { cause: error.to_string() },
        None => match error {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::RowNotFound => StoreError::Corrupt { what: error.to_string() },
            other => StoreError::Unavailable { cause: other.to_string() },
        },
    }
}

/// Whether a statement failed because what must be unique is there already.
pub(crate) fn is_unique_violation(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_unique_violation())
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
