//! The schema, as steps that are taken once each, in order, for ever. One SQL text for every database.
//!
//! A program may meet a database that has gone further than it knows, as while several servers are replaced one after the
//! other. A step therefore says which programs can go on beside it; the newer program takes it while the older ones work.

use crate::backend::{
    Connection, begin_write, fault, has_schema, hold_schema, query_as, run_script, settle_schema, statement,
};
use crate::error::StoreError;
use crate::sql;

/// One step. It is never edited once it was released: what it did is done. A mistake in it is corrected by a later one.
struct Step {
    number: i64,
    /// The oldest schema whose programs may go on once this step is taken; 0: all may.
    oldest: i64,
    text: &'static str,
}

/// A step that programs of before do not notice: it adds what they neither read nor have to write.
const fn additive(number: i64, text: &'static str) -> Step {
    Step { number, oldest: 0, text }
}

/// A step behind which programs of before must not go on.
const fn alone(number: i64, text: &'static str) -> Step {
    Step { number, oldest: number, text }
}

/// In the order of their numbers, which may have gaps.
///
/// A step behind which programs of before must not go on has its own number as `oldest`. It is for a release of its own,
/// whose servers replace all others at once; better, it is made of two that are [`additive`].
const STEPS: &[Step] = &[
    additive(1, include_str!("../migrations/0001_head.sql")),
    additive(2, include_str!("../migrations/0002_head_row.sql")),
    additive(3, include_str!("../migrations/0003_resource.sql")),
    additive(4, include_str!("../migrations/0004_resource_history.sql")),
    additive(5, include_str!("../migrations/0005_audit_chain.sql")),
    additive(6, include_str!("../migrations/0006_audit_batch.sql")),
    additive(7, include_str!("../migrations/0007_audit_batch_place.sql")),
    additive(8, include_str!("../migrations/0008_audit_head.sql")),
    additive(9, include_str!("../migrations/0009_replay_mark.sql")),
    additive(10, include_str!("../migrations/0010_replay_mark_expiry.sql")),
    additive(11, include_str!("../migrations/0011_signing_key.sql")),
    additive(12, include_str!("../migrations/0012_revoked_token.sql")),
    additive(13, include_str!("../migrations/0013_name_pin.sql")),
    additive(14, include_str!("../migrations/0014_sighting.sql")),
    additive(15, include_str!("../migrations/0015_replay_mark_times.sql")),
    additive(16, include_str!("../migrations/0016_replay_mark_order.sql")),
    additive(17, include_str!("../migrations/0017_replay_floor.sql")),
    additive(18, include_str!("../migrations/0018_key_life.sql")),
    additive(25, include_str!("../migrations/0025_news.sql")),
    additive(26, include_str!("../migrations/0026_schema_oldest.sql")),
    additive(27, include_str!("../migrations/0027_chain_beside.sql")),
    additive(30, include_str!("../migrations/0030_audit_cursor.sql")),
    additive(31, include_str!("../migrations/0031_audit_checkpoint.sql")),
    additive(35, include_str!("../migrations/0035_restoration.sql")),
    // Programs of before write rows without seals, which count as somebody else's.
    alone(36, include_str!("../migrations/0036_seals.sql")),
    additive(37, include_str!("../migrations/0037_seal_key.sql")),
    additive(38, include_str!("../migrations/0038_domain_key.sql")),
    additive(39, include_str!("../migrations/0039_bundle_confirmation.sql")),
    additive(50, include_str!("../migrations/0050_bundle.sql")),
    additive(52, include_str!("../migrations/0052_kept_answer.sql")),
];

/// How the schema of a store is, seen by this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The last step that the database has taken; 0 when it holds nothing yet.
    pub found: i64,
    /// The last step that this program knows.
    pub known: i64,
    /// The steps that are still to be taken.
    pub pending: Vec<i64>,
    /// The oldest schema whose programs may go on now; 0: all may.
    pub oldest: i64,
    /// The oldest schema whose programs may go on once they are taken.
    pub oldest_then: i64,
}

// === impl Schema ===

impl Schema {
    pub(crate) fn of(taken: Vec<i64>, oldest: i64) -> Self {
        let pending = STEPS.iter().filter(|step| !taken.contains(&step.number));
        let oldest_then = pending.clone().map(|step| step.oldest).max().unwrap_or(0).max(oldest);
        Self {
            found: taken.iter().copied().max().unwrap_or(0),
            known: known(),
            pending: pending.map(|step| step.number).collect(),
            oldest,
            oldest_then,
        }
    }

    /// Whether a store of before there were seals is to be brought to where its rows have them, behind which no program of before
    /// goes on. False for a new one.
    pub fn begins_seals(&self) -> bool {
        self.found > 0 && self.pending.contains(&SEALS)
    }

    /// Whether this program may go on beside it.
    pub fn spares_this_program(&self) -> bool {
        self.oldest <= self.known
    }
}

/// The last step that this program knows.
pub(crate) fn known() -> i64 {
    STEPS.last().map_or(0, |step| step.number)
}

/// How the schema is.
pub(crate) async fn schema(connection: &mut Connection) -> Result<Schema, StoreError> {
    if !has_schema(connection).await? {
        return Ok(Schema::of(Vec::new(), 0));
    }
    let taken: Vec<(i64,)> = query_as(sql::SCHEMA_STEPS).fetch_all(connection).await.map_err(fault)?;
    let taken: Vec<i64> = taken.into_iter().map(|(number,)| number).collect();
    let oldest = match taken.contains(&TELLS_OLDEST) {
        true => {
            let (oldest,) = query_as(sql::OLDEST_SCHEMA).fetch_one(connection).await.map_err(fault)?;
            oldest
        }
        false => 0,
    };
    Ok(Schema::of(taken, oldest))
}

/// Refuses a schema behind which only later programs may go on.
pub(crate) fn check_spared(oldest: i64) -> Result<(), StoreError> {
    let known = known();
    if oldest > known { Err(StoreError::TooNew { found: oldest, known }) } else { Ok(()) }
}

/// Takes the steps that the database has not taken yet, all of them or none.
///
/// # Errors
/// [`StoreError::TooNew`] when it has taken one that this program must not go on behind.
pub(crate) async fn run(connection: &mut Connection) -> Result<(), StoreError> {
    // Whoever may not change the schema need not, where nothing is to be done.
    if pending(connection).await?.is_empty() {
        return Ok(());
    }
    let mut transaction = begin_write(connection).await?;
    hold_schema(&mut transaction).await?;
    run_script(&mut transaction, sql::MAKE_SCHEMA_STEPS).await.map_err(fault)?;
    // Another server may have been faster.
    let pending = pending(&mut transaction).await?;
    for step in &pending {
        run_script(&mut transaction, step.text).await.map_err(fault)?;
        statement(sql::TAKE_SCHEMA_STEP).bind(step.number).execute(&mut transaction).await.map_err(fault)?;
    }
    for step in pending.iter().filter(|step| step.oldest > 0) {
        let spare = statement(sql::SPARE_SCHEMA_STEP).bind(step.number).bind(step.oldest);
        spare.execute(&mut transaction).await.map_err(fault)?;
    }
    if !pending.is_empty() {
        settle_schema(&mut transaction).await?;
    }
    transaction.commit().await.map_err(fault)
}

async fn pending(connection: &mut Connection) -> Result<Vec<&'static Step>, StoreError> {
    let schema = schema(connection).await?;
    if !schema.spares_this_program() {
        return Err(StoreError::TooNew { found: schema.found, known: schema.known });
    }
    Ok(STEPS.iter().filter(|step| schema.pending.contains(&step.number)).collect())
}

/// The step since which steps say whom they spare.
const TELLS_OLDEST: i64 = 26;
/// The step since which rows have seals.
const SEALS: i64 = 36;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stand_in_the_order_of_their_numbers() {
        assert!(STEPS.is_sorted_by(|one, next| one.number < next.number));
        assert!(STEPS.iter().all(|step| step.oldest == 0 || step.oldest == step.number));
        assert!(STEPS.iter().any(|step| step.number == TELLS_OLDEST));
    }

    #[test]
    fn what_is_pending_is_what_was_not_taken_wherever_it_stands() {
        let all: Vec<i64> = STEPS.iter().map(|step| step.number).collect();
        assert_eq!(Schema::of(all.clone(), 0).pending, [0; 0]);
        let schema = Schema::of(all.iter().copied().filter(|number| *number != 26).collect(), 0);
        assert_eq!((schema.pending, schema.found), (vec![26], known()));
        assert!(!Schema::of(all.clone(), 0).begins_seals() && !Schema::of(vec![], 0).begins_seals());
        assert!(Schema::of(all.into_iter().filter(|number| *number < SEALS).collect(), 0).begins_seals());
        assert!(Schema::of(vec![9999], 0).spares_this_program());
        assert!(!Schema::of(vec![9999], 9999).spares_this_program());
    }
}
