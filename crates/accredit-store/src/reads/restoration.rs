//! How the store was made from a backup.

use crate::archive::Restoration;
use crate::backend::{Connection, fault, query_as};
use crate::error::StoreError;
use crate::sql;

/// See [`Store::restoration`](crate::Store::restoration).
pub(crate) async fn restoration(connection: &mut Connection) -> Result<Option<Restoration>, StoreError> {
    let last: Option<(i64, i64, i64, i64, Option<i64>)> =
        query_as(sql::LAST_RESTORATION).fetch_optional(connection).await.map_err(fault)?;
    Ok(last.map(|(epoch, restored_at, made_at, made_sequence, reviewed_at)| Restoration {
        epoch,
        restored_at,
        made_at,
        made_sequence,
        reviewed_at,
    }))
}
