//! First-use pins: list those of a mapping, and take them away with a reason.

use std::sync::Arc;

use accredit_api::admin::{Pin, PinList, RepinRequest, RepinResponse};
use accredit_core::decide::access::{Subject, Verb};
use accredit_core::model::{Kind, Resource};
use accredit_core::world::pins::{NamePin, PinKey};
use accredit_store::UnpinDeed;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::json;

use super::actor::Caller;
use super::body::Strict;
use super::problem::{AdminFault, Answer};
use super::resources::existing;
use crate::app::App;
use crate::record::{self, StoreWork};
use crate::{clock, pinning};

/// Whose pins are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    mapping: String,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    of: Result<Query<Of>, QueryRejection>,
) -> Answer<PinList> {
    let Query(Of { mapping }) = of?;
    let mapping = existing(&app, &caller, Kind::Mapping, &mapping)?;
    let in_force = app.read_model.now();
    let pins = in_force.world.pins.of(mapping.id).iter().map(|pin| told(&mapping, pin)).collect();
    Ok(Json(PinList { pins }))
}

/// Takes pins away. Whoever uses their names next pins them anew; until he does, anybody who bears such a name may.
pub(super) async fn repin(
    State(app): State<Arc<App>>,
    caller: Caller,
    Strict(request): Strict<RepinRequest>,
) -> Answer<RepinResponse> {
    let RepinRequest { mapping, claim, value, reason, dry_run } = request;
    let reason = checked_reason(&reason)?;
    let _one_at_a_time = app.changing.lock().await;
    app.catch_up_meanwhile().await?;
    let mapping = existing(&app, &caller, Kind::Mapping, &mapping)?;
    caller.actor.may(Verb::Write, &Subject::of(&mapping), &format!("the pins of mapping `{}`", mapping.name))?;
    let before = app.read_model.now();
    let is_meant = |pin: &&NamePin| {
        claim.as_deref().is_none_or(|claim| *claim == *pin.claim)
            && value.as_deref().is_none_or(|value| *value == *pin.name)
    };
    let pins: Vec<NamePin> = before.world.pins.of(mapping.id).iter().filter(is_meant).cloned().collect();
    if pins.is_empty() {
        return Err(AdminFault::NotFound(format!("mapping `{}` has no such pin", mapping.name)));
    }
    let removed: Vec<Pin> = pins.iter().map(|pin| told(&mapping, pin)).collect();
    if dry_run {
        return Ok(Json(RepinResponse { removed, sequence: before.world.sequence, dry_run }));
    }
    let key = |pin: &NamePin| PinKey { mapping: mapping.id, claim: pin.claim.clone(), name: pin.name.clone() };
    let keys: Vec<PinKey> = pins.iter().map(key).collect();
    let changes = removed.iter().map(|pin| {
        let named = json!({"kind": "Pin", "name": format!("{} {} {}", pin.mapping, pin.claim, pin.value), "pin": pin});
        json!({"before": named, "after": null})
    });
    let detail = json!({
        "mapping": mapping.name.as_str(), "mappingId": mapping.id.to_string(), "reason": reason,
        "changes": changes.collect::<Vec<_>>(), "by": caller.actor.recorded(caller.source, &before.world),
    });
    let act = record::admin_act("mapping-repinned", clock::now(), &caller.actor.name, before.world.sequence, &detail);
    let deed = UnpinDeed { keys: keys.iter().map(pinning::stored_key).collect(), records: vec![act] };
    let head = app.recorder.work(StoreWork::Unpin(deed)).await?;
    app.publish_head(&before, head, &keys).await;
    tracing::info!(event = "pins-taken-away", mapping.name = %mapping.name, pins = keys.len(), sequence = head.sequence, "pins taken away");
    Ok(Json(RepinResponse { removed, sequence: head.sequence, dry_run }))
}

/// A reason that somebody can read later.
pub(super) fn checked_reason(reason: &str) -> Result<&str, AdminFault> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON {
        return Err(AdminFault::Request(format!("`reason` is no reason, expected 1 to {MAX_REASON} characters")));
    }
    Ok(reason)
}

fn told(mapping: &Resource, pin: &NamePin) -> Pin {
    let NamePin { claim, name, id_claim, id, decision, at } = pin;
    Pin {
        mapping: mapping.name.to_string(),
        claim: claim.to_string(),
        value: name.to_string(),
        id_claim: id_claim.to_string(),
        id: id.to_string(),
        decision: decision.to_string(),
        at: at.to_string(),
    }
}

const MAX_REASON: usize = 500;
