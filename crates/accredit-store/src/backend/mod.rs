//! Where the store lives. Everything that differs from one database to another is in here, behind functions of the same
//! names: how it is opened and kept to one process, how a transaction begins, what its errors mean, and the statements
//! that no two databases spell alike. All other SQL is in `sql.rs` and runs everywhere.

mod sqlite;

use tokio::sync::MappedMutexGuard;

use crate::error::StoreError;

pub(crate) use sqlite::{Connection, FIND_SUMMARIES, Statement, begin_read, begin_write, fault, is_unique_violation};

/// A connection, lent.
pub(crate) type Lent<'a> = MappedMutexGuard<'a, Connection>;

/// The database that a store is on.
#[derive(Debug)]
pub(crate) enum Backend {
    Sqlite(sqlite::Sqlite),
}

// === impl Backend ===

impl Backend {
    /// Opens what `url` names; see [`Store::open`](crate::Store::open).
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        let scheme = url.split(':').next().unwrap_or_default();
        match scheme {
            "sqlite" => sqlite::Sqlite::open(url).await.map(Self::Sqlite),
            "postgres" | "postgresql" => Err(StoreError::Address {
                scheme: scheme.to_owned(),
                reason: "this binary was built without PostgreSQL",
            }),
            _ => Err(StoreError::Address { scheme: scheme.to_owned(), reason: "expected scheme `sqlite`" }),
        }
    }

    /// The one connection that writes.
    pub(crate) async fn writer(&self) -> Lent<'_> {
        match self {
            Self::Sqlite(sqlite) => sqlite.writer().await,
        }
    }

    /// A connection for reads that are over at once.
    pub(crate) async fn reader(&self) -> Result<Lent<'_>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.reader().await,
        }
    }

    /// A connection for walks through much of the store, which may hold it for long.
    pub(crate) async fn walker(&self) -> Result<Lent<'_>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.walker().await,
        }
    }

    pub(crate) async fn close(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
        }
    }
}
