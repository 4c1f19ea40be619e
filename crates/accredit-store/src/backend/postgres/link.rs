//! One connection to PostgreSQL, which is watched: how long it may take, and whether it still leads anywhere.

use std::fmt;
use std::io;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions as _, Connection as _, Database};
use sqlx_core::transaction::TransactionManager as _;
use tokio::time::Instant;

use super::address::Address;
use super::fault::ends_connection;
use crate::backend::fault;
use crate::error::StoreError;

/// A connection that knows when it is of no more use.
pub(crate) struct Link {
    connection: PgConnection,
    patience: Duration,
    is_broken: bool,
    used: Instant,
}

/// How long things may take on a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For one statement, the way there and back included.
    statement: Duration,
    /// What the database is told of it. A transaction whose client has been stopped, or cut off, must not keep others waiting.
    settings: &'static str,
}

/// For what requests wait for. INVARIANT: the database gives up before the client does, so that a statement that was given
/// up is over.
pub(super) const PROMPT: Patience = Patience {
    statement: Duration::from_secs(5),
    settings: "SET client_min_messages = warning; SET statement_timeout = '4s'; SET lock_timeout = '3s'; \
               SET idle_in_transaction_session_timeout = '5s'",
};

/// For walks through the whole store, and for what changes its schema.
pub(super) const WALKING: Patience = Patience {
    statement: Duration::from_secs(65),
    settings: "SET client_min_messages = warning; SET statement_timeout = '60s'; SET lock_timeout = '30s'; \
               SET idle_in_transaction_session_timeout = '60s'",
};

/// Does something on a connection within its patience, and sees whether the connection survives it.
pub(crate) async fn bounded<'l, T, W>(
    link: &'l mut Link,
    work: impl FnOnce(&'l mut PgConnection) -> W,
) -> Result<T, sqlx::Error>
where
    W: Future<Output = Result<T, sqlx::Error>>,
{
    let Link { connection, patience, is_broken, used } = link;
    let done = match tokio::time::timeout(*patience, work(connection)).await {
        Ok(done) => done,
        Err(_) => Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())),
    };
    *is_broken |= done.as_ref().is_err_and(ends_connection);
    *used = Instant::now();
    done
}

// === impl Link ===

impl Link {
    /// Connects to the first server of the address that takes writes.
    ///
    /// # Errors
    /// What kept the last one that was tried from being it.
    pub(super) async fn connect(address: &Address, patience: Patience) -> Result<Self, StoreError> {
        let mut last = StoreError::Unavailable { cause: "no server to connect to".to_owned() };
        for place in address.places() {
            match Self::connect_to(address, place, patience).await {
                Ok(link) => {
                    address.settle(place);
                    return Ok(link);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Whether it leads to the database. One that lay idle for so long is asked: the database may have been started anew
    /// since, and whoever comes next should not be the one to find out.
    pub(super) async fn is_alive(&mut self, idle: Duration) -> bool {
        if !self.is_broken && self.used.elapsed() >= idle {
            let _ = bounded(self, |connection| connection.ping()).await;
        }
        !self.is_broken
    }

    /// Until [`Link::trust`], nothing else is done on it.
    pub(crate) fn doubt(&mut self) {
        self.is_broken = true;
    }

    pub(crate) fn trust(&mut self) {
        self.is_broken = false;
    }

    pub(crate) fn start_rollback(&mut self) {
        if !self.is_broken {
            <sqlx::Postgres as Database>::TransactionManager::start_rollback(&mut self.connection);
        }
    }

    /// Says good-bye, if that can be said.
    pub(super) async fn close(self) {
        if !self.is_broken {
            let _ = tokio::time::timeout(CONNECT, self.connection.close()).await;
        }
    }

    async fn connect_to(address: &Address, place: usize, patience: Patience) -> Result<Self, StoreError> {
        let connect = async {
            let mut connection = address.server(place).connect().await?;
            sqlx::raw_sql(patience.settings).execute(&mut connection).await?;
            sqlx::raw_sql(COMMIT_FOR_SURE).execute(&mut connection).await?;
            let (is_standby, encoding): (bool, String) = sqlx::query_as(WHAT_IT_IS).fetch_one(&mut connection).await?;
            Ok((connection, is_standby, encoding))
        };
        let unavailable = |cause: String| StoreError::Unavailable { cause };
        let (connection, is_standby, encoding) = match tokio::time::timeout(CONNECT, connect).await {
            Ok(connected) => connected.map_err(fault)?,
            Err(_) => return Err(unavailable("connecting takes too long".to_owned())),
        };
        if is_standby {
            return Err(unavailable("server is a standby, which takes no writes".to_owned()));
        }
        if encoding != "UTF8" {
            return Err(unavailable(format!("database has encoding `{encoding}`, expected `UTF8`")));
        }
        Ok(Self { connection, patience: patience.statement, is_broken: false, used: Instant::now() })
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("is_broken", &self.is_broken).finish_non_exhaustive()
    }
}

/// A commit is answered when it is on the disk, and on that of a synchronous standby where there is one; whatever the
/// database's own default says of it, save that it may wait for more.
const COMMIT_FOR_SURE: &str = "\
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')";
const WHAT_IT_IS: &str = "SELECT pg_is_in_recovery(), current_setting('server_encoding')";
/// How long the writer's connection may lie idle and be believed in: exchanges wait for it.
pub(super) const IDLE: Duration = Duration::from_secs(1);
/// For connecting, all in all, to one server.
const CONNECT: Duration = Duration::from_secs(3);
