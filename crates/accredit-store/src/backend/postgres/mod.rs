//! PostgreSQL: one store for several servers.
//!
//! Each server has one connection that writes, one for short reads, one for walks, one for backups
//! and one that listens; each is made when
//! it is needed, and made again after it broke. Nothing waits for ever: a database that does not answer counts as one that
//! cannot be reached.
//!
//! Transactions are `READ COMMITTED`: what a statement reads is what was committed when it began, so whoever holds the row
//! of the head sees everything that was done under it before.

mod address;
mod fault;
mod link;
mod schema;

use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::{Mutex, MutexGuard};

use super::{Connection, Lent, Writer};
use crate::error::StoreError;
use crate::migrations::{self, Schema};
use address::Address;

pub(super) use fault::is_corrupt;
pub(crate) use link::{Link, bounded};
pub(super) use schema::{HOLD_SCHEMA, SCHEMA_STEPS_THERE, SETTLE_SCHEMA};

/// Whatever the database's own defaults are.
pub(super) const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
pub(super) const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// See [`store_bytes`](super::store_bytes).
pub(super) const STORE_BYTES: &str = "SELECT pg_database_size(current_database())";

/// See [`find_summaries`](super::find_summaries).
pub(super) const FIND_SUMMARIES: &str =
    "SELECT chain, number FROM audit_batch WHERE position($1 IN summary) > 0 ORDER BY chain DESC, number DESC";

/// See [`find_summaries_within`](super::find_summaries_within).
pub(super) const FIND_SUMMARIES_WITHIN: &str = "\
SELECT chain, number FROM audit_batch \
WHERE chain = $2 AND number >= $3 AND number < $4 AND position($1 IN summary) > 0 ORDER BY chain DESC, number DESC";

/// Tells the other servers, once the transaction is committed, that there is something to read.
pub(super) const ANNOUNCE: &str = "NOTIFY accredit_store";

/// A PostgreSQL database, open.
#[derive(Debug)]
pub(crate) struct Postgres {
    address: Address,
    writer: Mutex<Writer>,
    reader: Mutex<Option<Connection>>,
    walker: Mutex<Option<Connection>>,
    copier: Mutex<Option<Connection>>,
    listener: Mutex<Option<PgListener>>,
}

// === impl Postgres ===

impl Postgres {
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        let mut walker: Connection = Link::connect(&address, link::WALKING).await?.into();
        schema::check_ours(&mut walker, &address).await?;
        migrations::run(&mut walker).await?;
        let writer = Link::connect(&address, link::PROMPT).await?.into();
        Ok(Self {
            address,
            writer: Mutex::new(Writer::new(writer, false)),
            reader: Mutex::new(None),
            walker: Mutex::new(Some(walker)),
            copier: Mutex::new(None),
            listener: Mutex::new(None),
        })
    }

    pub(crate) async fn schema(url: &str) -> Result<Schema, StoreError> {
        let address = Address::parse(url)?;
        let mut connection: Connection = Link::connect(&address, link::PROMPT).await?.into();
        schema::check_ours(&mut connection, &address).await?;
        migrations::schema(&mut connection).await
    }

    pub(crate) async fn writer(&self) -> Result<MutexGuard<'_, Writer>, StoreError> {
        let mut writer = self.writer.lock().await;
        if !is_alive(&mut writer.connection, link::IDLE).await {
            writer.connection = Link::connect(&self.address, link::PROMPT).await?.into();
        }
        Ok(writer)
    }

    pub(crate) async fn reader(&self) -> Result<Lent<'_>, StoreError> {
        self.lend(&self.reader, link::PROMPT).await
    }

    pub(crate) async fn walker(&self) -> Result<Lent<'_>, StoreError> {
        self.lend(&self.walker, link::WALKING).await
    }

    pub(crate) async fn copier(&self) -> Result<Lent<'_>, StoreError> {
        self.lend(&self.copier, link::WALKING).await
    }

    /// Returns when another server said that it has changed something, or after [`POLL`] anyway.
    pub(crate) async fn changed(&self) {
        let heard = async {
            let mut listener = self.listener.lock().await;
            if !hear(&self.address, &mut listener).await {
                *listener = None;
                // The next round tries again; this one lasts as long as any other.
                std::future::pending::<()>().await;
            }
        };
        let _ = tokio::time::timeout(POLL, heard).await;
    }

    pub(crate) async fn close(self) -> Result<(), StoreError> {
        let lent = [self.reader, self.walker, self.copier].map(Mutex::into_inner);
        for lane in [Some(self.writer.into_inner().connection)].into_iter().chain(lent) {
            if let Some(Connection::Postgres(link)) = lane {
                link.close().await;
            }
        }
        Ok(())
    }

    async fn lend<'a>(
        &self,
        lane: &'a Mutex<Option<Connection>>,
        patience: link::Patience,
    ) -> Result<Lent<'a>, StoreError> {
        let mut guard = lane.lock().await;
        let is_there = match guard.as_mut() {
            // What is read here is read seldom, and worth the way there and back.
            Some(connection) => is_alive(connection, Duration::ZERO).await,
            None => false,
        };
        if !is_there {
            *guard = None;
            *guard = Some(Link::connect(&self.address, patience).await?.into());
        }
        MutexGuard::try_map(guard, Option::as_mut)
            .map_err(|_| StoreError::Unavailable { cause: "connection was lost".to_owned() })
    }
}

/// Waits for a notification; false when there is nothing to wait on.
async fn hear(address: &Address, listener: &mut Option<PgListener>) -> bool {
    if listener.is_none() {
        // The library's listener takes its connection from a pool; this one holds no other.
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(address.current().clone());
        let Ok(mut new) = PgListener::connect_with(&pool).await else { return false };
        if new.listen(CHANNEL).await.is_err() {
            return false;
        }
        *listener = Some(new);
    }
    match listener {
        // Nothing heard on a connection that broke: it was made anew, and what was said meanwhile is lost.
        Some(listener) => listener.try_recv().await.is_ok(),
        None => false,
    }
}

async fn is_alive(connection: &mut Connection, idle: Duration) -> bool {
    match connection {
        Connection::Postgres(link) => link.is_alive(idle).await,
        Connection::Sqlite(_) => true,
    }
}

/// INVARIANT: the channel of [`ANNOUNCE`].
const CHANNEL: &str = "accredit_store";
/// How long a change may go unnoticed when nothing is heard of it. INVARIANT: far below the second within which a change on
/// one server is in force on all.
const POLL: Duration = Duration::from_millis(250);
