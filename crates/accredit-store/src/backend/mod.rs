//! Where the store lives. Everything that differs from one database to another is in here, behind functions of the same
//! names: how it is opened and kept to one process or shared, how a transaction begins, what its errors mean, and the
//! statements that no two databases spell alike. All other SQL is in `sql.rs` and runs everywhere.

mod connection;
mod dialect;
mod fault;
mod postgres;
mod query;
mod sqlite;
mod transaction;

use tokio::sync::{MappedMutexGuard, MutexGuard};

use crate::error::StoreError;
use crate::head::{self, Head};
use crate::migrations::Schema;

pub(crate) use connection::Connection;
pub(crate) use dialect::{
    announce, find_summaries, find_summaries_within, has_schema, hold_schema, settle_schema, store_bytes,
};
pub(crate) use fault::{fault, is_unique_violation};
pub(crate) use query::{Kind, Statement, Text, Value, query_as, run_script, statement};
pub(crate) use transaction::{begin_read, begin_write};

/// A connection, lent.
pub(crate) type Lent<'a> = MappedMutexGuard<'a, Connection>;

/// The one connection of this process that writes, and what it knows.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    /// Whether no other process writes.
    is_alone: bool,
    /// The head, when it is known: nobody but this connection moves it. INVARIANT: forgotten before a change begins,
    /// learned anew after its commit; else a decision of before a revocation would be recorded behind it. Never kept where
    /// servers share a database.
    head: Option<Head>,
}

/// The database that a store is on.
#[derive(Debug)]
pub(crate) enum Backend {
    Postgres(postgres::Postgres),
    Sqlite(sqlite::Sqlite),
}

// === impl Writer ===

impl Writer {
    fn new(connection: Connection, is_alone: bool) -> Self {
        Self { connection, is_alone, head: None }
    }

    /// How far the store has come, where only this connection moves it; else `None`, and each transaction has to read it.
    pub(crate) async fn own_head(&mut self) -> Result<Option<Head>, StoreError> {
        if self.is_alone && self.head.is_none() {
            self.head = Some(head::read(&mut self.connection).await?);
        }
        Ok(self.head)
    }

    /// The connection, for a change that moves the head.
    pub(crate) fn change(&mut self) -> &mut Connection {
        self.head = None;
        &mut self.connection
    }

    /// A change was committed.
    pub(crate) fn changed(&mut self, head: Head) {
        self.head = Some(head).filter(|_| self.is_alone);
    }
}

// === impl Backend ===

impl Backend {
    /// Opens what `url` names; see [`Store::open`](crate::Store::open).
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        let scheme = url.split(':').next().unwrap_or_default();
        match scheme {
            "sqlite" => sqlite::Sqlite::open(url).await.map(Self::Sqlite),
            "postgres" | "postgresql" => postgres::Postgres::open(url).await.map(Self::Postgres),
            _ => Err(StoreError::Address {
                scheme: scheme.to_owned(),
                reason: "expected scheme `sqlite` or `postgres`".to_owned(),
            }),
        }
    }

    /// How the schema at `url` is; see [`Store::schema`](crate::Store::schema).
    pub(crate) async fn schema(url: &str) -> Result<Schema, StoreError> {
        match url.split(':').next().unwrap_or_default() {
            "postgres" | "postgresql" => postgres::Postgres::schema(url).await,
            "sqlite" => sqlite::Sqlite::schema(url).await,
            // Refused, with what was expected.
            _ => Self::open(url).await.map(|_| Schema::of(Vec::new(), 0)),
        }
    }

    /// Whether other processes may have the same store open.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Returns when another process may have changed something, at the latest after a quarter of a second. Never, where there
    /// is no other process.
    pub(crate) async fn changed(&self) {
        match self {
            Self::Postgres(postgres) => postgres.changed().await,
            Self::Sqlite(_) => std::future::pending().await,
        }
    }

    /// The one connection that writes.
    pub(crate) async fn writer(&self) -> Result<MutexGuard<'_, Writer>, StoreError> {
        match self {
            Self::Postgres(postgres) => postgres.writer().await,
            Self::Sqlite(sqlite) => Ok(sqlite.writer().await),
        }
    }

    /// A connection for reads that are over at once.
    pub(crate) async fn reader(&self) -> Result<Lent<'_>, StoreError> {
        match self {
            Self::Postgres(postgres) => postgres.reader().await,
            Self::Sqlite(sqlite) => sqlite.reader().await,
        }
    }

    /// A connection for walks through much of the store, which may hold it for long.
    pub(crate) async fn walker(&self) -> Result<Lent<'_>, StoreError> {
        match self {
            Self::Postgres(postgres) => postgres.walker().await,
            Self::Sqlite(sqlite) => sqlite.walker().await,
        }
    }

    /// A connection for copying everything: whoever holds it keeps nobody else from reading.
    pub(crate) async fn copier(&self) -> Result<Lent<'_>, StoreError> {
        match self {
            Self::Postgres(postgres) => postgres.copier().await,
            Self::Sqlite(sqlite) => sqlite.copier().await,
        }
    }

    pub(crate) async fn close(self) -> Result<(), StoreError> {
        match self {
            Self::Postgres(postgres) => postgres.close().await,
            Self::Sqlite(sqlite) => sqlite.close().await,
        }
    }
}
