//! Alarms: list them, read one, say that one is all right.

use std::sync::Arc;

use accredit_api::admin::{AcknowledgeRequest, Alarm, AlarmList};
use accredit_core::decide::access::{Subject, Verb};
use accredit_core::model::{DecisionId, Id, Kind, Resource};
use accredit_id::time::Timestamp;
use accredit_store::{Sighting, SightingDeed};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::json;

use super::actor::{Actor, Caller};
use super::audit::act_id;
use super::body::Strict;
use super::pins::checked_reason;
use super::problem::{AdminFault, Answer};
use super::resources::existing;
use crate::app::App;
use crate::clock;
use crate::read_model::InForce;
use crate::record::{self, StoreWork};
use crate::watch::{Seen, hint, of_a_bundle, summary};

/// Which alarms are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    provider: Option<String>,
    #[serde(default)]
    all: bool,
}

/// Which alarm is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct One {
    id: String,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Answer<AlarmList> {
    let Query(Wanted { provider, all }) = wanted?;
    let provider = provider.map(|name| existing(&app, &caller, Kind::Provider, &name)).transpose()?;
    let of = provider.map(|provider| provider.id.to_string());
    let in_force = app.read_model.now();
    let is_readable =
        |alarm: &Seen| provider_of(&in_force, alarm).is_some_and(|provider| caller.actor.reads(&Subject::of(provider)));
    let is_wanted = |alarm: &Arc<Seen>| {
        is_readable(alarm)
            && of.as_deref().is_none_or(|of| alarm.sighting.provider == *of)
            && (all || alarm.acknowledged.get().is_none())
    };
    let alarms = app.watch.alarms().into_iter().filter(is_wanted).map(|alarm| told(&app, &alarm)).collect();
    Ok(Json(AlarmList { alarms }))
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    one: Result<Query<One>, QueryRejection>,
) -> Answer<Alarm> {
    let Query(One { id }) = one?;
    let alarm = find(&app, &caller.actor, Verb::Read, &id)?;
    Ok(Json(told(&app, &alarm)))
}

/// Whoever may write the provider may say that what it sends is all right.
pub(super) async fn acknowledge(
    State(app): State<Arc<App>>,
    caller: Caller,
    Strict(request): Strict<AcknowledgeRequest>,
) -> Answer<Alarm> {
    let AcknowledgeRequest { id, reason } = request;
    let reason = checked_reason(&reason)?;
    let alarm = find(&app, &caller.actor, Verb::Write, &id)?;
    if alarm.acknowledged.get().is_some() {
        return Ok(Json(told(&app, &alarm)));
    }
    let Sighting { id, code, thing, .. } = &alarm.sighting;
    let before = told(&app, &alarm);
    let in_force = app.read_model.now();
    let detail = json!({
        "alarm": id, "code": code, "provider": before.provider, "thing": thing,
        "reason": reason, "before": {"acknowledged": null}, "after": {"acknowledged": reason},
        "by": caller.actor.recorded(caller.source, &in_force.world),
    });
    let sequence = in_force.world.sequence;
    let act = record::admin_act("alarm-acknowledged", clock::now(), &caller.actor.name, sequence, &detail);
    let acknowledged = Some((id.clone(), reason.to_owned()));
    let deed = SightingDeed { sighted: Vec::new(), acknowledged, records: vec![act] };
    app.recorder.work(StoreWork::Sight(deed)).await?;
    let _ = alarm.acknowledged.set(reason.to_owned());
    Ok(Json(told(&app, &alarm)))
}

fn find(app: &App, actor: &Actor, verb: Verb, id: &str) -> Result<Arc<Seen>, AdminFault> {
    let found = app.watch.alarms().into_iter().find(|alarm| alarm.sighting.id == id);
    let in_force = app.read_model.now();
    let known = found.and_then(|alarm| Some((Arc::clone(provider_of(&in_force, &alarm)?), alarm)));
    let (provider, alarm) = known.ok_or_else(|| {
        let shown: String = id.chars().take(64).collect();
        AdminFault::NotFound(format!("alarm `{}` does not exist", shown.escape_debug()))
    })?;
    actor.may(verb, &Subject::of(&provider), &format!("the alarms of provider `{}`", provider.name))?;
    Ok(alarm)
}

fn provider_of<'f>(in_force: &'f InForce, alarm: &Seen) -> Option<&'f Arc<Resource>> {
    in_force.world.by_id(alarm.sighting.provider.parse::<Id>().ok()?)
}

fn told(app: &App, alarm: &Seen) -> Alarm {
    let Sighting { provider: id_of_provider, code, thing, id, first_seen, decision, .. } = &alarm.sighting;
    let in_force = app.read_model.now();
    let known = provider_of(&in_force, alarm);
    let provider = known.map_or_else(|| id_of_provider.clone(), |known| known.name.to_string());
    Alarm {
        id: id.clone(),
        code: code.clone(),
        summary: summary(&alarm.sighting, &provider, &app.watch.formats(id_of_provider)),
        provider,
        thing: thing.clone(),
        hint: hint(code).to_owned(),
        first_seen: Timestamp::from_unix(*first_seen).to_string(),
        last_seen: Timestamp::from_unix(alarm.last()).to_string(),
        decision: match of_a_bundle(code) {
            Some(_) => act_id(*decision),
            None => DecisionId::new(*decision).to_string(),
        },
        acknowledged: alarm.acknowledged.get().cloned(),
    }
}
