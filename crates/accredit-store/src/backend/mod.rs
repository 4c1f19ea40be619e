//! Where the store lives. Everything that differs from one database to another is in here, behind functions of the same
//! names: how it is opened and kept to one process, how a transaction begins, what its errors mean, and the statements
//! that no two databases spell alike. All other SQL is in `sql.rs` and runs everywhere.

mod sqlite;

use tokio::sync::{MappedMutexGuard, MutexGuard};

use crate::error::StoreError;
use crate::head::{self, Head};

pub(crate) use sqlite::{
    Connection, FIND_SUMMARIES, FIND_SUMMARIES_WITHIN, STORE_BYTES, Statement, begin_read, begin_write, fault,
    is_unique_violation,
};

/// A connection, lent.
pub(crate) type Lent<'a> = MappedMutexGuard<'a, Connection>;

/// The one connection that writes, and what it knows.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    /// The head, when it is known: nobody but this connection moves it. INVARIANT: forgotten before a change begins,
    /// learned anew after its commit; else a decision of before a revocation would be recorded behind it. Servers that
    /// share a database must not keep it, but read it within each transaction.
    head: Option<Head>,
}

/// The database that a store is on.
#[derive(Debug)]
pub(crate) enum Backend {
    Sqlite(sqlite::Sqlite),
}

// === impl Writer ===

impl Writer {
    fn new(connection: Connection) -> Self {
        Self { connection, head: None }
    }

    /// How far the store has come.
    pub(crate) async fn head(&mut self) -> Result<Head, StoreError> {
        if let Some(head) = self.head {
            return Ok(head);
        }
        let head = head::read(&mut self.connection).await?;
        self.head = Some(head);
        Ok(head)
    }

    /// The connection, for a change that moves the head.
    pub(crate) fn change(&mut self) -> &mut Connection {
        self.head = None;
        &mut self.connection
    }

    /// A change was committed.
    pub(crate) fn changed(&mut self, head: Head) {
        self.head = Some(head);
    }
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
    pub(crate) async fn writer(&self) -> MutexGuard<'_, Writer> {
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
