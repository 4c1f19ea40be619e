//! The signing keys.

use std::collections::HashMap;

use crate::backend::{Connection, begin_read, fault, query_as};
use crate::error::StoreError;
use crate::key::{Columns, DomainColumns, SigningKey};
use crate::seal::{Cell, Sealer, Set, check_head};
use crate::sql;

/// See [`Store::keys`](crate::Store::keys).
pub(crate) async fn keys(connection: &mut Connection, sealer: Option<&Sealer>) -> Result<Vec<SigningKey>, StoreError> {
    let mut transaction = begin_read(connection).await?;
    let keys = check_keys(&mut transaction, sealer).await?;
    transaction.rollback().await.map_err(fault)?;
    Ok(keys)
}

/// Those that count, within the transaction that `connection` is in.
pub(crate) async fn check_keys(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
) -> Result<Vec<SigningKey>, StoreError> {
    let mut keys = keys_unchecked(connection).await?;
    let seals = key_seals(connection).await?;
    let mut check = check_head(connection, sealer, Set::SigningKey).await?;
    keys.retain(|key| {
        let seal = seals.get(&key.id).and_then(Option::as_deref);
        check.see(&[Cell::Text(&key.id)], &key.cells(), seal)
    });
    check.end();
    Ok(keys)
}

/// All of them as they are there.
pub(crate) async fn keys_unchecked(connection: &mut Connection) -> Result<Vec<SigningKey>, StoreError> {
    let rows: Vec<Columns> = query_as(sql::KEYS).fetch_all(&mut *connection).await.map_err(fault)?;
    let mut keys: Vec<SigningKey> = rows.into_iter().map(SigningKey::from).collect();
    let of_domains: Vec<DomainColumns> = query_as(sql::KEYS_OF_DOMAINS).fetch_all(connection).await.map_err(fault)?;
    for (id, domain, chain, bundle) in of_domains {
        if let Some(key) = keys.iter_mut().find(|key| key.id == id) {
            (key.domain, key.chain, key.life.bundle) = (domain, chain, bundle);
        }
    }
    Ok(keys)
}

/// Their seals, by their ids.
pub(crate) async fn key_seals(connection: &mut Connection) -> Result<HashMap<String, Option<Vec<u8>>>, StoreError> {
    let rows: Vec<(String, Option<Vec<u8>>)> = query_as(sql::KEY_SEALS).fetch_all(connection).await.map_err(fault)?;
    Ok(rows.into_iter().collect())
}
