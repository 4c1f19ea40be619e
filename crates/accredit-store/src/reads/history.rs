//! Resources as they were, and what became of them since.

use std::collections::HashMap;

use super::resources::walk;
use crate::backend::{Connection, begin_read, fault, query_as};
use crate::error::StoreError;
use crate::head;
use crate::resource::{Changes, Columns, Row};
use crate::seal::{Sealer, Set, check_head};
use crate::sql;

type Touched = (Vec<Row>, Vec<(String, String)>);
type Was = (i64, String, String, Option<String>, Option<String>, Option<bool>, Option<i64>, Option<String>);

/// See [`Store::load_at`](crate::Store::load_at).
pub(crate) async fn load_at(connection: &mut Connection, sequence: i64) -> Result<Vec<Row>, StoreError> {
    let mut transaction = begin_read(connection).await?;
    let head = head::read(&mut transaction).await?.sequence;
    if sequence > head {
        return Err(StoreError::UnknownSequence { asked: sequence, head });
    }
    let mut earlier = earlier(&mut transaction, sequence).await?;
    let mut rows = Vec::new();
    walk(&mut transaction, |row| {
        // What was touched since is taken from history, what was not is what it is.
        if !earlier.contains_key(&row.id) {
            rows.push(row);
        }
    })
    .await?;
    transaction.rollback().await.map_err(fault)?;
    rows.extend(earlier.drain().filter_map(|(_, was)| was));
    rows.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    Ok(rows)
}

/// See [`Store::resource_behind`](crate::Store::resource_behind).
pub(crate) async fn resource_behind(
    connection: &mut Connection,
    id: &str,
    sequence: i64,
) -> Result<Option<Option<Row>>, StoreError> {
    let query = query_as(sql::RESOURCE_BEHIND).bind(id).bind(sequence);
    let touched: Option<Was> = query.fetch_all(connection).await.map_err(fault)?.pop();
    touched.map(was).transpose()
}

/// See [`Store::changes_since`](crate::Store::changes_since).
pub(crate) async fn changes_since(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
    sequence: i64,
) -> Result<Changes, StoreError> {
    let mut transaction = begin_read(connection).await?;
    let head = head::read(&mut transaction).await?;
    if sequence > head.sequence {
        return Err(StoreError::UnknownSequence { asked: sequence, head: head.sequence });
    }
    let (puts, deletes) = changes(&mut transaction, sealer, sequence).await?;
    transaction.rollback().await.map_err(fault)?;
    Ok(Changes { head, puts, deletes })
}

/// Resources that are new or were written since, and those that are gone, within the transaction that `connection` is in. The
/// ledger is compared by whoever reads everything.
pub(super) async fn changes(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
    sequence: i64,
) -> Result<Touched, StoreError> {
    let puts: Vec<Columns> =
        query_as(sql::RESOURCES_CHANGED_SINCE).bind(sequence).fetch_all(&mut *connection).await.map_err(fault)?;
    let deletes =
        query_as(sql::RESOURCES_GONE_SINCE).bind(sequence).fetch_all(&mut *connection).await.map_err(fault)?;
    let mut check = check_head(connection, sealer, Set::Resource).await?;
    let counts =
        |(row, seal): (Row, Option<Vec<u8>>)| check.see(&row.named(), &row.cells(), seal.as_deref()).then_some(row);
    Ok((puts.into_iter().map(Row::sealed).filter_map(counts).collect(), deletes))
}

/// For each id that was touched since, what it was before it was touched first; `None`: nothing.
async fn earlier(connection: &mut Connection, sequence: i64) -> Result<HashMap<String, Option<Row>>, StoreError> {
    let mut earlier = HashMap::new();
    let mut after = (sequence, String::new());
    loop {
        let rows: Vec<Was> = query_as(sql::HISTORY_SINCE)
            .bind(sequence)
            .bind(after.0)
            .bind(after.1.as_str())
            .bind(ROWS_AT_ONCE)
            .fetch_all(&mut *connection)
            .await
            .map_err(fault)?;
        let Some(last) = rows.last() else { return Ok(earlier) };
        after = (last.0, last.1.clone());
        for row in rows {
            if !earlier.contains_key(&row.1) {
                earlier.insert(row.1.clone(), was(row)?);
            }
        }
    }
}

/// What there was before a touch; `None`: nothing.
fn was((_, id, kind, owner, name, enabled, revision, body): Was) -> Result<Option<Row>, StoreError> {
    match (name, enabled, revision, body) {
        (Some(name), Some(enabled), Some(revision), Some(body)) => {
            Ok(Some(Row { kind, id, owner, name, enabled, revision, body }))
        }
        (None, None, None, None) => Ok(None),
        _ => Err(StoreError::Corrupt { what: format!("history of `{id}` is incomplete") }),
    }
}

const ROWS_AT_ONCE: i64 = 1000;
