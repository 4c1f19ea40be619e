//! A connection, to whichever database.

use sqlx::sqlite::SqliteConnection;

use super::postgres::Link;

/// A connection to the database that a store is on.
#[derive(Debug)]
pub(crate) enum Connection {
    Postgres(Link),
    Sqlite(SqliteConnection),
}

// === impl Connection ===

impl From<SqliteConnection> for Connection {
    fn from(connection: SqliteConnection) -> Self {
        Self::Sqlite(connection)
    }
}

impl From<Link> for Connection {
    fn from(link: Link) -> Self {
        Self::Postgres(link)
    }
}
