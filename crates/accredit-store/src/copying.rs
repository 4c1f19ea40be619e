//! Copies a whole store into another one, row by row as it is, from whichever database to whichever.
//!
//! What there is to copy is read off a new, empty store in memory, which has every table and column that this program knows.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

use crate::backend::{
    Backend, Connection, Kind, Text, Value, begin_read, begin_write, fault, query_as, run_script, statement,
};
use crate::error::StoreError;
use crate::sql;

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Rows of each table, in the order of copying.
    pub tables: Vec<(String, u64)>,
}

/// A table, and how its rows are walked through.
struct Table {
    name: String,
    columns: Vec<(String, Kind)>,
    /// The places of the columns that tell rows apart, in the order in which they are walked through.
    key: Vec<usize>,
}

/// See [`Store::copy_to`](crate::Store::copy_to).
pub(crate) async fn copy(from: &Backend, to: &Backend) -> Result<Copied, StoreError> {
    let tables = tables().await?;
    let mut from = from.walker().await?;
    let mut to = to.writer().await?;
    let mut source = begin_read(&mut from).await?;
    let mut target = begin_write(&mut to.connection).await?;
    check_empty(&mut target, &tables).await?;
    // Every store is born with this row.
    run_script(&mut target, sql::FORGET_HEAD).await.map_err(fault)?;
    let mut copied = Copied::default();
    for table in &tables {
        copied.tables.push((table.name.clone(), table.copy(&mut source, &mut target).await?));
    }
    source.rollback().await.map_err(fault)?;
    target.commit().await.map_err(fault)?;
    Ok(copied)
}

async fn tables() -> Result<Vec<Table>, StoreError> {
    let model = Backend::open("sqlite::memory:").await?;
    let mut connection = model.walker().await?;
    let names: Vec<(String,)> = query_as(sql::TABLE_NAMES).fetch_all(&mut connection).await.map_err(fault)?;
    let mut tables = Vec::with_capacity(names.len());
    for (name,) in names {
        let columns: Vec<(String, String, i64)> =
            query_as(sql::TABLE_COLUMNS).bind(name.as_str()).fetch_all(&mut connection).await.map_err(fault)?;
        tables.push(Table::read(name, columns)?);
    }
    Ok(tables)
}

async fn check_empty(target: &mut Connection, tables: &[Table]) -> Result<(), StoreError> {
    for table in tables.iter().filter(|table| table.name != HEAD) {
        let count: Arc<str> = format!("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 1) found", table.name).into();
        let (count,): (i64,) = query_as(own(&count)).fetch_one(target).await.map_err(fault)?;
        if count > 0 {
            return Err(StoreError::NotEmpty { table: table.name.clone() });
        }
    }
    Ok(())
}

// === impl Table ===

impl Table {
    fn read(name: String, columns: Vec<(String, String, i64)>) -> Result<Self, StoreError> {
        let mut key: Vec<(i64, usize)> = Vec::new();
        let mut kinds = Vec::with_capacity(columns.len());
        for (place, (column, declared, in_key)) in columns.into_iter().enumerate() {
            let kind = Kind::declared(&declared).ok_or_else(|| StoreError::Corrupt {
                what: format!("column `{name}.{column}` is of type `{declared}`"),
            })?;
            if in_key > 0 {
                key.push((in_key, place));
            }
            kinds.push((column, kind));
        }
        key.sort_unstable();
        let mut key: Vec<usize> = key.into_iter().map(|(_, place)| place).collect();
        if key.is_empty() {
            // The log's batches, whose place is taken once all the same.
            key = [0, 1].into();
        }
        Ok(Self { name, columns: kinds, key })
    }

    async fn copy(&self, source: &mut Connection, target: &mut Connection) -> Result<u64, StoreError> {
        let kinds: Vec<Kind> = self.columns.iter().map(|(_, kind)| *kind).collect();
        let (first, next, put): (Arc<str>, Arc<str>, Arc<str>) =
            (self.select(false).into(), self.select(true).into(), self.insert().into());
        let mut count = 0;
        let mut after: Option<Vec<Value>> = None;
        loop {
            let page = match after.take() {
                None => statement(own(&first)),
                Some(key) => key.into_iter().fold(statement(own(&next)), |page, value| page.bind(value)),
            };
            let rows = page.fetch_values(&kinds, source).await.map_err(fault)?;
            let Some(last) = rows.last() else { return Ok(count) };
            after = Some(self.key.iter().map(|place| last[*place].clone()).collect());
            for row in rows {
                let put = row.into_iter().fold(statement(own(&put)), |put, value| put.bind(value));
                put.execute(target).await.map_err(fault)?;
                count += 1;
            }
        }
    }

    /// The next rows, behind a key where there was one before.
    fn select(&self, is_behind: bool) -> String {
        let key = self.key.iter().map(|place| self.columns[*place].0.as_str()).collect::<Vec<_>>().join(", ");
        let behind = match is_behind {
            true => format!(" WHERE ({key}) > ({})", places(self.key.len())),
            false => String::new(),
        };
        format!("SELECT {} FROM {}{behind} ORDER BY {key} LIMIT {ROWS_AT_ONCE}", self.names(), self.name)
    }

    fn insert(&self) -> String {
        format!("INSERT INTO {} ({}) VALUES ({})", self.name, self.names(), places(self.columns.len()))
    }

    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// `$1, $2, ...`
fn places(count: usize) -> String {
    (1..=count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

/// A statement of nothing but names from our own schema, hence the assertion.
fn own(text: &Arc<str>) -> Text {
    AssertSqlSafe(Arc::clone(text)).into()
}

const HEAD: &str = "head";
/// The log's batches have up to a mebibyte each.
const ROWS_AT_ONCE: usize = 100;
