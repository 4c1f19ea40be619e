//! Grants: a role of one of the project's APIs, given to a workload. Spiral's roles are `viewer`, `editor` and `admin`; here a role
//! is whatever the project's `Role` of that name holds.

use std::sync::Arc;

use accredit_core::model::{Document, Given, Kind, Resource};
use accredit_core::plan;
use accredit_core::world::World;
use accredit_id::shown::Shown;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bearer::Bearer;
use super::fault::Fault;
use super::page::{Page, Wanted};
use super::workloads::mark;
use super::{change, check_project, own};
use crate::app::App;
use crate::chance;
use crate::read_model::InForce;

#[derive(Debug, Serialize)]
pub(super) struct Grant {
    id: String,
    project_id: String,
    role_id: String,
    principal: String,
}

/// What is sent to make one.
#[derive(Debug, Deserialize)]
pub(super) struct New {
    role_id: String,
    principal: Principal,
}

/// Who receives it.
#[derive(Debug, Deserialize)]
struct Principal {
    #[serde(rename = "type")]
    kind: String,
    workload_id: Option<String>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(project): Path<String>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Page<Grant>>, Fault> {
    let in_force = app.read_model.now();
    check_project(&in_force, &bearer, &project)?;
    let Query(wanted) = wanted?;
    let is_asked = |grant: &&Arc<Resource>| {
        grant.project == Some(bearer.project)
            && wanted.principal.as_deref().is_none_or(|wanted| shown(grant, &in_force.world).principal == wanted)
    };
    let grants = in_force.world.of_kind(Kind::Grant).into_iter().filter(is_asked).collect();
    Ok(Json(wanted.page(grants, |grant| shown(grant, &in_force.world))))
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(grant): Path<String>,
) -> Result<Json<Grant>, Fault> {
    let in_force = app.read_model.now();
    let found = own(&in_force, &bearer, Kind::Grant, &grant)?;
    Ok(Json(shown(&found, &in_force.world)))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(project): Path<String>,
    new: Result<Json<New>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Fault> {
    let in_force = app.read_model.now();
    check_project(&in_force, &bearer, &project)?;
    let Json(New { role_id, principal }) = new?;
    let Some(workload) = principal.workload_id.filter(|_| principal.kind == "workload") else {
        return Err(Fault::refused("principal-unsupported", "grants are given to workloads here: use --workload-id"));
    };
    let account = own(&in_force, &bearer, Kind::ServiceAccount, &workload)?;
    let role_name = format!("{}/{role_id}", bearer.project_name);
    let role = in_force.world.find(Kind::Role, &role_name);
    let api = role.and_then(|role| role.as_role()).and_then(|role| in_force.world.by_id(role.api));
    let (Some(role), Some(api)) = (role, api) else {
        return Err(Fault::refused(
            "role-unknown",
            format!(
                "project has no role `{}`: its owner adds a Role of that name for one of its APIs",
                Shown::of(&role_id)
            ),
        ));
    };
    let local: String = account.name.local().chars().take(32).collect();
    let name = format!("{}/{local}-{}-{}", bearer.project_name, role_id.chars().take(16).collect::<String>(), mark());
    let spec = json!({"api": api.name.as_str(), "role": role.name.as_str(), "to": account.name.as_str()});
    let document = Document { kind: "Grant".to_owned(), name: name.clone(), id: None, enabled: None, spec };
    let planner = |in_force: &InForce, app: &App| {
        plan::apply(&in_force.world, std::slice::from_ref(&document), false, &app.context(), &mut chance::bits)
    };
    let warnings = change(&app, &bearer, "spiral-grant-created", planner).await?;
    let in_force = app.read_model.now();
    let made = own(&in_force, &bearer, Kind::Grant, &name)?;
    Ok((StatusCode::OK, Json(json!({"grant": shown(&made, &in_force.world), "warnings": warnings}))))
}

pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(grant): Path<String>,
) -> Result<StatusCode, Fault> {
    let found = own(&app.read_model.now(), &bearer, Kind::Grant, &grant)?;
    let planner =
        |in_force: &InForce, app: &App| plan::delete(&in_force.world, Kind::Grant, found.name.as_str(), &app.context());
    change(&app, &bearer, "spiral-grant-revoked", planner).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(resource: &Resource, world: &World) -> Grant {
    let grant = resource.as_grant();
    let role_id = match grant.map(|grant| &grant.given) {
        Some(Given::Role(role)) => world.by_id(*role).map(|role| role.name.local().to_owned()).unwrap_or_default(),
        Some(Given::Permissions(permissions)) => {
            permissions.iter().map(|permission| permission.as_str()).collect::<Vec<_>>().join(" ")
        }
        None => String::new(),
    };
    Grant {
        id: resource.id.to_string(),
        project_id: resource.project.map(|project| project.to_string()).unwrap_or_default(),
        role_id,
        principal: grant.map(|grant| format!("workload:{}", grant.to)).unwrap_or_default(),
    }
}
