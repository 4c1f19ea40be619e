//! Where a chain begins since its oldest batches were removed.

use crate::audit::{ChainId, Checkpoint, SignedCheckpoint};
use crate::backend::{Connection, fault, query_as};
use crate::chain::fixed;
use crate::error::StoreError;
use crate::sql;

type Columns = (i64, Vec<u8>, i64, i64, String, Vec<u8>);

/// The checkpoint of the chain `ordinal`; `None` while it is whole.
pub(crate) async fn checkpoint(
    connection: &mut Connection,
    ordinal: i64,
) -> Result<Option<SignedCheckpoint>, StoreError> {
    let columns: Option<Columns> =
        query_as(sql::CHECKPOINT).bind(ordinal).fetch_optional(&mut *connection).await.map_err(fault)?;
    let Some((number, hash, records, signed_at, key_id, signature)) = columns else { return Ok(None) };
    let (chain,): (Vec<u8>,) = query_as(sql::CHAIN_ID).bind(ordinal).fetch_one(connection).await.map_err(fault)?;
    let chain = ChainId(fixed("chain id", chain)?);
    let checkpoint = Checkpoint { chain, number, hash: fixed("hash", hash)?, records, signed_at };
    Ok(Some(SignedCheckpoint { checkpoint, key_id, signature }))
}
