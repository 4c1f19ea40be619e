//! What errors of the SQL library mean to us.

use sqlx::postgres::PgDatabaseError;

use super::{postgres, sqlite};
use crate::error::StoreError;

/// Names an error of the SQL library by whose fault it is.
pub(crate) fn fault(error: sqlx::Error) -> StoreError {
    let is_corrupt = match &error {
        sqlx::Error::Database(database) => match database.try_downcast_ref::<PgDatabaseError>() {
            Some(database) => postgres::is_corrupt(database),
            None => sqlite::is_corrupt(&error),
        },
        // What is there is not what this program writes.
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::Decode(_)
        | sqlx::Error::RowNotFound => true,
        _ => false,
    };
    match is_corrupt {
        true => StoreError::Corrupt { what: words(&error) },
        false => StoreError::Unavailable { cause: words(&error) },
    }
}

/// What the database says, and not through how many hands it came: of PostgreSQL's errors the library shows a line of
/// PostgreSQL's own source, which looks like one of a file here.
fn words(error: &sqlx::Error) -> String {
    let sqlx::Error::Database(database) = error else { return error.to_string() };
    match database.try_downcast_ref::<PgDatabaseError>() {
        Some(said) => format!("{} (SQLSTATE {})", said.message(), said.code()),
        None => database.to_string(),
    }
}

/// Whether a statement failed because what must be unique is there already.
pub(crate) fn is_unique_violation(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_unique_violation())
}
