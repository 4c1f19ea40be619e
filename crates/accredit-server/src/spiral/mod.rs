//! What Spiral's command line administers: workloads, their policies, grants to them. Each is a resource of ours.
//!
//! | Spiral's | ours |
//! |---|---|
//! | project | `Project` |
//! | workload | `ServiceAccount` |
//! | policy: an issuer and conditions | `Mapping` of the provider with that issuer, each condition a clause |
//! | grant of a role to a workload | `Grant` of the `Role` of that name |
//!
//! The command line sends a plain bearer. It is a token of its own kind ([`bearer`]): short-lived, for one project, and no API
//! takes it. Writes are planned, linted and recorded as those of `accredit apply` are.

pub(crate) mod bearer;
mod fault;
mod grants;
mod page;
mod policies;
mod workloads;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use accredit_core::model::{Faults, Kind, Resource};
use accredit_core::plan::Plan;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use axum::{Router, middleware};

use crate::admin::carry_out;
use crate::app::App;
use crate::finishing;
use crate::read_model::InForce;
use bearer::Bearer;
use fault::Fault;

/// The routes, each behind a bearer.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/projects", get(workloads::projects))
        .route("/v1/projects/{project}", get(workloads::project))
        .route("/v1/projects/{project}/workloads", get(workloads::list).post(workloads::create))
        .route("/v1/projects/{project}/grants", get(grants::list).post(grants::create))
        .route("/v1/workloads/{workload}", get(workloads::get).delete(workloads::deactivate))
        .route("/v1/workloads/{workload}/policies", get(policies::list).post(policies::create))
        .route("/v1/workloads/{workload}/credentials", post(workloads::issue_credentials))
        .route("/v1/credentials/{client}", delete(workloads::revoke_credentials))
        .route("/v1/policies/{policy}", delete(policies::remove))
        .route("/v1/grants/{grant}", get(grants::get).delete(grants::revoke))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn(finishing::every_request))
        .with_state(app)
}

/// A body comes whole within ten seconds, or not at all.
async fn in_time(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match tokio::time::timeout(PATIENCE, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(head, Body::from(body))).await,
        Ok(Err(_)) => {
            let what = "the body cannot be read, or has more than 64 KiB";
            Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "request-malformed", what).into_response()
        }
        Err(_) => {
            let what = "the body took longer than ten seconds";
            Fault::new(StatusCode::REQUEST_TIMEOUT, "request-slow", what).into_response()
        }
    }
}

/// Carries a change out on behalf of a bearer. Whatever is planned, a bearer writes in its own project and three kinds alone.
async fn change(
    app: &App,
    bearer: &Bearer,
    event: &'static str,
    planner: impl Fn(&InForce, &App) -> Result<Plan, Faults>,
) -> Result<Vec<String>, Fault> {
    let within = |resource: &Resource| {
        resource.project == Some(bearer.project)
            && matches!(resource.kind(), Kind::ServiceAccount | Kind::Mapping | Kind::Grant)
    };
    let outside = AtomicBool::new(false);
    let guarded = |in_force: &InForce, app: &App| {
        let plan = planner(in_force, app)?;
        if plan.puts.iter().chain(&plan.deletes).all(|resource| within(resource)) {
            return Ok(plan);
        }
        outside.store(true, Ordering::Relaxed);
        Err(Faults(Vec::new()))
    };
    let changed = carry_out(app, event, &bearer.actor, false, guarded).await;
    if outside.load(Ordering::Relaxed) {
        return Err(Fault::forbidden());
    }
    let response = changed?.0;
    Ok(response.findings.into_iter().map(|found| found.message).collect())
}

/// A resource of the bearer's project, by id or name. Those of other projects do not exist for it.
fn own(in_force: &InForce, bearer: &Bearer, kind: Kind, text: &str) -> Result<Arc<Resource>, Fault> {
    let found = in_force.world.find(kind, text).filter(|resource| resource.project == Some(bearer.project));
    found.cloned().ok_or_else(|| Fault::not_found(kind, text))
}

/// Refuses another project than the bearer's.
fn check_project(in_force: &InForce, bearer: &Bearer, text: &str) -> Result<(), Fault> {
    match in_force.world.find(Kind::Project, text) {
        Some(project) if project.id == bearer.project => Ok(()),
        _ => Err(Fault::not_found(Kind::Project, text)),
    }
}

const MAX_BODY: usize = 64 * 1024;
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
