//! Policies: our mappings. A condition `claim=value` is a clause that expects exactly that text.

use std::sync::Arc;

use accredit_core::model::{Claim, Document, Kind, Resource};
use accredit_core::plan;
use accredit_core::world::World;
use accredit_id::shown::Shown;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::bearer::Bearer;
use super::fault::Fault;
use super::page::{Page, Wanted};
use super::workloads::mark;
use super::{change, own};
use crate::app::App;
use crate::chance;
use crate::read_model::InForce;

#[derive(Debug, Serialize)]
pub(super) struct Policy {
    id: String,
    workload_id: String,
    name: String,
    issuer: String,
    conditions: Vec<String>,
}

/// What is sent to make one.
#[derive(Debug, Deserialize)]
pub(super) struct New {
    name: Option<String>,
    issuer: String,
    #[serde(default)]
    conditions: Vec<String>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(workload): Path<String>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Page<Policy>>, Fault> {
    let in_force = app.read_model.now();
    let account = own(&in_force, &bearer, Kind::ServiceAccount, &workload)?;
    let mappings = in_force.world.referrers(account.id).filter(|resource| resource.kind() == Kind::Mapping).collect();
    Ok(Json(wanted?.page(mappings, |mapping| shown(mapping, &in_force.world))))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(workload): Path<String>,
    new: Result<Json<New>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Fault> {
    let Json(New { name, issuer, conditions }) = new?;
    let in_force = app.read_model.now();
    let account = own(&in_force, &bearer, Kind::ServiceAccount, &workload)?;
    let provider = provider(&in_force.world, &bearer, &issuer)?;
    let local: String = account.name.local().chars().take(40).collect();
    let whole = format!("{}/{local}-{}", bearer.project_name, mark());
    let mut spec = json!({
        "provider": provider.name.as_str(), "serviceAccount": account.name.as_str(), "match": clauses(&conditions)?,
    });
    if let Some(name) = name {
        spec["description"] = Value::from(name);
    }
    let document = Document { kind: "Mapping".to_owned(), name: whole.clone(), id: None, enabled: None, spec };
    let planner = |in_force: &InForce, app: &App| {
        plan::apply(&in_force.world, std::slice::from_ref(&document), false, &app.context(), &mut chance::bits)
    };
    let warnings = change(&app, &bearer, "spiral-policy-created", planner).await?;
    let in_force = app.read_model.now();
    let made = own(&in_force, &bearer, Kind::Mapping, &whole)?;
    Ok((StatusCode::OK, Json(json!({"policy": shown(&made, &in_force.world), "warnings": warnings}))))
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(policy): Path<String>,
) -> Result<StatusCode, Fault> {
    let mapping = own(&app.read_model.now(), &bearer, Kind::Mapping, &policy)?;
    let planner = |in_force: &InForce, app: &App| {
        plan::delete(&in_force.world, Kind::Mapping, mapping.name.as_str(), &app.context())
    };
    change(&app, &bearer, "spiral-policy-deleted", planner).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The one provider with that issuer that the project may use. A policy never registers one: that is another right.
fn provider<'w>(world: &'w World, bearer: &Bearer, issuer: &str) -> Result<&'w Arc<Resource>, Fault> {
    let usable = |provider: &&Arc<Resource>| {
        (provider.project.is_none() || provider.project == Some(bearer.project)) && world.enabled(provider.id).is_some()
    };
    let mut found: Vec<_> = world.providers_of_issuer(issuer).filter(usable).collect();
    let count = found.len();
    if count > 1 {
        let takes_spirals = |provider: &Arc<Resource>| {
            provider
                .as_provider()
                .is_some_and(|known| known.audiences.iter().any(|audience| audience == SPIRALS_AUDIENCE))
        };
        found.retain(|provider| takes_spirals(provider));
    }
    match found.as_slice() {
        [only] => Ok(only),
        _ if count == 0 => Err(Fault::refused(
            "issuer-unknown",
            format!(
                "no provider here has issuer `{}`: an operator of this server adds one with `accredit apply`",
                Shown::of(issuer)
            ),
        )),
        _ => Err(Fault::refused(
            "issuer-ambiguous",
            format!(
                "several providers have issuer `{}`, and not one takes the audience {SPIRALS_AUDIENCE}",
                Shown::of(issuer)
            ),
        )),
    }
}

/// Conditions as clauses: all must hold, each exactly.
fn clauses(conditions: &[String]) -> Result<Map<String, Value>, Fault> {
    let mut clauses = Map::new();
    for condition in conditions {
        let fault =
            |why: &str| Fault::refused("condition-malformed", format!("condition `{}` {why}", Shown::of(condition)));
        let (claim, value) = condition.split_once('=').ok_or_else(|| fault("is not CLAIM=VALUE"))?;
        if value.contains('*') {
            // Here it would mean any continuation, and Spiral's conditions are exact.
            return Err(fault("has a `*`, and conditions are exact"));
        }
        if claim.is_empty() || value.is_empty() {
            return Err(fault("has an empty side"));
        }
        if clauses.insert(claim.to_owned(), Value::from(value)).is_some() {
            return Err(fault("is the second about its claim, and both cannot hold"));
        }
    }
    Ok(clauses)
}

fn shown(resource: &Resource, world: &World) -> Policy {
    let Some(mapping) = resource.as_mapping() else {
        let (id, name) = (resource.id.to_string(), resource.name.local().to_owned());
        return Policy { id, workload_id: String::new(), name, issuer: String::new(), conditions: Vec::new() };
    };
    let issuer =
        world.by_id(mapping.provider).and_then(|provider| provider.as_provider()).map(|known| known.issuer.clone());
    let clause = |claim: &Claim, expected: &accredit_core::model::Expected| format!("{claim}={expected}");
    let mut conditions: Vec<_> =
        mapping.clauses.iter().map(|written| clause(&written.claim, &written.expected)).collect();
    // What an operator wrote beside them is shown rather than left out.
    conditions.extend(mapping.condition.as_ref().map(|program| program.source().to_owned()));
    Policy {
        id: resource.id.to_string(),
        workload_id: mapping.account.to_string(),
        name: mapping.description.as_deref().unwrap_or(resource.name.local()).to_owned(),
        issuer: issuer.unwrap_or_default(),
        conditions,
    }
}

/// The audience that Spiral's clients ask their platforms for.
const SPIRALS_AUDIENCE: &str = "https://iss.spiraldb.com";
