//! Workloads: our service accounts.

use std::sync::Arc;

use accredit_core::model::{Document, Kind, Name, Resource};
use accredit_core::plan;
use accredit_id::hex;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bearer::Bearer;
use super::fault::Fault;
use super::page::{Page, Wanted};
use super::{change, check_project, own};
use crate::app::App;
use crate::chance;
use crate::read_model::InForce;

#[derive(Debug, Serialize)]
pub(super) struct Workload {
    id: String,
    project_id: String,
    name: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Project {
    id: String,
    org_id: String,
    description: String,
}

/// What is sent to make one.
#[derive(Debug, Deserialize)]
pub(super) struct New {
    name: Option<String>,
}

pub(super) async fn projects(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Page<Project>>, Fault> {
    let in_force = app.read_model.now();
    let own = in_force.world.by_id(bearer.project).into_iter().collect();
    Ok(Json(wanted?.page(own, shown_project)))
}

pub(super) async fn project(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(project): Path<String>,
) -> Result<Json<Project>, Fault> {
    let in_force = app.read_model.now();
    check_project(&in_force, &bearer, &project)?;
    let own = in_force.world.by_id(bearer.project).ok_or_else(|| Fault::not_found(Kind::Project, &project))?;
    Ok(Json(shown_project(own)))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(project): Path<String>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Page<Workload>>, Fault> {
    let in_force = app.read_model.now();
    check_project(&in_force, &bearer, &project)?;
    let accounts = in_force.world.of_kind(Kind::ServiceAccount).into_iter();
    let active = accounts.filter(|account| account.project == Some(bearer.project) && account.enabled).collect();
    Ok(Json(wanted?.page(active, shown)))
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(workload): Path<String>,
) -> Result<Json<Workload>, Fault> {
    Ok(Json(shown(&*own(&app.read_model.now(), &bearer, Kind::ServiceAccount, &workload)?)))
}

/// A friendly name that is a name of ours becomes it; another one becomes the description of a made-up one.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(project): Path<String>,
    new: Result<Json<New>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Fault> {
    let in_force = app.read_model.now();
    check_project(&in_force, &bearer, &project)?;
    let friendly = new?.0.name.filter(|name| !name.is_empty());
    if friendly.as_ref().is_some_and(|name| name.chars().count() > 200) {
        return Err(Fault::refused("name-too-long", "the name has more than 200 characters"));
    }
    let whole = friendly.as_ref().map(|name| format!("{}/{name}", bearer.project_name));
    let (name, description) = match whole.filter(|name| name.parse::<Name>().is_ok()) {
        Some(name) => (name, None),
        None => (format!("{}/workload-{}", bearer.project_name, mark()), friendly),
    };
    if in_force.world.find(Kind::ServiceAccount, &name).is_some() {
        return Err(Fault::new(StatusCode::CONFLICT, "exists", format!("workload `{name}` exists already")));
    }
    let spec = description.map_or_else(|| json!({}), |description| json!({"description": description}));
    let document = Document { kind: "ServiceAccount".to_owned(), name: name.clone(), id: None, enabled: None, spec };
    let planner = |in_force: &InForce, app: &App| {
        plan::apply(&in_force.world, std::slice::from_ref(&document), false, &app.context(), &mut chance::bits)
    };
    let warnings = change(&app, &bearer, "spiral-workload-created", planner).await?;
    let made = own(&app.read_model.now(), &bearer, Kind::ServiceAccount, &name)?;
    Ok((StatusCode::OK, Json(json!({"workload": shown(&made), "warnings": warnings}))))
}

/// Disables the account: its tokens end with that. Its policies stay, so that an operator can see what it was, and mean nothing.
pub(super) async fn deactivate(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(workload): Path<String>,
) -> Result<StatusCode, Fault> {
    let account = own(&app.read_model.now(), &bearer, Kind::ServiceAccount, &workload)?;
    let planner = |in_force: &InForce, app: &App| {
        plan::set_enabled(&in_force.world, Kind::ServiceAccount, account.name.as_str(), false, &app.context())
    };
    change(&app, &bearer, "spiral-workload-deactivated", planner).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn issue_credentials(_bearer: Bearer, Path(_workload): Path<String>) -> Fault {
    Fault::refused(
        "no-static-keys",
        "there are no client secrets here: let the workload prove itself, with `spiral workloads create-policy`",
    )
}

pub(super) async fn revoke_credentials(_bearer: Bearer, Path(_client): Path<String>) -> Fault {
    Fault::new(StatusCode::NOT_FOUND, "not-found", "there are no client secrets here, so there is none to revoke")
}

fn shown(account: &Resource) -> Workload {
    let described = match account.document().spec.get("description") {
        Some(Value::String(text)) => text.clone(),
        _ => account.name.local().to_owned(),
    };
    let project_id = account.project.map(|project| project.to_string()).unwrap_or_default();
    Workload { id: account.id.to_string(), project_id, name: described }
}

fn shown_project(project: &Resource) -> Project {
    Project { id: project.id.to_string(), org_id: project.id.to_string(), description: project.name.to_string() }
}

/// Eight hexadecimal digits, so that names made here do not meet.
pub(super) fn mark() -> String {
    hex::encode(&chance::bits()[..4])
}
