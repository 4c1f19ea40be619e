//! Seals a store that has no seals yet.

use crate::backend::{Connection, begin_write, fault, is_unique_violation, statement};
use crate::error::StoreError;
use crate::head;
use crate::seal::{self, Sealer};
use crate::sql;

/// See [`Store::begin_seals`](crate::Store::begin_seals).
pub(crate) async fn begin_seals(
    connection: &mut Connection,
    sealer: &Sealer,
    wrapped: Vec<u8>,
    kek_id: String,
    nonce: [u8; 16],
) -> Result<(), StoreError> {
    let mut transaction = begin_write(connection).await?;
    // What is sealed is everything: nobody writes meanwhile.
    head::hold(&mut transaction).await?;
    let put = statement(sql::PUT_KEY_OF_SEALS).bind(wrapped).bind(kek_id);
    put.execute(&mut transaction).await.map_err(|error| match is_unique_violation(&error) {
        true => StoreError::NotUnique { kind: "key".to_owned(), taken: "of the seals".to_owned() },
        false => fault(error),
    })?;
    // What was answered before has no seal, and would count as somebody else's.
    statement(sql::FORGET_ANSWERS).bind(i64::MAX).execute(&mut transaction).await.map_err(fault)?;
    seal::adopt(&mut transaction, sealer, &nonce).await?;
    transaction.commit().await.map_err(fault)
}
