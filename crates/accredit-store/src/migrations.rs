//! The schema, as steps that are taken once each, in order, for ever. One SQL text for every database.

use crate::backend::{Connection, begin_write, fault};
use crate::error::StoreError;
use crate::sql;

/// A step is never edited once it was released: what it did is done. A mistake in it is corrected by a later one.
const STEPS: &[&str] = &[
    include_str!("../migrations/0001_head.sql"),
    include_str!("../migrations/0002_head_row.sql"),
    include_str!("../migrations/0003_resource.sql"),
    include_str!("../migrations/0004_resource_history.sql"),
    include_str!("../migrations/0005_audit_chain.sql"),
    include_str!("../migrations/0006_audit_batch.sql"),
    include_str!("../migrations/0007_audit_batch_place.sql"),
    include_str!("../migrations/0008_audit_head.sql"),
    include_str!("../migrations/0009_replay_mark.sql"),
    include_str!("../migrations/0010_replay_mark_expiry.sql"),
    include_str!("../migrations/0011_signing_key.sql"),
    include_str!("../migrations/0012_revoked_token.sql"),
    include_str!("../migrations/0013_name_pin.sql"),
    include_str!("../migrations/0014_sighting.sql"),
    include_str!("../migrations/0015_replay_mark_times.sql"),
    include_str!("../migrations/0016_replay_mark_order.sql"),
    include_str!("../migrations/0017_replay_floor.sql"),
    include_str!("../migrations/0018_key_life.sql"),
];

/// Takes the steps that the database has not taken yet, all of them or none.
pub(crate) async fn run(connection: &mut Connection) -> Result<(), StoreError> {
    let mut transaction = begin_write(connection).await?;
    sqlx::raw_sql(sql::MAKE_SCHEMA_STEPS).execute(&mut *transaction).await.map_err(fault)?;
    let (found,): (i64,) = sqlx::query_as(sql::LAST_SCHEMA_STEP).fetch_one(&mut *transaction).await.map_err(fault)?;
    let known = STEPS.len() as i64;
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for (step, number) in STEPS.iter().copied().zip(1..).filter(|(_, number)| *number > found) {
        sqlx::raw_sql(step).execute(&mut *transaction).await.map_err(fault)?;
        sqlx::query(sql::TAKE_SCHEMA_STEP).bind(number).execute(&mut *transaction).await.map_err(fault)?;
    }
    transaction.commit().await.map_err(fault)
}
