//! The answer that was given under an idempotency key.

use crate::answer::{ANSWERS_LAST, Columns, KeptAnswer, TABLE};
use crate::backend::{Connection, fault, query_as};
use crate::chain::fixed;
use crate::error::StoreError;
use crate::seal::{Cell, Sealer};
use crate::sql;

/// See [`Store::kept_answer`](crate::Store::kept_answer).
pub(crate) async fn kept_answer(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
    asked: &[u8; 32],
    at: i64,
) -> Result<Option<KeptAnswer>, StoreError> {
    let query = query_as(sql::KEPT_ANSWER).bind(asked.to_vec()).bind(at.saturating_sub(ANSWERS_LAST));
    let row: Option<Columns> = query.fetch_optional(connection).await.map_err(fault)?;
    let Some((asked, actor, request, kept_at, sequence, status, etag, location, body, seal)) = row else {
        return Ok(None);
    };
    let answer = KeptAnswer {
        asked: fixed("hash of who asked", asked)?,
        actor: fixed("hash of an actor", actor)?,
        request: fixed("hash of a request", request)?,
        status: u16::try_from(status)
            .map_err(|_| StoreError::Corrupt { what: format!("status `{status}` of an answer") })?,
        etag,
        location,
        body,
    };
    let holds = |sealer: &Sealer| {
        let name = [Cell::Bytes(&answer.asked)];
        sealer.holds_alone(TABLE, sequence, &name, &answer.cells(kept_at), seal.as_deref())
    };
    Ok(sealer.is_none_or(holds).then_some(answer))
}
