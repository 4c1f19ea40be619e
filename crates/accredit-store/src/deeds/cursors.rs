//! How far a sink has the log, and which of several servers brings it more.
//!
//! A cursor is moved once a sink has confirmed what lies before it, never earlier: what a crash loses is the move, and the sink
//! gets the same records again.

use crate::audit::ChainId;
use crate::backend::{Connection, begin_write, fault, query_as, statement};
use crate::error::StoreError;
use crate::head;
use crate::reads::Place;
use crate::sql;

/// See [`Store::hold_chain`](crate::Store::hold_chain).
pub(crate) async fn hold_chain(
    connection: &mut Connection,
    sink: &str,
    holder: ChainId,
    chain: i64,
    heard_of: i64,
    until: i64,
) -> Result<Option<Place>, StoreError> {
    let rows: Vec<(i64, i64)> = query_as(sql::HOLD_CHAIN)
        .bind(sink)
        .bind(chain)
        .bind(holder.0.to_vec())
        .bind(until)
        .bind(heard_of)
        .fetch_all(connection)
        .await
        .map_err(fault)?;
    Ok(rows.first().map(|(number, index)| Place { chain, number: *number, index: *index }))
}

/// See [`Store::confirm`](crate::Store::confirm).
pub(crate) async fn confirm(
    connection: &mut Connection,
    sink: &str,
    holder: ChainId,
    to: Place,
    until: i64,
) -> Result<bool, StoreError> {
    let moved = statement(sql::MOVE_CURSOR)
        .bind(sink)
        .bind(to.chain)
        .bind(holder.0.to_vec())
        .bind(to.number)
        .bind(to.index)
        .bind(until)
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(moved.rows_affected() == 1)
}

/// See [`Store::begin_at_end`](crate::Store::begin_at_end).
pub(crate) async fn begin_at_end(connection: &mut Connection, sink: &str, holder: ChainId) -> Result<(), StoreError> {
    let mut transaction = begin_write(connection).await?;
    // Of two servers that start at the same time, one finds the sink new.
    head::hold(&mut transaction).await?;
    let (is_new,): (bool,) = query_as(sql::SINK_IS_NEW).bind(sink).fetch_one(&mut transaction).await.map_err(fault)?;
    if is_new {
        let query = statement(sql::CURSORS_AT_END).bind(sink).bind(holder.0.to_vec());
        query.execute(&mut transaction).await.map_err(fault)?;
    }
    transaction.commit().await.map_err(fault)
}
