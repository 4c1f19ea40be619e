//! Keys and their moves, as the store and the log are told of them.

use std::sync::Arc;

use accredit_core::keyring::{Act, Life, Purpose, Schedule, Slot, State, Step};
use accredit_id::time::Timestamp;
use accredit_id::trust_domain::TrustDomain;
use accredit_store::{KeyChange, KeyDeed};
use serde_json::{Value, json};

use crate::keys::{Authority, Chain, KeyEncryptionKey, KeyRing, SigningFault, SigningKey, Upstream, stored_life};
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

/// What keys are made with.
#[derive(Clone, Copy)]
pub(super) struct Making<'m> {
    pub(super) kek: &'m KeyEncryptionKey,
    pub(super) schedule: &'m Schedule,
    pub(super) now: Timestamp,
    /// For keys of a trust domain.
    pub(super) domain: Option<OfDomain<'m>>,
}

/// The trust domain that keys are made for.
#[derive(Clone, Copy)]
pub(super) struct OfDomain<'m> {
    pub(super) name: &'m TrustDomain,
    /// What stands above its authorities.
    pub(super) upstream: Option<&'m Upstream>,
    /// The sequence of the bundle that its first keys come with.
    pub(super) bundle: u64,
}

/// The first keys of a slot: one that signs, and the one that will be next. Whoever reads one reads the other, so both may
/// sign at any time.
pub(super) async fn found(slot: Slot, making: Making<'_>) -> Result<KeyDeed, SigningFault> {
    let Making { schedule, now, domain, .. } = making;
    let (first, next) = tokio::try_join!(SigningKey::generate(slot), SigningKey::generate(slot))?;
    let bundle = domain.map(|domain| domain.bundle);
    let published = Life { state: State::Published, published_at: Some(now), bundle, ..Life::new(now) };
    let longest_token = schedule.longest(slot.purpose);
    let active = Life { state: State::Active, activated_at: Some(now), longest_token, ..published };
    let detail = json!({
        "key": first.id(), "next": next.id(), "purpose": slot.purpose.name(), "algorithm": slot.algorithm.as_str(),
        "trustDomain": slot.domain.map(|domain| domain.to_string()),
    });
    let changes = vec![
        KeyChange::Insert(row(first, &active, slot, making)?),
        KeyChange::Insert(row(next, &published, slot, making)?),
    ];
    let records = vec![record::admin_act("key-made", now, "server", 0, &detail)];
    Ok(KeyDeed { changes, records, ..KeyDeed::default() })
}

/// A key that nobody has been told of yet.
pub(super) async fn make(slot: Slot, making: Making<'_>) -> Result<KeyDeed, SigningFault> {
    let key = SigningKey::generate(slot).await?;
    let detail = json!({
        "key": key.id(), "purpose": slot.purpose.name(), "algorithm": slot.algorithm.as_str(),
        "trustDomain": slot.domain.map(|domain| domain.to_string()),
    });
    let records = vec![record::admin_act("key-made", making.now, "server", 0, &detail)];
    let changes = vec![KeyChange::Insert(row(key, &Life::new(making.now), slot, making)?)];
    Ok(KeyDeed { changes, records, ..KeyDeed::default() })
}

/// A key for the store, with its certificate where it is an authority.
fn row(
    key: SigningKey,
    life: &Life,
    slot: Slot,
    making: Making<'_>,
) -> Result<accredit_store::SigningKey, SigningFault> {
    let Making { kek, schedule, now, domain } = making;
    let row = key.to_row(life, kek)?;
    let (Purpose::X509Ca, Some(OfDomain { name, upstream, bundle: _ })) = (slot.purpose, domain) else {
        return Ok(row);
    };
    let authority = Authority {
        domain: name,
        // Servers and verifiers whose clocks are behind.
        not_before: now.minus(schedule.leeway).minus(schedule.margin),
        not_after: schedule.authority_ends_at(now),
    };
    let key = Arc::new(key);
    let chain = match upstream {
        Some(upstream) => upstream.certify(&key, authority)?,
        None => Chain::self_signed(&key, authority)?,
    };
    Ok(accredit_store::SigningKey { chain: Some(chain.to_der()), ..row })
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

/// Whether moves number a bundle of a trust domain, which nobody else must do at the same time.
pub(super) fn numbers_bundles(moves: &[Moved], ring: &KeyRing) -> bool {
    let of_domain = |id: &str| ring.lives().iter().any(|key| key.id == *id && key.slot.domain.is_some());
    moves.iter().any(|moved| of_domain(&moved.id))
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
