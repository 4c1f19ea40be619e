//! All resources as they are.

use crate::backend::{Connection, begin_read, fault, query_as};
use crate::error::StoreError;
use crate::head::{self, Head};
use crate::resource::{Columns, Row};
use crate::sql;

/// See [`Store::load_each`](crate::Store::load_each).
pub(crate) async fn load_each(connection: &mut Connection, each: impl FnMut(Row)) -> Result<Head, StoreError> {
    let mut transaction = begin_read(connection).await?;
    let head = head::read(&mut transaction).await?;
    walk(&mut transaction, each).await?;
    transaction.rollback().await.map_err(fault)?;
    Ok(head)
}

/// Lends every resource, in the order of their ids, within the transaction that `connection` is in.
pub(super) async fn walk(connection: &mut Connection, mut each: impl FnMut(Row)) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let rows: Vec<Columns> = query_as(sql::RESOURCES_AFTER)
            .bind(after.as_str())
            .bind(ROWS_AT_ONCE)
            .fetch_all(&mut *connection)
            .await
            .map_err(fault)?;
        let Some((_, last, ..)) = rows.last() else { return Ok(()) };
        after.clone_from(last);
        rows.into_iter().map(Row::from).for_each(&mut each);
    }
}

const ROWS_AT_ONCE: i64 = 1000;
