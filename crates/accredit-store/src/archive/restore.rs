//! Writes a backup into an empty store, in one transaction, and puts down that it happened.

use std::io::Read;

use super::fault::ArchiveFault;
use super::frame::Value;
use super::read::{Archive, Piece};
use super::tables::{TABLES, Table};
use crate::audit::{ChainId, NewRecord};
use crate::backend::{Connection, Writer, begin_write, fault, query_as, statement};
use crate::deeds;
use crate::error::StoreError;
use crate::head::{self, Head};
use crate::key::KeyChange;
use crate::reads;
use crate::seal::{Book, Sealer};
use crate::sql;

/// What is done beside writing a backup back, so that nothing of before counts.
#[derive(Clone)]
pub struct RestoreDeed {
    /// What becomes of its signing keys, and new ones.
    pub keys: Vec<KeyChange>,
    /// What is put down about it. Never empty.
    pub records: Vec<NewRecord>,
    /// The chain that this is put down in, linked to the last one of the backup. 128 random bits.
    pub chain: ChainId,
}

/// Why a backup was not restored. The store is as empty as before then.
#[derive(Debug, thiserror::Error)]
pub enum RestoreFault {
    /// The backup.
    #[error(transparent)]
    Archive(#[from] ArchiveFault),
    /// There is something in the store already.
    #[error("store is not empty: table `{table}` has rows")]
    NotEmpty {
        /// Where.
        table: &'static str,
    },
    /// Its seals do not hold.
    #[error("backup is of a database that was tampered with: {first}")]
    Tampered {
        /// The first of what was found.
        first: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a store was made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restoration {
    /// Counts them.
    pub epoch: i64,
    /// When, Unix seconds.
    pub restored_at: i64,
    /// When the backup was made.
    pub made_at: i64,
    /// How far its store had come.
    pub made_sequence: i64,
    /// When somebody said that he has looked at what came back.
    pub reviewed_at: Option<i64>,
}

/// See [`Store::restore`](crate::Store::restore).
pub(crate) async fn restore(
    writer: &mut Writer,
    sealer: Option<&Sealer>,
    mut archive: Archive<impl Read>,
    deed: RestoreDeed,
    at: i64,
) -> Result<Head, RestoreFault> {
    let connection = writer.change();
    let mut transaction = begin_write(connection).await?;
    check_empty(&mut transaction).await?;
    let about = archive.about().clone();
    let mut epoch = 0;
    while let Piece::Row(table, values) = archive.next()? {
        if let ("restoration", Some(number)) = (table.name, values.first().and_then(Value::int)) {
            epoch = epoch.max(number);
        }
        insert(&mut transaction, table, values).await?;
    }
    check_seals(&mut transaction, sealer).await?;
    let RestoreDeed { keys, records, chain } = deed;
    let mut book = Book::open(&mut transaction, sealer).await?;
    let head = head::advance(&mut transaction, true).await?;
    book.iter_mut().for_each(|book| book.at(head));
    deeds::take_key_steps(&mut transaction, keys, book.as_mut()).await?;
    if let Some(book) = book {
        book.close(&mut transaction, &chain.0).await?;
    }
    deeds::doubt_evidence(&mut transaction, at).await?;
    let put = statement(sql::PUT_RESTORATION).bind(epoch + 1).bind(at).bind(about.made_at).bind(about.sequence);
    put.execute(&mut transaction).await.map_err(fault)?;
    let mut chain = deeds::open_chain_within(&mut transaction, chain, false, at).await?;
    let batches = deeds::pack(&chain, &records, at)?;
    chain.append(&mut transaction, batches).await?;
    transaction.commit().await.map_err(fault)?;
    writer.changed(head);
    Ok(head)
}

/// Refuses a backup of a store that was tampered with: what it holds must not be sealed again.
async fn check_seals(connection: &mut Connection, sealer: Option<&Sealer>) -> Result<(), RestoreFault> {
    let Some(sealer) = sealer else { return Ok(()) };
    reads::check_resources(connection, Some(sealer), |_| ()).await?;
    reads::check_keys(connection, Some(sealer)).await?;
    reads::check_pins(connection, Some(sealer)).await?;
    reads::check_revoked(connection, Some(sealer)).await?;
    reads::check_bundles(connection, Some(sealer)).await?;
    match sealer.found().first() {
        None => Ok(()),
        Some(first) => Err(RestoreFault::Tampered { first: first.to_string() }),
    }
}

/// Refuses a store that holds anything but the row that every new one has.
async fn check_empty(connection: &mut Connection) -> Result<(), RestoreFault> {
    for table in TABLES {
        let (rows,): (i64,) = query_as(table.count()).fetch_one(connection).await.map_err(fault)?;
        let is_new = table.name == "head" && head::read(connection).await? == Head::default();
        if rows > 0 && !is_new {
            return Err(RestoreFault::NotEmpty { table: table.name });
        }
    }
    statement(sql::TAKE_HEAD).execute(connection).await.map_err(fault)?;
    Ok(())
}

async fn insert(connection: &mut Connection, table: &Table, values: Vec<Value>) -> Result<(), RestoreFault> {
    let mut query = statement(table.insert());
    for (value, (_, kind)) in values.into_iter().zip(table.columns) {
        query = query.bind(value.stored(*kind));
    }
    query.execute(connection).await.map_err(fault)?;
    Ok(())
}
