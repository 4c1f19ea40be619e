//! All resources as they are.

use crate::backend::{Connection, begin_read, fault, query_as};
use crate::error::StoreError;
use crate::head::{self, Head};
use crate::resource::{Columns, Row};
use crate::seal::{Sealer, Set, check_head};
use crate::sql;

/// See [`Store::load_each`](crate::Store::load_each).
pub(crate) async fn load_each(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
    each: impl FnMut(Row),
) -> Result<Head, StoreError> {
    let mut transaction = begin_read(connection).await?;
    let head = head::read(&mut transaction).await?;
    check_resources(&mut transaction, sealer, each).await?;
    transaction.rollback().await.map_err(fault)?;
    Ok(head)
}

/// Lends every resource that counts, within the transaction that `connection` is in, and compares them with the ledger.
pub(crate) async fn check_resources(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
    mut each: impl FnMut(Row),
) -> Result<(), StoreError> {
    let mut check = check_head(connection, sealer, Set::Resource).await?;
    walk_sealed(connection, |row, seal| {
        if check.see(&row.named(), &row.cells(), seal.as_deref()) {
            each(row);
        }
    })
    .await?;
    check.end();
    Ok(())
}

/// Lends every resource, in the order of their ids, within the transaction that `connection` is in.
pub(crate) async fn walk(connection: &mut Connection, mut each: impl FnMut(Row)) -> Result<(), StoreError> {
    walk_sealed(connection, |row, _| each(row)).await
}

async fn walk_sealed(
    connection: &mut Connection,
    mut each: impl FnMut(Row, Option<Vec<u8>>),
) -> Result<(), StoreError> {
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
        rows.into_iter().map(Row::sealed).for_each(|(row, seal)| each(row, seal));
    }
}

const ROWS_AT_ONCE: i64 = 1000;
