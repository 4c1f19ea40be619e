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
    let server = Subject::new(Kind::Administrator, None);
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

/// Records that speak of somebody.
async fn of_subject(app: &App, subject: &str, provider: Option<&str>) -> Result<Vec<Place>, AdminFault> {
    let world = &app.read_model.now().world;
    let known = provider.and_then(|provider| world.find(Kind::Provider, provider));
    let issuer = known.and_then(|resource| resource.as_provider()).map(|known| known.issuer.as_str());
    let somebody = Somebody { subject, provider, issuer };
    Ok(app.store.places_of(|record| somebody.is_in(record)).await?)
}

/// Whoever is to be forgotten.
struct Somebody<'s> {
    /// The value of a claim of his.
    subject: &'s str,
    /// Whose tokens count, by its name or id; absent: anybody's.
    provider: Option<&'s str>,
    /// The issuer of that provider's tokens, where it is known.
    issuer: Option<&'s str>,
}

impl Somebody<'_> {
    /// Whether a record has a claim of that very value: of whom it is about, of who acts for him, or of who acted before.
    fn is_in(&self, record: &Record) -> bool {
        let Erasable::Present(value) = &record.value else { return false };
        // Cheap first: most records are somebody else's.
        let values = read(value);
        let is_his = |claims: Option<&Value>| {
            let claims = claims.and_then(Value::as_object);
            claims.is_some_and(|claims| claims.values().any(|claim| claim == self.subject))
        };
        let actor = values.get("actor").and_then(|actor| actor.get("claims"));
        (is_his(values.get("claims")) && self.is_of(record, ["provider", "providerId"]))
            || (is_his(actor) && self.is_of(record, ["actorProvider", "actorProviderId"]))
            || values.get("act").and_then(Value::as_array).is_some_and(|chain| chain.iter().any(|one| self.acts(one)))
    }

    /// Whether a record's token was of his provider.
    fn is_of(&self, record: &Record, names: [&str; 2]) -> bool {
        self.provider.is_none_or(|provider| {
            let kept = read(&record.bytes);
            names.iter().any(|name| kept.get(*name).is_some_and(|named| named == provider))
        })
    }

    /// Whether he is one of the chain of actors, which names issuers.
    fn acts(&self, actor: &Value) -> bool {
        actor["sub"] == self.subject
            && (self.provider.is_none() || self.issuer.is_some_and(|issuer| actor["iss"] == issuer))
    }
}

fn read(bytes: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(bytes).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kept: &Value, values: &Value) -> Record {
        Record { id: [1; 16], bytes: kept.to_string().into(), value: Erasable::Present(values.to_string().into()) }
    }

    #[test]
    fn whoever_a_record_speaks_of_is_found_in_it() {
        let ours =
            json!({"provider": "github", "providerId": "idp_1", "actorProvider": "agents", "actorProviderId": "idp_2"});
        let chain =
            json!([{"iss": "https://agents.test", "sub": "agent"}, {"iss": "https://desk.test", "sub": "desk"}]);
        let acted = json!({"claims": {"sub": "job", "n": 1}, "actor": {"claims": {"sub": "agent", "team": "ops"}}, "act": chain});
        // A narrower token has no claims of its own.
        let narrowed = json!({"act": chain});
        for (values, subject, provider, issuer, is_meant) in [
            (&acted, "job", None, None, true),
            (&acted, "job", Some("github"), None, true),
            (&acted, "job", Some("idp_1"), None, true),
            (&acted, "job", Some("agents"), Some("https://agents.test"), false),
            (&acted, "agent", None, None, true),
            (&acted, "ops", Some("agents"), None, true),
            (&acted, "ops", Some("idp_2"), None, true),
            (&acted, "ops", Some("github"), None, false),
            (&acted, "desk", None, None, true),
            (&narrowed, "agent", None, None, true),
            (&narrowed, "agent", Some("agents"), Some("https://agents.test"), true),
            (&narrowed, "agent", Some("desk"), Some("https://desk.test"), false),
            (&narrowed, "desk", Some("desk"), Some("https://desk.test"), true),
            (&narrowed, "desk", Some("gone"), None, false),
            (&narrowed, "https://desk.test", None, None, false),
            (&narrowed, "nobody", None, None, false),
        ] {
            let somebody = Somebody { subject, provider, issuer };
            assert_eq!(somebody.is_in(&record(&ours, values)), is_meant, "{subject} {provider:?}");
        }
    }
}
