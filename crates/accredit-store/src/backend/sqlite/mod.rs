//! SQLite: the embedded store, one process's own.
//!
//! One connection writes, three read; each is a thread of its own inside the SQL library, made when it is first needed. WAL
//! lets readers go on while the writer commits, `synchronous=FULL` syncs the log before a commit is answered.

mod fault;
mod place;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{Mutex, MutexGuard};

use super::fault::fault;
use super::{Connection, Lent, Writer};
use crate::error::StoreError;
use crate::migrations::{self, Schema};
use place::Place;

pub(super) use fault::is_corrupt;

/// It waits for the database first, so that it cannot fail half way.
pub(super) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";
/// It sees what there is at its first read.
pub(super) const BEGIN_READ: &str = "BEGIN";

/// Whether a schema of ours is there.
pub(super) const SCHEMA_STEPS_THERE: &str = "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_step'";

/// See [`store_bytes`](super::store_bytes).
pub(super) const STORE_BYTES: &str = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";

/// See [`find_summaries`](super::find_summaries).
pub(super) const FIND_SUMMARIES: &str =
    "SELECT chain, number FROM audit_batch WHERE instr(summary, $1) > 0 ORDER BY chain DESC, number DESC";

/// See [`find_summaries_within`](super::find_summaries_within).
pub(super) const FIND_SUMMARIES_WITHIN: &str = "\
SELECT chain, number FROM audit_batch \
WHERE chain = $2 AND number >= $3 AND number < $4 AND instr(summary, $1) > 0 ORDER BY chain DESC, number DESC";

/// An open SQLite database.
#[derive(Debug)]
pub(crate) struct Sqlite {
    writer: Mutex<Writer>,
    /// `None` in memory, where another connection would see another database.
    lanes: Option<Lanes>,
    /// Held for as long as the connections live. Fields are dropped in this order.
    _place: Option<Place>,
}

#[derive(Debug)]
struct Lanes {
    options: SqliteConnectOptions,
    reader: Mutex<Option<Connection>>,
    walker: Mutex<Option<Connection>>,
    copier: Mutex<Option<Connection>>,
}

/// Brings the SQL library back into step with SQLite. A disk that is full or broken makes SQLite end a transaction by itself;
/// the library cannot roll back what is not there, goes on counting it, and would begin no other one for ever.
pub(super) async fn count_again(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    if !connection.is_in_transaction() {
        return Ok(());
    }
    // The rollback of one that was given up may only be on its way.
    connection.ping().await.map_err(fault)?;
    if connection.is_in_transaction() {
        // What it counts is put there; where there is one after all, this is refused, and rightly so. To begin another one
        // is refused too, behind which the library rolls back: that is the only way to tell it to.
        let _ = sqlx::raw_sql("BEGIN").execute(&mut *connection).await;
        let _ = connection.begin_with("BEGIN").await;
        connection.ping().await.map_err(fault)?;
    }
    Ok(())
}

// === impl Sqlite ===

impl Sqlite {
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        match path(url)? {
            None => Self::open_memory().await,
            Some(path) => Self::open_file(path).await,
        }
    }

    /// Without taking the database: a server may have it.
    pub(crate) async fn schema(url: &str) -> Result<Schema, StoreError> {
        let Some(path) = path(url)?.filter(|path| Place::is_there(path)) else { return Ok(Schema::of(Vec::new(), 0)) };
        let options = options().filename(&path).pragma("query_only", "ON");
        let foreign = || StoreError::Foreign { path: path.clone() };
        let connection = options.connect().await.map_err(|error| fault::not_a_database(error, foreign()))?;
        let mut connection = connection.into();
        let schema = migrations::schema(&mut connection).await;
        close(Some(connection)).await?;
        schema
    }

    pub(crate) async fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().await
    }

    pub(crate) async fn reader(&self) -> Result<Lent<'_>, StoreError> {
        match &self.lanes {
            None => Ok(self.lend_writer().await),
            Some(lanes) => lanes.lend(&lanes.reader).await,
        }
    }

    pub(crate) async fn walker(&self) -> Result<Lent<'_>, StoreError> {
        match &self.lanes {
            None => Ok(self.lend_writer().await),
            Some(lanes) => lanes.lend(&lanes.walker).await,
        }
    }

    pub(crate) async fn copier(&self) -> Result<Lent<'_>, StoreError> {
        match &self.lanes {
            None => Ok(self.lend_writer().await),
            Some(lanes) => lanes.lend(&lanes.copier).await,
        }
    }

    pub(crate) async fn close(self) -> Result<(), StoreError> {
        if let Some(lanes) = self.lanes {
            for lane in [lanes.reader, lanes.walker, lanes.copier] {
                close(lane.into_inner()).await?;
            }
        }
        // The writer last: the last connection folds the log into the database.
        close(Some(self.writer.into_inner().connection)).await
    }

    async fn lend_writer(&self) -> Lent<'_> {
        MutexGuard::map(self.writer.lock().await, |writer| &mut writer.connection)
    }

    async fn open_memory() -> Result<Self, StoreError> {
        let options = options().in_memory(true);
        let mut writer = options.connect().await.map_err(fault)?;
        claim(&mut writer).await?;
        let mut writer = writer.into();
        migrations::run(&mut writer).await?;
        Ok(Self { writer: Mutex::new(Writer::new(writer, true)), lanes: None, _place: None })
    }

    async fn open_file(path: PathBuf) -> Result<Self, StoreError> {
        let place = take(&path).await?;
        let path = place.database().to_owned();
        let foreign = || StoreError::Foreign { path: path.clone() };
        let options = options().filename(&path);
        let mut writer = options.connect().await.map_err(|error| fault::not_a_database(error, foreign()))?;
        // Before anything is changed in it: somebody else's database stays as it is.
        if !claim(&mut writer).await? {
            return Err(foreign());
        }
        sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut writer).await.map_err(fault)?;
        let mut writer = writer.into();
        migrations::run(&mut writer).await?;
        let lanes = Lanes {
            options: options.pragma("query_only", "ON"),
            reader: Mutex::new(None),
            walker: Mutex::new(None),
            copier: Mutex::new(None),
        };
        Ok(Self { writer: Mutex::new(Writer::new(writer, true)), lanes: Some(lanes), _place: Some(place) })
    }
}

// === impl Lanes ===

impl Lanes {
    async fn lend<'a>(&'a self, lane: &'a Mutex<Option<Connection>>) -> Result<Lent<'a>, StoreError> {
        let mut guard = lane.lock().await;
        if guard.is_none() {
            *guard = Some(self.options.connect().await.map_err(fault)?.into());
        }
        MutexGuard::try_map(guard, Option::as_mut)
            .map_err(|_| StoreError::Unavailable { cause: "connection was lost".to_owned() })
    }
}

async fn close(connection: Option<Connection>) -> Result<(), StoreError> {
    match connection {
        Some(Connection::Sqlite(connection)) => connection.close().await.map_err(fault),
        Some(Connection::Postgres(_)) | None => Ok(()),
    }
}

/// Takes the database, waiting a moment for one that is just being given up: a server that is restarted, or a child of
/// the old one that has not come to run its own program yet.
async fn take(path: &Path) -> Result<Place, StoreError> {
    for _ in 0..ATTEMPTS {
        match Place::take(path) {
            Err(StoreError::Locked { .. }) => tokio::time::sleep(BETWEEN_ATTEMPTS).await,
            other => return other,
        }
    }
    Place::take(path)
}

/// The file that an address names; `None` is memory.
fn path(url: &str) -> Result<Option<PathBuf>, StoreError> {
    let refuse = |reason: &str| Err(StoreError::Address { scheme: "sqlite".to_owned(), reason: reason.to_owned() });
    let rest = url.strip_prefix("sqlite:").unwrap_or_default();
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    match rest {
        ":memory:" => Ok(None),
        "" => refuse("expected a path"),
        _ if rest.contains('?') => refuse("expected a path without parameters"),
        _ => Ok(Some(PathBuf::from(rest))),
    }
}

fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .create_if_missing(false)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", PAGE_CACHE_KIB)
        .pragma("cell_size_check", "ON")
        .pragma("journal_size_limit", WAL_BYTES_KEPT)
        // What was erased or deleted is overwritten with zeros, not left in free pages.
        .pragma("secure_delete", "ON")
        .pragma("temp_store", "MEMORY")
        .pragma("trusted_schema", "OFF")
        .row_buffer_size(ROWS_IN_FLIGHT)
        .thread_name(|id| format!("store-{id}"))
}

/// Marks an empty database as ours. False when it is somebody else's.
async fn claim(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let (mark,): (i64,) = sqlx::query_as("SELECT application_id FROM pragma_application_id")
        .fetch_one(&mut *connection)
        .await
        .map_err(fault)?;
    if mark == APPLICATION_ID {
        return Ok(true);
    }
    let (things,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *connection).await.map_err(fault)?;
    if mark != 0 || things != 0 {
        return Ok(false);
    }
    sqlx::raw_sql(MARK_AS_OURS).execute(&mut *connection).await.map_err(fault)?;
    Ok(true)
}

/// `ACRD` in ASCII, where SQLite keeps whose file it is. INVARIANT: the same number as in `MARK_AS_OURS`.
const APPLICATION_ID: i64 = 0x4143_5244;
const MARK_AS_OURS: &str = "PRAGMA application_id = 0x41435244";
const ATTEMPTS: u32 = 10;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(25);
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Negative: SQLite's way to count in KiB and not in pages. 1 MiB for each of three connections: the log is written and rarely read,
/// and what is larger than this lies in the kernel's cache.
const PAGE_CACHE_KIB: &str = "-1024";
const ROWS_IN_FLIGHT: usize = 256;
/// A large change leaves a large log behind, which is cut back to this.
const WAL_BYTES_KEPT: &str = "67108864";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::backend::{begin_read, begin_write, query_as, run_script};

    #[test]
    fn addresses() {
        for (url, expected) in [
            ("sqlite:a.db", Some("a.db")),
            ("sqlite:/var/lib/a.db", Some("/var/lib/a.db")),
            ("sqlite:///var/lib/a.db", Some("/var/lib/a.db")),
            ("sqlite::memory:", None),
            ("sqlite://:memory:", None),
        ] {
            assert_eq!(path(url).unwrap(), expected.map(PathBuf::from), "{url}");
        }
        for url in ["sqlite:", "sqlite://", "sqlite:a.db?mode=ro"] {
            assert_eq!(path(url).unwrap_err().code(), "store-address", "{url}");
        }
    }

    /// K07: what a full disk does to a transaction does not outlive the full disk.
    #[tokio::test]
    async fn a_transaction_that_sqlite_ended_is_not_the_last_one() {
        let sqlite = Sqlite::open_memory().await.unwrap();
        let connection = &mut sqlite.writer().await.connection;
        for round in 0..3 {
            let mut ended = begin_write(connection).await.unwrap();
            run_script(&mut ended, "ROLLBACK").await.unwrap();
            match round {
                0 => drop(ended),
                1 => assert!(ended.commit().await.is_err()),
                _ => assert!(ended.rollback().await.is_err()),
            }
        }
        let mut next = begin_write(connection).await.unwrap();
        run_script(&mut next, "CREATE TABLE thing (name TEXT)").await.unwrap();
        next.commit().await.unwrap();
        drop(begin_read(connection).await.unwrap());
        drop(begin_write(connection).await.unwrap());
        let mut last = begin_read(connection).await.unwrap();
        run_script(&mut last, "SELECT name FROM thing").await.unwrap();
    }

    #[tokio::test]
    async fn commits_are_synced_and_readers_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open_file(folder.path().join("store.db")).await.unwrap();
        let ask = |question: &'static str| query_as::<(i64,)>(question);
        let mut writer = sqlite.writer().await;
        for (question, expected) in [
            ("PRAGMA synchronous", 2),
            ("PRAGMA foreign_keys", 1),
            ("PRAGMA secure_delete", 1),
            ("PRAGMA query_only", 0),
        ] {
            let (answer,) = ask(question).fetch_one(&mut writer.connection).await.unwrap();
            assert_eq!(answer, expected, "{question}");
        }
        for mut reader in [sqlite.reader().await.unwrap(), sqlite.walker().await.unwrap()] {
            let (answer,) = ask("PRAGMA query_only").fetch_one(&mut reader).await.unwrap();
            assert_eq!(answer, 1);
        }
    }
}
