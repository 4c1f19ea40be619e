//! A statement with its values, for whichever database: written once, bound when it is known where it runs.

use std::marker::PhantomData;
use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, ColumnIndex, Decode, FromRow, Row, SqlSafeStr as _, SqlStr, Type};

use super::connection::Connection;
use super::postgres::bounded;

/// The text of a statement: one of ours, or one that was spelled for a number of rows.
pub(crate) struct Text(SqlStr);

/// A statement that gives no rows.
pub(crate) struct Statement {
    text: SqlStr,
    values: Vec<Value>,
}

/// A statement that gives rows, each a tuple of columns.
pub(crate) struct QueryAs<T> {
    statement: Statement,
    rows: PhantomData<fn() -> T>,
}

/// How many rows a statement touched.
pub(crate) struct Done(u64);

/// A value. Absent ones have a type all the same: PostgreSQL wants to know.
#[derive(Clone)]
pub(crate) enum Value {
    Bytes(Option<Vec<u8>>),
    Flag(Option<bool>),
    Integer(Option<i64>),
    Text(Option<String>),
}

/// What a column holds.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Bytes,
    Flag,
    Integer,
    Text,
}

/// A row that can be read from every database.
pub(crate) trait Columns: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

impl<T> Columns for T where T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

/// A statement that gives no rows.
pub(crate) fn statement(text: impl Into<Text>) -> Statement {
    Statement { text: text.into().0, values: Vec::new() }
}

/// A statement that gives rows.
pub(crate) fn query_as<T: Columns>(text: impl Into<Text>) -> QueryAs<T> {
    QueryAs { statement: statement(text), rows: PhantomData }
}

/// Runs statements without values, one after the other.
pub(crate) async fn run_script(connection: &mut Connection, script: &'static str) -> Result<(), sqlx::Error> {
    let script = sqlx::raw_sql(script);
    match connection {
        Connection::Postgres(link) => bounded(link, |connection| script.execute(connection)).await.map(|_| ()),
        Connection::Sqlite(connection) => script.execute(connection).await.map(|_| ()),
    }
}

// === impl Text ===

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self(text.into_sql_str())
    }
}

impl From<AssertSqlSafe<Arc<str>>> for Text {
    fn from(text: AssertSqlSafe<Arc<str>>) -> Self {
        Self(text.into_sql_str())
    }
}

// === impl Statement ===

impl Statement {
    /// Binds the next value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    pub(crate) async fn execute(self, connection: &mut Connection) -> Result<Done, sqlx::Error> {
        match connection {
            Connection::Postgres(link) => {
                let done = bounded(link, |connection| self.postgres().execute(connection)).await?;
                Ok(Done(done.rows_affected()))
            }
            Connection::Sqlite(connection) => {
                let done = self.sqlite().execute(connection).await?;
                Ok(Done(done.rows_affected()))
            }
        }
    }

    /// Every row, its columns as values of these kinds.
    pub(crate) async fn fetch_values(
        self,
        kinds: &[Kind],
        connection: &mut Connection,
    ) -> Result<Vec<Vec<Value>>, sqlx::Error> {
        match connection {
            Connection::Postgres(link) => {
                let rows = bounded(link, |connection| self.postgres().fetch_all(connection)).await?;
                rows.iter().map(|row| values(row, kinds)).collect()
            }
            Connection::Sqlite(connection) => {
                let rows = self.sqlite().fetch_all(connection).await?;
                rows.iter().map(|row| values(row, kinds)).collect()
            }
        }
    }

    fn postgres(self) -> sqlx::query::Query<'static, sqlx::Postgres, PgArguments> {
        let bind = |query: sqlx::query::Query<'static, _, _>, value| match value {
            Value::Bytes(value) => query.bind(value),
            Value::Flag(value) => query.bind(value),
            Value::Integer(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
        };
        self.values.into_iter().fold(sqlx::query(self.text), bind)
    }

    fn sqlite(self) -> sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments> {
        let bind = |query: sqlx::query::Query<'static, _, _>, value| match value {
            Value::Bytes(value) => query.bind(value),
            Value::Flag(value) => query.bind(value),
            Value::Integer(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
        };
        self.values.into_iter().fold(sqlx::query(self.text), bind)
    }
}

fn values<'r, R>(row: &'r R, kinds: &[Kind]) -> Result<Vec<Value>, sqlx::Error>
where
    R: Row,
    usize: ColumnIndex<R>,
    Option<Vec<u8>>: Decode<'r, R::Database> + Type<R::Database>,
    Option<bool>: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
{
    let value = |(place, kind): (usize, &Kind)| {
        Ok(match kind {
            Kind::Bytes => Value::Bytes(row.try_get(place)?),
            Kind::Flag => Value::Flag(row.try_get(place)?),
            Kind::Integer => Value::Integer(row.try_get(place)?),
            Kind::Text => Value::Text(row.try_get(place)?),
        })
    };
    kinds.iter().enumerate().map(value).collect()
}

// === impl Kind ===

impl Kind {
    /// What a column holds that our own steps declare so.
    pub(crate) fn declared(text: &str) -> Option<Self> {
        Some(match text {
            "BIGINT" => Self::Integer,
            "BOOLEAN" => Self::Flag,
            "BYTEA" => Self::Bytes,
            "TEXT" => Self::Text,
            _ => return None,
        })
    }
}

// === impl QueryAs ===

impl<T: Columns> QueryAs<T> {
    /// Binds the next value.
    pub(crate) fn bind(self, value: impl Into<Value>) -> Self {
        Self { statement: self.statement.bind(value), rows: PhantomData }
    }

    /// Every row, read to the end.
    pub(crate) async fn fetch_all(self, connection: &mut Connection) -> Result<Vec<T>, sqlx::Error> {
        match connection {
            Connection::Postgres(link) => {
                let rows = bounded(link, |connection| self.statement.postgres().fetch_all(connection)).await?;
                rows.iter().map(T::from_row).collect()
            }
            Connection::Sqlite(connection) => {
                let rows = self.statement.sqlite().fetch_all(connection).await?;
                rows.iter().map(T::from_row).collect()
            }
        }
    }

    /// The one row.
    pub(crate) async fn fetch_one(self, connection: &mut Connection) -> Result<T, sqlx::Error> {
        self.fetch_optional(connection).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// The one row, if there is one.
    pub(crate) async fn fetch_optional(self, connection: &mut Connection) -> Result<Option<T>, sqlx::Error> {
        match connection {
            Connection::Postgres(link) => {
                let row = bounded(link, |connection| self.statement.postgres().fetch_optional(connection)).await?;
                row.as_ref().map(T::from_row).transpose()
            }
            Connection::Sqlite(connection) => {
                let row = self.statement.sqlite().fetch_optional(connection).await?;
                row.as_ref().map(T::from_row).transpose()
            }
        }
    }
}

// === impl Done ===

impl Done {
    pub(crate) fn rows_affected(&self) -> u64 {
        self.0
    }
}

// === impl Value ===

macro_rules! values {
    ($($from:ty => $variant:ident($value:ident): $into:expr;)*) => {
        $(
            impl From<$from> for Value {
                fn from($value: $from) -> Self {
                    Self::$variant(Some($into))
                }
            }

            impl From<Option<$from>> for Value {
                fn from(value: Option<$from>) -> Self {
                    Self::$variant(value.map(|$value| $into))
                }
            }
        )*
    };
}

values! {
    &str => Text(value): value.to_owned();
    String => Text(value): value;
    Vec<u8> => Bytes(value): value;
    bool => Flag(value): value;
    i64 => Integer(value): value;
}
