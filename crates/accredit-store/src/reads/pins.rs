//! The pins.

use super::EVERYTHING;
use crate::backend::{Connection, begin_read, fault, query_as};
use crate::error::StoreError;
use crate::pin::{Columns, NamePin};
use crate::seal::{Check, Sealer, Set, check_head};
use crate::sql;

/// See [`Store::pins`](crate::Store::pins).
pub(crate) async fn pins(connection: &mut Connection, sealer: Option<&Sealer>) -> Result<Vec<NamePin>, StoreError> {
    let mut transaction = begin_read(connection).await?;
    let pins = check_pins(&mut transaction, sealer).await?;
    transaction.rollback().await.map_err(fault)?;
    Ok(pins)
}

/// Those that count, within the transaction that `connection` is in, compared with the ledger.
pub(crate) async fn check_pins(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
) -> Result<Vec<NamePin>, StoreError> {
    let (pins, check) = pins_since(connection, sealer, EVERYTHING).await?;
    check.end();
    Ok(pins)
}

/// Those that count of what was written behind a count of news. Not all: the ledger is compared by whoever reads everything.
pub(super) async fn new_pins(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
    since: i64,
) -> Result<Vec<NamePin>, StoreError> {
    Ok(pins_since(connection, sealer, since).await?.0)
}

async fn pins_since<'s>(
    connection: &mut Connection,
    sealer: Option<&'s Sealer>,
    since: i64,
) -> Result<(Vec<NamePin>, Check<'s>), StoreError> {
    let mut check = check_head(connection, sealer, Set::NamePin).await?;
    let mut pins = Vec::new();
    for (pin, seal) in read(connection, since).await? {
        if check.see(&pin.key.cells(), &pin.cells(), seal.as_deref()) {
            pins.push(pin);
        }
    }
    Ok((pins, check))
}

/// All of them as they are there, with their seals.
pub(crate) async fn pins_unchecked(connection: &mut Connection) -> Result<Vec<(NamePin, Option<Vec<u8>>)>, StoreError> {
    read(connection, EVERYTHING).await
}

async fn read(connection: &mut Connection, since: i64) -> Result<Vec<(NamePin, Option<Vec<u8>>)>, StoreError> {
    let rows: Vec<Columns> = query_as(sql::PINS).bind(since).fetch_all(connection).await.map_err(fault)?;
    rows.into_iter().map(NamePin::sealed).collect()
}
