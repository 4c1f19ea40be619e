//! Keeps the answer to a write beside what it did.

use crate::answer::{ANSWERS_LAST, KeptAnswer, ROOM, ROOM_OF_ACTOR, TABLE};
use crate::backend::{Connection, fault, statement};
use crate::error::StoreError;
use crate::seal::Sealer;
use crate::sql;

/// Keeps an answer, within the transaction that `connection` is in and that moved the head to `sequence`; forgets those that
/// are too old or too many.
pub(super) async fn keep(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
    answer: &KeptAnswer,
    sequence: i64,
    at: i64,
) -> Result<(), StoreError> {
    forget_answers(connection, at).await?;
    let seal = sealer.map(|sealer| sealer.seal_alone(TABLE, sequence, &answer.cells(at)));
    let KeptAnswer { asked, actor, request, status, etag, location, body } = answer;
    statement(sql::KEEP_ANSWER)
        .bind(asked.to_vec())
        .bind(actor.to_vec())
        .bind(request.to_vec())
        .bind(at)
        .bind(sequence)
        .bind(i64::try_from(body.len()).unwrap_or(i64::MAX))
        .bind(i64::from(*status))
        .bind(etag.as_deref())
        .bind(location.as_deref())
        .bind(body.clone())
        .bind(seal)
        .execute(&mut *connection)
        .await
        .map_err(fault)?;
    statement(sql::TRIM_ANSWERS)
        .bind(ROOM_OF_ACTOR.rows)
        .bind(ROOM_OF_ACTOR.bytes)
        .bind(ROOM.rows)
        .bind(ROOM.bytes)
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}

/// See [`Store::forget_answers`](crate::Store::forget_answers).
pub(crate) async fn forget_answers(connection: &mut Connection, at: i64) -> Result<(), StoreError> {
    let query = statement(sql::FORGET_ANSWERS).bind(at.saturating_sub(ANSWERS_LAST));
    query.execute(connection).await.map_err(fault)?;
    Ok(())
}
