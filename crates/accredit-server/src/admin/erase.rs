//! Erasing somebody's values from the log: an act with a reason, and a record that does not repeat what was erased.

use std::sync::Arc;

use accredit_api::admin::{EraseRequest, EraseResponse};
use accredit_core::decide::access::{Subject, Verb};
use accredit_core::model::{DecisionId, Kind};
use accredit_store::audit::{Record, Value as Erasable};
use accredit_store::{Place, Sweep};
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::actor::Caller;
use super::audit::act_id;
use super::body::Strict;
use super::pins::checked_reason;
use super::problem::{AdminFault, Answer};
use crate::app::App;
use crate::{clock, record};

/// `POST /v1/audit/erase`.
pub(super) async fn erase(
    State(app): State<Arc<App>>,
    caller: Caller,
    Strict(request): Strict<EraseRequest>,
) -> Answer<EraseResponse> {
    // What is gone cannot be had back, and belongs to every project: only who may say whom the server believes.
    let server = Subject { kind: Kind::Administrator, project: None, id: None };
    caller.actor.may(Verb::Write, &server, "the audit log's values")?;
    let EraseRequest { subject, provider, decision, reason, dry_run } = request;
    let reason = checked_reason(&reason)?;
    let places = match (subject.as_deref().filter(|subject| !subject.is_empty()), decision.as_deref()) {
        (Some(subject), None) => of_subject(&app, subject, provider.as_deref()).await?,
        (None, Some(decision)) if provider.is_none() => of_decision(&app, decision).await?,
        _ => {
            let message = "expected either `subject`, perhaps with `provider`, or `decision`".to_owned();
            return Err(AdminFault::Request(message));
        }
    };
    let records = places.len() as u64;
    if dry_run || places.is_empty() {
        return Ok(Json(EraseResponse { records, act: None, dry_run }));
    }
    let world = &app.read_model.now().world;
    let mut detail = json!({
        "why": "erasure", "reason": reason, "records": records,
        "by": caller.actor.recorded(caller.source, world),
    });
    for (name, value) in [("provider", provider), ("decision", decision)] {
        if let Some(value) = value {
            detail[name] = json!(value);
        }
    }
    let act = record::admin_act("audit-values-erased", clock::now(), &caller.actor.name, world.sequence, &detail);
    let id = act_id(act.id);
    app.sweep(Sweep::Of(places), act).await?;
    tracing::info!(event = "audit-values-erased", records, act = id, "values of the audit log were erased");
    Ok(Json(EraseResponse { records, act: Some(id), dry_run }))
}

/// Records with a claim of that very value.
async fn of_subject(app: &App, subject: &str, provider: Option<&str>) -> Result<Vec<Place>, AdminFault> {
    let is_meant = |record: &Record| {
        let Erasable::Present(value) = &record.value else { return false };
        // Cheap first: most records are somebody else's.
        let read = |bytes: &[u8]| serde_json::from_slice::<Map<String, Value>>(bytes).unwrap_or_default();
        let is_of = |provider: &str| {
            let kept = read(&record.bytes);
            ["provider", "providerId"].iter().any(|name| kept.get(*name).is_some_and(|named| named == provider))
        };
        let values = read(value);
        let claims = values.get("claims").and_then(Value::as_object);
        claims.is_some_and(|claims| claims.values().any(|claim| claim == subject)) && provider.is_none_or(is_of)
    };
    Ok(app.store.places_of(is_meant).await?)
}

async fn of_decision(app: &App, decision: &str) -> Result<Vec<Place>, AdminFault> {
    let parsed: DecisionId =
        decision.parse().map_err(|fault: accredit_core::model::IdFault| AdminFault::Request(fault.to_string()))?;
    let found = app.store.find_record(parsed.bits()).await?;
    let found = found.ok_or_else(|| AdminFault::NotFound(format!("record `{parsed}` does not exist")))?;
    Ok(match found.record.value {
        Erasable::Present(_) => vec![found.place],
        Erasable::Erased | Erasable::None => Vec::new(),
    })
}
