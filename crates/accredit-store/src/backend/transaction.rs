//! Transactions, on whichever database.

use std::ops::{Deref, DerefMut};

use sqlx::Database;
use sqlx_core::transaction::TransactionManager;

use super::connection::Connection;
use super::fault::fault;
use super::postgres::bounded;
use super::{postgres, sqlite};
use crate::error::StoreError;

type OnPostgres = <sqlx::Postgres as Database>::TransactionManager;
type OnSqlite = <sqlx::Sqlite as Database>::TransactionManager;

/// A connection within a transaction. Dropped without [`Transaction::commit`], it did nothing.
pub(crate) struct Transaction<'c> {
    connection: &'c mut Connection,
    is_open: bool,
}

/// Begins a transaction that writes.
pub(crate) async fn begin_write(connection: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    if let Connection::Sqlite(connection) = connection {
        sqlite::count_again(connection).await?;
    }
    Transaction::begin(connection, postgres::BEGIN_WRITE, sqlite::BEGIN_WRITE).await
}

/// Begins a transaction that sees one state of the store, whatever is written meanwhile.
pub(crate) async fn begin_read(connection: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    if let Connection::Sqlite(connection) = connection {
        sqlite::count_again(connection).await?;
    }
    Transaction::begin(connection, postgres::BEGIN_READ, sqlite::BEGIN_READ).await
}

// === impl Transaction ===

impl<'c> Transaction<'c> {
    async fn begin(
        connection: &'c mut Connection,
        on_postgres: &'static str,
        on_sqlite: &'static str,
    ) -> Result<Self, StoreError> {
        // Open from here on: one that is given up while it begins is rolled back, too.
        let transaction = Self { connection, is_open: true };
        let text = |text: &'static str| Some(sqlx::SqlSafeStr::into_sql_str(text));
        let begun = match &mut *transaction.connection {
            Connection::Postgres(link) => {
                // Given up now, it would begin all the same, and nobody would know: whatever came next on this connection
                // would be part of it. So the connection is given up, too.
                link.doubt();
                let begun = bounded(link, |link| OnPostgres::begin(link, text(on_postgres))).await;
                if begun.is_ok() {
                    link.trust();
                }
                begun
            }
            Connection::Sqlite(connection) => OnSqlite::begin(connection, text(on_sqlite)).await,
        };
        begun.map_err(fault)?;
        Ok(transaction)
    }

    /// Makes what was done last.
    pub(crate) async fn commit(mut self) -> Result<(), sqlx::Error> {
        match &mut *self.connection {
            Connection::Postgres(link) => bounded(link, OnPostgres::commit).await?,
            Connection::Sqlite(connection) => OnSqlite::commit(connection).await?,
        }
        self.is_open = false;
        Ok(())
    }

    /// Undoes what was done.
    pub(crate) async fn rollback(mut self) -> Result<(), sqlx::Error> {
        match &mut *self.connection {
            Connection::Postgres(link) => bounded(link, OnPostgres::rollback).await?,
            Connection::Sqlite(connection) => OnSqlite::rollback(connection).await?,
        }
        self.is_open = false;
        Ok(())
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        match &mut *self.connection {
            Connection::Postgres(link) => link.start_rollback(),
            Connection::Sqlite(connection) => OnSqlite::start_rollback(connection),
        }
    }
}
