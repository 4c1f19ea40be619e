//! Erases the erasable values of old records. The chain goes on holding: it covers commitments to them.

use super::pack;
use crate::audit::NewRecord;
use crate::backend::{Connection, begin_write, fault, query_as, statement};
use crate::chain::{self, Chain};
use crate::error::StoreError;
use crate::reads;
use crate::sql;

/// Erases one stretch of what is older than `before`. False when nothing is left to erase.
///
/// The record comes with the first stretch: it says that erasing began.
pub(crate) async fn erase_values(
    connection: &mut Connection,
    chain: &mut Chain,
    before: i64,
    record: Option<&NewRecord>,
    at: i64,
) -> Result<bool, StoreError> {
    chain.settle(connection).await?;
    let batches = record.map(|record| pack(chain, std::slice::from_ref(record), at)).transpose()?;
    let mut transaction = begin_write(connection).await?;
    let more = erase_stretch(&mut transaction, before).await?.is_some();
    let tail = match batches {
        Some(batches) => Some(chain.append(&mut transaction, batches).await?),
        None => None,
    };
    transaction.commit().await.map_err(fault)?;
    if let Some(tail) = tail {
        chain.committed(tail);
    }
    Ok(more)
}

/// How many batches of one stretch lost their values; `None` when no stretch is left.
pub(super) async fn erase_stretch(connection: &mut Connection, before: i64) -> Result<Option<u64>, StoreError> {
    for stored in reads::chains(connection).await? {
        let (ordinal, from) = (stored.ordinal, stored.erased_to);
        let (next,): (Option<i64>,) = query_as(sql::NEXT_BATCH_NUMBER)
            .bind(ordinal)
            .bind(from)
            .fetch_one(&mut *connection)
            .await
            .map_err(fault)?;
        let Some(next) = next else { continue };
        let (last, _) = chain::tail(connection, ordinal).await?;
        let to = next.saturating_add(STRETCH).min(last);
        let (young,): (Option<i64>,) = query_as(sql::FIRST_NOT_BEFORE)
            .bind(ordinal)
            .bind(from)
            .bind(to)
            .bind(before)
            .fetch_one(&mut *connection)
            .await
            .map_err(fault)?;
        let to = young.map_or(to, |young| young - 1);
        if to <= from {
            continue;
        }
        return erase(connection, ordinal, from, to).await.map(Some);
    }
    Ok(None)
}

async fn erase(connection: &mut Connection, ordinal: i64, from: i64, to: i64) -> Result<u64, StoreError> {
    let query = statement(sql::ERASE_VALUES).bind(ordinal).bind(from).bind(to);
    let erased = query.execute(&mut *connection).await.map_err(fault)?.rows_affected();
    let query = statement(sql::ERASED_TO).bind(ordinal).bind(to);
    query.execute(connection).await.map_err(fault)?;
    Ok(erased)
}

/// Batches in one transaction: few enough that exchanges do not wait for it.
const STRETCH: i64 = 500;
