//! Keys and their moves, as the store and the log are told of them.

use accredit_core::keyring::{Act, Life, Schedule, Slot, State, Step};
use accredit_id::time::Timestamp;
use accredit_store::{KeyChange, KeyDeed};
use serde_json::{Value, json};

use crate::keys::{KeyEncryptionKey, KeyRing, SigningFault, SigningKey, stored_life};
use crate::record;

/// What happens to one key.
pub(crate) struct Moved {
    /// The key.
    pub(crate) id: String,
    /// What happens to it.
    pub(crate) step: Step,
    /// Its life from now on.
    pub(crate) life: Life,
}

/// The first keys of a slot: one that signs, and the one that will be next. Whoever reads one reads the other, so both may
/// sign at any time.
pub(super) async fn found(
    slot: Slot,
    kek: &KeyEncryptionKey,
    schedule: &Schedule,
    now: Timestamp,
) -> Result<KeyDeed, SigningFault> {
    let Slot { purpose, algorithm } = slot;
    let make = || SigningKey::generate(algorithm, purpose);
    let (first, next) = tokio::try_join!(make(), make())?;
    let published = Life { state: State::Published, published_at: Some(now), ..Life::new(now) };
    let longest_token = schedule.longest(purpose);
    let active = Life { state: State::Active, activated_at: Some(now), longest_token, ..published };
    let changes =
        vec![KeyChange::Insert(first.to_row(&active, kek)?), KeyChange::Insert(next.to_row(&published, kek)?)];
    let detail = json!({
        "key": first.id(), "next": next.id(), "purpose": purpose.name(), "algorithm": algorithm.as_str(),
    });
    let records = vec![record::admin_act("key-made", now, "server", 0, &detail)];
    Ok(KeyDeed { changes, records, ..KeyDeed::default() })
}

/// A key that nobody has been told of yet.
pub(super) async fn make(slot: Slot, kek: &KeyEncryptionKey, now: Timestamp) -> Result<KeyDeed, SigningFault> {
    let Slot { purpose, algorithm } = slot;
    let key = SigningKey::generate(algorithm, purpose).await?;
    let detail = json!({"key": key.id(), "purpose": purpose.name(), "algorithm": algorithm.as_str()});
    let records = vec![record::admin_act("key-made", now, "server", 0, &detail)];
    let changes = vec![KeyChange::Insert(key.to_row(&Life::new(now), kek)?)];
    Ok(KeyDeed { changes, records, ..KeyDeed::default() })
}

/// The moves among acts, and the slots in which keys are to be made.
pub(super) fn sorted(acts: Vec<Act>) -> (Vec<Moved>, Vec<Slot>) {
    let (mut moves, mut slots) = (Vec::new(), Vec::new());
    for act in acts {
        match act {
            Act::Make(slot) => slots.push(slot),
            Act::Move { id, step, life } => moves.push(Moved { id, step, life }),
        }
    }
    (moves, slots)
}

/// What the store is to do for these moves: each key goes to the last life that it is given, and what is removed loses its
/// private half.
pub(super) fn changes(moves: &[Moved], ring: &KeyRing) -> Vec<KeyChange> {
    let mut changes = Vec::new();
    for (place, Moved { id, step: _, life }) in moves.iter().enumerate() {
        if moves.iter().skip(place + 1).any(|later| later.id == *id) {
            continue;
        }
        let revision = ring.held().iter().find(|held| held.key.id == *id).map_or(0, |held| held.revision);
        changes.push(KeyChange::Move { id: id.clone(), revision, life: stored_life(life) });
        if life.state == State::Removed {
            changes.push(KeyChange::Rewrap { id: id.clone(), wrapped: Vec::new(), kek_id: String::new() });
        }
    }
    changes
}

/// What the log says of them: one line a move, before and after.
pub(super) fn told(moves: &[Moved], ring: &KeyRing) -> Vec<Value> {
    let shown = |id: &str, life: &Life| {
        let slot = ring.lives().iter().find(|key| key.id == *id).map(|key| key.slot.to_string());
        let unix = |at: Option<Timestamp>| at.map(Timestamp::unix);
        json!({
            "kind": "Key", "name": id, "signs": slot, "state": life.state.name(),
            "publishedAt": unix(life.published_at), "activatedAt": unix(life.activated_at),
            "retiredAt": unix(life.retired_at), "leavesAt": unix(life.leaves_at), "taintedAt": unix(life.tainted_at),
        })
    };
    let line = |Moved { id, step, life }: &Moved| {
        let before = ring.lives().iter().find(|key| key.id == *id).map(|key| shown(id, &key.life));
        json!({"step": step.name(), "before": before, "after": shown(id, life)})
    };
    moves.iter().map(line).collect()
}
