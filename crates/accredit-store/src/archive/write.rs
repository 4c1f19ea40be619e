//! Makes a backup: one state of the store, table by table, while others go on writing.

use accredit_id::digest::Running;
use tokio::sync::mpsc::Sender;

use super::frame::{self, END, HEADER, MAGIC, ROW, TABLE, Value};
use super::tables::{TABLES, Table};
use crate::backend::{self, Connection, Kind, begin_read, fault, statement};
use crate::error::StoreError;
use crate::head;
use crate::migrations;

/// What whoever asks for a backup says of it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When, Unix seconds.
    pub made_at: i64,
    /// The version of this program.
    pub version: String,
    /// The server's URL.
    pub public_url: String,
}

/// A backup on its way.
struct Outgoing<'s> {
    to: &'s Sender<Vec<u8>>,
    digest: Running,
    pending: Vec<u8>,
    rows: i64,
}

/// See [`Store::archive`](crate::Store::archive).
pub(crate) async fn write(
    connection: &mut Connection,
    asked: &Asked,
    tag: impl Fn(&[u8; 32]) -> Option<[u8; 32]>,
    to: &Sender<Vec<u8>>,
) -> Result<i64, StoreError> {
    let mut transaction = begin_read(connection).await?;
    let head = head::read(&mut transaction).await?;
    let mut out = Outgoing { to, digest: Running::default(), pending: MAGIC.to_vec(), rows: 0 };
    let Asked { made_at, version, public_url } = asked;
    let about = [
        Value::Int(*made_at),
        Value::Int(migrations::known()),
        Value::Int(head.sequence),
        Value::Int(head.revocation),
        Value::Text(version.clone()),
        Value::Text(public_url.clone()),
    ];
    frame::push(&mut out.pending, HEADER, &about);
    for table in TABLES {
        let named = [Value::Text(table.name.to_owned()), Value::Text(table.column_list())];
        frame::push(&mut out.pending, TABLE, &named);
        copy(&mut transaction, table, &mut out).await?;
    }
    transaction.rollback().await.map_err(fault)?;
    out.end(tag).await
}

async fn copy(connection: &mut Connection, table: &'static Table, out: &mut Outgoing<'_>) -> Result<(), StoreError> {
    let kinds: Vec<Kind> = table.columns.iter().map(|(_, kind)| kind.kind()).collect();
    let mut after: Option<Vec<backend::Value>> = None;
    loop {
        let query = statement(table.select(after.is_some()));
        let query = after.take().into_iter().flatten().fold(query, |query, value| query.bind(value));
        let rows = query.bind(table.page).fetch_values(&kinds, connection).await.map_err(fault)?;
        let is_last = rows.len() < table.page as usize;
        for row in rows {
            after = Some(row[..table.key].to_vec());
            let values: Vec<Value> = row.into_iter().map(Value::from).collect();
            frame::push(&mut out.pending, ROW, &values);
            out.rows += 1;
            out.send_when_full().await?;
        }
        if is_last {
            return Ok(());
        }
    }
}

// === impl Outgoing ===

impl Outgoing<'_> {
    async fn send_when_full(&mut self) -> Result<(), StoreError> {
        if self.pending.len() < CHUNK {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.pending, Vec::with_capacity(CHUNK));
        self.digest.read(&piece);
        self.send(piece).await
    }

    async fn end(mut self, tag: impl Fn(&[u8; 32]) -> Option<[u8; 32]>) -> Result<i64, StoreError> {
        self.digest.read(&self.pending);
        let digest = std::mem::take(&mut self.digest).finish();
        let tag = tag(&digest).map_or(Value::Null, |tag| Value::Bytes(tag.to_vec()));
        let rows = self.rows;
        frame::push(&mut self.pending, END, &[Value::Int(rows), Value::Bytes(digest.to_vec()), tag]);
        let piece = std::mem::take(&mut self.pending);
        self.send(piece).await?;
        Ok(rows)
    }

    /// Whoever takes the backup must go on taking it: the database keeps this moment for him.
    async fn send(&self, piece: Vec<u8>) -> Result<(), StoreError> {
        let gone = || StoreError::Unavailable { cause: "nobody takes the backup any more".to_owned() };
        match tokio::time::timeout(PATIENCE, self.to.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(gone()),
        }
    }
}

const CHUNK: usize = 256 * 1024;
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
