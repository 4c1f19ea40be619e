//! Sets of resources: apply, diff, everything at once; and the routes that name a kind and a name in their body.

use std::sync::Arc;

use accredit_api::admin::{self as wire, ApplyRequest, NamedResource, ResourceList, Status};
use accredit_core::decide::access::{Subject, Verb};
use accredit_core::model::{Document, Kind};
use accredit_core::plan::{self, Prune};
use accredit_id::time::Timestamp;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use serde::Deserialize;

use super::actor::Caller;
use super::body::Strict;
use super::change::{Act, called, on_the_wire};
use super::page::belongs;
use super::pointer::located;
use super::precondition::Precondition;
use super::problem::{AdminFault, Answer};
use super::rendered::Rendered;
use super::resources::{Turn, applied, existing, remove, set_enabled};
use super::{cluster_keys, provider_keys};
use crate::app::App;
use crate::health::Unready;
use crate::read_model::InForce;
use crate::{chance, memory};

/// Which resources are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    kind: Option<String>,
    project: Option<String>,
}

/// Which resource is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct One {
    kind: String,
    name: String,
}

/// `POST /v1/apply`.
pub(super) async fn apply(
    State(app): State<Arc<App>>,
    caller: Caller,
    Strict(request): Strict<ApplyRequest>,
) -> Result<Rendered, AdminFault> {
    bring(&app, &caller, request, Verb::Write).await
}

/// `POST /v1/diff`: what `apply` would change, for whoever may read it.
pub(super) async fn diff(
    State(app): State<Arc<App>>,
    caller: Caller,
    Strict(request): Strict<ApplyRequest>,
) -> Result<Rendered, AdminFault> {
    bring(&app, &caller, ApplyRequest { dry_run: true, ..request }, Verb::Read).await
}

async fn bring(app: &App, caller: &Caller, request: ApplyRequest, verb: Verb) -> Result<Rendered, AdminFault> {
    let ApplyRequest { resources, dry_run, prune, project } = request;
    let prune = self::prune(app, caller, prune, project.as_deref())?;
    let documents: Vec<Document> = resources.into_iter().map(document).collect();
    let act = Act { app, caller, event: "resources-applied", dry_run, verb, precondition: None };
    act.check_reach(&documents)?;
    memory::fit(app.read_model.now().world.len() + documents.len());
    let planner = |in_force: &InForce, app: &App| {
        plan::apply(&in_force.world, &documents, prune, &app.context(), &mut chance::bits)
    };
    act.answer(planner, applied)
        .await
        .map_err(|fault| located(fault, &documents, |place| format!("/resources/{place}")))
}

/// What else goes; a project says where. Whoever may not read what it would be compared with is not told what that is (L23).
pub(super) fn prune<'p>(
    app: &App,
    caller: &Caller,
    prune: bool,
    project: Option<&'p str>,
) -> Result<Prune<'p>, AdminFault> {
    match (prune, project) {
        (true, Some(project)) => {
            let called = called(Kind::Project, project);
            match app.read_model.now().world.find(Kind::Project, project) {
                Some(found) => caller.actor.may(Verb::Read, &Subject::of(found), &called)?,
                None => caller.actor.reaches_nowhere(Verb::Read, Kind::Project, &called)?,
            }
        }
        (true, None) => {
            caller.actor.reads_everything("every resource, which `prune` without `project` compares with")?;
        }
        (false, _) => {}
    }
    match (prune, project) {
        (false, Some(_)) => {
            Err(AdminFault::Request("`project` says where to prune, and `prune` is not set".to_owned()))
        }
        (false, None) => Ok(Prune::Nothing),
        (true, Some(project)) => Ok(Prune::Project(project)),
        (true, None) => Ok(Prune::Everything),
    }
}

/// `GET /v1/resources`: all of them as of one moment, for an export.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Answer<ResourceList> {
    let Query(Wanted { kind: of, project }) = wanted?;
    let of = of.as_deref().map(kind).transpose()?;
    let in_force = app.read_model.now();
    let kinds = Kind::ALL.into_iter().filter(|kind| of.is_none_or(|of| of == *kind));
    let resources = kinds
        .flat_map(|kind| in_force.world.of_kind(kind))
        .filter(|resource| belongs(resource, project.as_deref()) && caller.actor.reads(&Subject::of(resource)))
        .map(|resource| on_the_wire(resource))
        .collect();
    Ok(Json(ResourceList { resources, sequence: in_force.world.sequence }))
}

/// `GET /v1/resource?kind=K&name=N`.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    one: Result<Query<One>, QueryRejection>,
) -> Answer<wire::Resource> {
    let Query(One { kind: of, name }) = one?;
    Ok(Json(on_the_wire(&*existing(&app, &caller, kind(&of)?, &name)?)))
}

/// `POST /v1/resource/delete`.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Strict(named): Strict<NamedResource>,
) -> Result<Rendered, AdminFault> {
    let kind = kind(&named.kind)?;
    let precondition = Precondition::of(kind, &named.name, &HeaderMap::new(), named.revision)?;
    remove(&app, &caller, kind, &named.name, named.dry_run, precondition).await
}

/// `POST /v1/resource/enable`.
pub(super) async fn enable(
    State(app): State<Arc<App>>,
    caller: Caller,
    Strict(named): Strict<NamedResource>,
) -> Result<Rendered, AdminFault> {
    turn(&app, &caller, &named, true).await
}

/// `POST /v1/resource/disable`.
pub(super) async fn disable(
    State(app): State<Arc<App>>,
    caller: Caller,
    Strict(named): Strict<NamedResource>,
) -> Result<Rendered, AdminFault> {
    turn(&app, &caller, &named, false).await
}

async fn turn(app: &App, caller: &Caller, named: &NamedResource, enabled: bool) -> Result<Rendered, AdminFault> {
    let kind = kind(&named.kind)?;
    let precondition = Precondition::of(kind, &named.name, &HeaderMap::new(), named.revision)?;
    let turn = Turn { kind, name: &named.name, enabled, dry_run: named.dry_run, precondition };
    set_enabled(app, caller, turn, applied).await
}

/// `GET /v1/status`: counts of what the caller may read.
pub(super) async fn status(State(app): State<Arc<App>>, caller: Caller) -> Answer<Status> {
    let in_force = app.read_model.now();
    let readable = |kind: Kind| {
        let all = in_force.world.of_kind(kind);
        all.iter().filter(|resource| caller.actor.reads(&Subject::of(resource))).count()
    };
    let resources = Kind::ALL.into_iter().map(|kind| (kind.noun().to_owned(), readable(kind))).collect();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let sequence = in_force.world.sequence;
    let (provider_keys, job_issuer_keys) = (provider_keys::tally(&app), cluster_keys::tally(&app));
    let troubles = troubles(&app, &caller).await?;
    let public_url = app.public_url.clone();
    Ok(Json(Status { version, public_url, sequence, resources, provider_keys, job_issuer_keys, troubles }))
}

/// What whoever looks at the server ought to know at once.
async fn troubles(app: &App, caller: &Caller) -> Result<Vec<String>, AdminFault> {
    let why = Unready::ALL.into_iter().filter(|why| why.holds(app)).map(|why| why.sentence().to_owned());
    let mut troubles: Vec<String> = why.collect();
    if caller.actor.rights.reads_everything() {
        troubles.extend(app.store.tampering().iter().map(ToString::to_string));
    }
    if let Some(restored) = app.store.restoration().await? {
        let at = |unix| Timestamp::from_unix(unix).to_string();
        troubles.push(format!(
            "restored at {} from a backup of {}: what was disabled, deleted or narrowed between the two counts again",
            at(restored.restored_at),
            at(restored.made_at)
        ));
    }
    Ok(troubles)
}

pub(super) fn kind(text: &str) -> Result<Kind, AdminFault> {
    let shown: String = text.chars().take(64).collect();
    Kind::named(text)
        .ok_or_else(|| AdminFault::Request(format!("`{}` is not a kind of resource", shown.escape_debug())))
}

pub(super) fn document(resource: wire::Resource) -> Document {
    let wire::Resource { kind, name, id, enabled, revision: _, spec } = resource;
    Document { kind, name, id, enabled, spec }
}
