//! What PostgreSQL's errors mean to us (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).

use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// Whether the database says that it is damaged, or is not what this program made of it.
pub(in crate::backend) fn is_corrupt(error: &PgDatabaseError) -> bool {
    matches!(error.code(), DATA_CORRUPTED | INDEX_CORRUPTED | UNDEFINED_TABLE | UNDEFINED_COLUMN)
}

/// Whether a connection is of no more use behind this error: it is gone, its state is not known, or it leads to a server
/// that takes no writes any more.
pub(super) fn ends_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
            Some(error) => {
                matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)
                    || error.code() == READ_ONLY_TRANSACTION
                    || CONNECTION_CLASSES.iter().any(|class| error.code().starts_with(class))
            }
            None => true,
        },
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

const DATA_CORRUPTED: &str = "XX001";
const INDEX_CORRUPTED: &str = "XX002";
const UNDEFINED_TABLE: &str = "42P01";
const UNDEFINED_COLUMN: &str = "42703";
const READ_ONLY_TRANSACTION: &str = "25006";
/// Connection exceptions, and interventions of an operator such as a shutdown. A statement that was cancelled is one of these
/// too, and costs a connection; it is rare enough.
const CONNECTION_CLASSES: [&str; 2] = ["08", "57P"];
