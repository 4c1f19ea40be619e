//! The bundles of foreign trust domains.

use super::EVERYTHING;
use crate::backend::{Connection, begin_read, fault, query_as};
use crate::bundle::{Columns, KeptBundle};
use crate::error::StoreError;
use crate::seal::{Check, Sealer, Set, check_head};
use crate::sql;

/// See [`Store::bundles`](crate::Store::bundles).
pub(crate) async fn bundles(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
) -> Result<Vec<KeptBundle>, StoreError> {
    let mut transaction = begin_read(connection).await?;
    let bundles = check_bundles(&mut transaction, sealer).await?;
    transaction.rollback().await.map_err(fault)?;
    Ok(bundles)
}

/// Those that count, within the transaction that `connection` is in, compared with the ledger.
pub(crate) async fn check_bundles(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
) -> Result<Vec<KeptBundle>, StoreError> {
    let (bundles, check) = bundles_since(connection, sealer, EVERYTHING).await?;
    check.end();
    Ok(bundles)
}

/// Those that count of what was written behind a count of news.
pub(super) async fn new_bundles(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
    since: i64,
) -> Result<Vec<KeptBundle>, StoreError> {
    Ok(bundles_since(connection, sealer, since).await?.0)
}

async fn bundles_since<'s>(
    connection: &mut Connection,
    sealer: Option<&'s Sealer>,
    since: i64,
) -> Result<(Vec<KeptBundle>, Check<'s>), StoreError> {
    let mut check = check_head(connection, sealer, Set::Bundle).await?;
    let mut bundles = Vec::new();
    for (bundle, seal) in read(connection, since).await? {
        if check.see(&bundle.named(), &bundle.cells(), seal.as_deref()) {
            bundles.push(bundle);
        }
    }
    Ok((bundles, check))
}

/// All of them as they are there, with their seals.
pub(crate) async fn bundles_unchecked(
    connection: &mut Connection,
) -> Result<Vec<(KeptBundle, Option<Vec<u8>>)>, StoreError> {
    read(connection, EVERYTHING).await
}

async fn read(connection: &mut Connection, since: i64) -> Result<Vec<(KeptBundle, Option<Vec<u8>>)>, StoreError> {
    let rows: Vec<Columns> = query_as(sql::BUNDLES).bind(since).fetch_all(connection).await.map_err(fault)?;
    Ok(rows.into_iter().map(KeptBundle::sealed).collect())
}
