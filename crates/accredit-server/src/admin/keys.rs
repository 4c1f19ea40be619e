//! The server's signing keys: list them, rotate, taint, revoke, seal them anew.

use std::sync::Arc;

use accredit_api::admin::{
    CondemnKeyRequest, KeyStep, KeysChanged, KeysRewrapped, RewrapKeysRequest, RotateKeysRequest, SigningKey,
    SigningKeyList,
};
use accredit_core::decide::access::{Subject, Verb};
use accredit_core::keyring::{Command, Key, Life, Purpose, Schedule, Slot, State, Step};
use accredit_core::model::{Id, Kind};
use accredit_core::world::World;
use accredit_id::jose::Algorithm;
use accredit_id::time::Timestamp;
use axum::Json;
use axum::extract::State as Of;

use super::actor::{Actor, Caller};
use super::body::Strict;
use super::pins::checked_reason;
use super::problem::{AdminFault, Answer};
use crate::app::App;
use crate::keys::Held;
use crate::signing::{Moved, Order, Outcome};

pub(super) async fn list(Of(app): Of<Arc<App>>, caller: Caller) -> Answer<SigningKeyList> {
    caller.actor.reads_everything("the signing keys")?;
    let (held, schedule) = app.keys().await?;
    let world = &app.read_model.now().world;
    let keys = held.iter().map(|one| told(one, &held, &schedule, world)).collect();
    Ok(Json(SigningKeyList { keys }))
}

pub(super) async fn rotate(
    Of(app): Of<Arc<App>>,
    caller: Caller,
    Strict(request): Strict<RotateKeysRequest>,
) -> Answer<KeysChanged> {
    let RotateKeysRequest { purpose, algorithm, trust_domain, dry_run } = request;
    let unknown = |field: &str, seen: &str, expected: &str| {
        AdminFault::Request(format!("`{field}` is `{}`, expected {expected}", seen.escape_debug()))
    };
    let purpose =
        purpose.map(|name| Purpose::from_name(&name).ok_or_else(|| unknown("purpose", &name, PURPOSES))).transpose()?;
    let algorithm = algorithm
        .map(|name| name.parse::<Algorithm>().map_err(|_| unknown("algorithm", &name, "ES256, RS256 or ES384")))
        .transpose()?;
    let domain = trust_domain
        .map(|name| match app.read_model.now().world.find(Kind::TrustDomain, &name) {
            Some(domain) => Ok(domain.id),
            None => Err(unknown("trustDomain", &name, "the name or id of a trust domain")),
        })
        .transpose()?;
    order(&app, &caller, Command::Rotate { purpose, algorithm, domain }, "key-rotated", None, dry_run).await
}

pub(super) async fn taint(
    Of(app): Of<Arc<App>>,
    caller: Caller,
    Strict(request): Strict<CondemnKeyRequest>,
) -> Answer<KeysChanged> {
    let CondemnKeyRequest { id, reason, dry_run } = request;
    order(&app, &caller, Command::Taint { id }, "key-tainted", Some(checked_reason(&reason)?), dry_run).await
}

pub(super) async fn revoke(
    Of(app): Of<Arc<App>>,
    caller: Caller,
    Strict(request): Strict<CondemnKeyRequest>,
) -> Answer<KeysChanged> {
    let CondemnKeyRequest { id, reason, dry_run } = request;
    order(&app, &caller, Command::Revoke { id }, "key-revoked", Some(checked_reason(&reason)?), dry_run).await
}

pub(super) async fn rewrap(
    Of(app): Of<Arc<App>>,
    caller: Caller,
    Strict(request): Strict<RewrapKeysRequest>,
) -> Answer<KeysRewrapped> {
    let RewrapKeysRequest { dry_run } = request;
    may_change(&caller.actor)?;
    let by = caller.actor.recorded(caller.source, &app.read_model.now().world);
    let (rewrapped, sealed_by) = app.rewrap_keys(&caller.actor.name, by, dry_run).await?;
    Ok(Json(KeysRewrapped { rewrapped, sealed_by, dry_run }))
}

async fn order(
    app: &App,
    caller: &Caller,
    command: Command,
    event: &'static str,
    reason: Option<&str>,
    dry_run: bool,
) -> Answer<KeysChanged> {
    may_change(&caller.actor)?;
    let by = caller.actor.recorded(caller.source, &app.read_model.now().world);
    let order = Order { command, event, reason, actor: &caller.actor.name, by, dry_run };
    let outcome = app.order_keys(order).await?;
    let (_, schedule) = app.keys().await?;
    let world = &app.read_model.now().world;
    let slot = |id: &str| outcome.before.lives().iter().find(|key| key.id == id).map(|key| signs(key.slot, world));
    let step = |moved: &Moved| KeyStep {
        id: moved.id.clone(),
        signs: slot(&moved.id).unwrap_or_default(),
        step: moved.step.name().to_owned(),
        state: moved.life.state.name().to_owned(),
    };
    let steps = outcome.moves.iter().map(step).collect();
    let consequences = consequences(&outcome, &schedule, world);
    Ok(Json(KeysChanged { steps, consequences, sequence: outcome.sequence, dry_run }))
}

/// Keys are what everybody believes: only who may say whom the server believes may change them.
fn may_change(actor: &Actor) -> Result<(), AdminFault> {
    let trust = Subject::new(Kind::Administrator, None);
    actor.may(Verb::Write, &trust, "the signing keys")
}

/// What an order means for tokens, a sentence each.
fn consequences(outcome: &Outcome, schedule: &Schedule, world: &World) -> Vec<String> {
    let Outcome { moves, before, silent, sequence: _ } = outcome;
    let has_next = |key: &Key| {
        let is_next = |moved: &Moved| {
            let slot = before.lives().iter().find(|other| other.id == moved.id).map(|other| other.slot);
            moved.step == Step::Activate && slot == Some(key.slot)
        };
        moves.iter().any(is_next)
    };
    let mut said = Vec::new();
    for Moved { id, step, life } in moves {
        let Some(key) = before.lives().iter().find(|key| key.id == *id) else { continue };
        match step {
            Step::Due | Step::Taint if key.life.state == State::Active && !has_next(key) => {
                let next = next_of(key, before.lives(), schedule);
                let until = next.map_or_else(
                    || format!("one is made now and may sign {} s later", waits(schedule, key.slot.purpose)),
                    |at| format!("its successor may sign from {at}"),
                );
                said.push(format!("key `{id}` signs {} until readers know another one: {until}", signs(key.slot, world)));
            }
            Step::Retire => said.push(match life.leaves_at {
                Some(at) => format!("key `{id}` signs no more; what it signed counts until it ends, and the key leaves at {at}"),
                None => format!("key `{id}` signs no more; what it signed is verified by it for ever"),
            }),
            Step::Revoke => said.push(match (key.life.activated_at, key.slot.purpose) {
                (None, _) => format!("key `{id}` has signed nothing: no token is lost"),
                (Some(at), Purpose::Access) => format!(
                    "every access token that key `{id}` signed since {at} is refused: here and at introspection at once, by APIs that verify for themselves when they fetch the key set again, within {} s",
                    schedule.cache.as_secs()
                ),
                (Some(at), Purpose::JwtSvid) => format!(
                    "every JWT-SVID that key `{id}` signed since {at} is refused: by whoever reads the key set within {} s, by whoever reads the bundle within {} s",
                    schedule.domains.jwt_cache.as_secs(),
                    schedule.domains.bundle_refresh.as_secs()
                ),
                (Some(at), Purpose::X509Ca) => format!(
                    "every X509-SVID that authority `{id}` signed since {at} is refused by whoever reads the bundle, within {} s, unless another authority under the same root signed it",
                    schedule.domains.bundle_refresh.as_secs()
                ),
                (Some(at), Purpose::Internal | Purpose::Audit) => {
                    format!("whoever has a token that key `{id}` signed since {at} logs in again")
                }
            }),
            Step::Publish | Step::Activate | Step::Lengthen | Step::Remove | Step::Due | Step::Taint => {}
        }
    }
    for (slot, next) in silent {
        let until = match next {
            Some(at) => format!("until {at}, when readers know the next key"),
            None => format!("for {} s, until readers know a new key", waits(schedule, slot.purpose)),
        };
        said.push(format!(
            "nothing signs {} {until}: whoever asks meanwhile is told to come back",
            signs(*slot, world)
        ));
    }
    said
}

/// Seconds from a key's making to its first signature.
fn waits(schedule: &Schedule, purpose: Purpose) -> i64 {
    let made = Timestamp::from_unix(0);
    schedule.may_sign_at(purpose, &Life::new(made)).seconds_since(made)
}

/// From when on the successor of an active key may sign.
fn next_of(active: &Key, keys: &[Key], schedule: &Schedule) -> Option<Timestamp> {
    let is_next =
        |key: &&Key| key.slot == active.slot && key.life.state == State::Published && key.life.tainted_at.is_none();
    keys.iter().filter(is_next).map(|key| schedule.may_sign_at(key.slot.purpose, &key.life)).min()
}

/// What a slot is for, with the name of its trust domain.
pub(super) fn signs(slot: Slot, world: &World) -> String {
    let Slot { purpose, algorithm, domain } = slot;
    match domain {
        None => slot.to_string(),
        Some(domain) => format!("{} {algorithm} of {}", purpose.name(), name_of(domain, world)),
    }
}

/// A trust domain's name; once it is gone, its id.
fn name_of(domain: Id, world: &World) -> String {
    let known = world.by_id(domain).and_then(|resource| resource.as_trust_domain());
    known.map_or_else(|| domain.to_string(), |known| known.name.to_string())
}

/// A key as it is told.
pub(super) fn told(held: &Held, all: &[Held], schedule: &Schedule, world: &World) -> SigningKey {
    let Held { key: Key { id, slot, life }, sealed_by, .. } = held;
    let active = all.iter().map(|other| &other.key).find(|key| key.slot == *slot && key.life.state == State::Active);
    let signs_from = match life.state {
        State::Prepared => None,
        // Its predecessor's turn must be over as well.
        State::Published => {
            let may = schedule.may_sign_at(slot.purpose, life);
            Some(active.map_or(may, |active| may.max(schedule.due_at(&active.life))))
        }
        State::Active | State::Retired | State::Removed => life.activated_at,
    };
    SigningKey {
        id: id.clone(),
        purpose: slot.purpose.name().to_owned(),
        algorithm: slot.algorithm.to_string(),
        trust_domain: slot.domain.map(|domain| name_of(domain, world)),
        kid: id.clone(),
        state: life.state.name().to_owned(),
        since: life.since().to_string(),
        signs_from: signs_from.map(|at| at.to_string()),
        ends_at: life.ends_at.map(|at| at.to_string()),
        leaves_at: life.leaves_at.map(|at| at.to_string()),
        tainted_at: life.tainted_at.map(|at| at.to_string()),
        sealed_by: sealed_by.clone(),
    }
}

const PURPOSES: &str = "access, internal, audit, jwt-svid or x509-ca";
