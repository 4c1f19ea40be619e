//! Resources: read one or a page, create, replace, delete, enable, disable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use accredit_api::admin::{self as wire, ApplyResponse, NewResource, ResourcePage, Written};
use accredit_core::decide::access::{Subject, Verb};
use accredit_core::model::{Document, Faults, Kind, Ownership, Resource};
use accredit_core::plan::{self, Plan};
use accredit_core::world::World;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::actor::Caller;
use super::body::Strict;
use super::change::{Act, called, on_the_wire};
use super::page::Page;
use super::pointer::located;
use super::precondition::{Precondition, tag, tag_text};
use super::problem::AdminFault;
use super::rendered::Rendered;
use crate::app::App;
use crate::chance;
use crate::read_model::InForce;

/// Which page of a kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    project: Option<String>,
    page_size: Option<usize>,
    page_token: Option<String>,
}

/// How something is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct How {
    #[serde(default)]
    dry_run: bool,
}

/// One resource, and what is to be done to it, as the path says.
pub(super) struct Place {
    kind: Kind,
    name: String,
    /// Whether it is to count, where the path ends so.
    deed: Option<bool>,
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = AdminFault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AdminFault> {
        let Path((kinds, rest)) = Path::<(String, String)>::from_request_parts(parts, state).await?;
        let kind = collection(&kinds)?;
        let (name, deed) = match rest.rsplit_once('/') {
            Some((name, "enable")) => (name, Some(true)),
            Some((name, "disable")) => (name, Some(false)),
            _ => (rest.as_str(), None),
        };
        match (parts.method == Method::POST, deed) {
            (true, Some(_)) => Ok(Self { kind, name: name.to_owned(), deed }),
            (true, None) => Err(AdminFault::Method(Some("DELETE, GET, HEAD, PUT"))),
            // `ci/enable` may be what a resource is called, but for one that is the server's own.
            (false, Some(_)) if name.contains('/') || kind.ownership() == Ownership::Server => {
                Err(AdminFault::Method(Some("POST")))
            }
            (false, _) => Ok(Self { kind, name: rest, deed: None }),
        }
    }
}

type Wrapped<T, R> = Result<T, R>;

/// `GET /v1/{kinds}`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Wrapped<Path<String>, PathRejection>,
    wanted: Wrapped<Query<Wanted>, QueryRejection>,
) -> Result<Json<ResourcePage>, AdminFault> {
    let kind = collection(&path?.0)?;
    let Query(Wanted { project, page_size, page_token }) = wanted?;
    let page = Page::asked(kind, project.as_deref(), page_size, page_token.as_deref())?;
    let in_force = app.read_model.now();
    let shown = page.of(&in_force.world, |resource| caller.actor.reads(&Subject::of(resource)));
    Ok(Json(ResourcePage {
        resources: shown.resources.into_iter().map(|resource| on_the_wire(resource)).collect(),
        next_page_token: shown.next,
        sequence: in_force.world.sequence,
    }))
}

/// `POST /v1/{kinds}`: the same document again is the same resource; another one under its name is a conflict.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Wrapped<Path<String>, PathRejection>,
    how: Wrapped<Query<How>, QueryRejection>,
    Strict(new): Strict<NewResource>,
) -> Result<Rendered, AdminFault> {
    let kind = collection(&path?.0)?;
    let Query(How { dry_run }) = how?;
    let name = new.name.clone().ok_or_else(|| AdminFault::Request("the document has no `name`".to_owned()))?;
    let document = document(kind, &name, new)?;
    let act =
        Act { app: &app, caller: &caller, event: "resource-created", dry_run, verb: Verb::Write, precondition: None };
    act.check_reach(std::slice::from_ref(&document))?;
    let conflict = AtomicBool::new(false);
    let planner = |in_force: &InForce, app: &App| {
        let plan = one(in_force, &document, app)?;
        if plan.changes.iter().any(|change| change.action == plan::Action::Update) {
            conflict.store(true, Ordering::Relaxed);
            return Err(Faults::default());
        }
        Ok(plan)
    };
    let answer = act.answer(planner, |world, changed| written(world, kind, &name, changed)).await;
    if conflict.load(Ordering::Relaxed) {
        return Err(AdminFault::Conflict(format!("{} exists, and differs from the document", called(kind, &name))));
    }
    answer.map_err(|fault| alone(fault, &document))
}

/// `GET /v1/{kinds}/{name}`.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Place { kind, name, .. }: Place,
) -> Result<Response, AdminFault> {
    let resource = existing(&app, &caller, kind, &name)?;
    let mut response = Json(on_the_wire(&resource)).into_response();
    response.headers_mut().extend(tag(&resource).map(|tag| (header::ETAG, tag)));
    Ok(response)
}

/// Refuses what goes with no resource, or by another method, before anything else about it is looked at.
pub(super) async fn placed(_: Place, request: Request, next: Next) -> Response {
    next.run(request).await
}

/// `PUT /v1/{kinds}/{name}`: creates or replaces.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Place { kind, name, .. }: Place,
    how: Wrapped<Query<How>, QueryRejection>,
    headers: HeaderMap,
    Strict(new): Strict<NewResource>,
) -> Result<Rendered, AdminFault> {
    let Query(How { dry_run }) = how?;
    let precondition = Precondition::of(kind, &name, &headers, new.revision)?;
    // By id, the document's name is the one that the resource has.
    let known = app.read_model.now().world.find(kind, &name).map(|resource| resource.name.to_string());
    let is_id = name.parse::<accredit_core::model::Id>().is_ok();
    let name = match known {
        Some(known) => known,
        None if is_id => return Err(AdminFault::NotFound(format!("{} does not exist", called(kind, &name)))),
        None => name,
    };
    if let Some(other) = new.name.as_ref().filter(|other| **other != name) {
        let sentence = format!("the document is of {}, the path of {}", called(kind, other), called(kind, &name));
        return Err(AdminFault::Request(sentence));
    }
    let document = document(kind, &name, new)?;
    let act = Act { app: &app, caller: &caller, event: "resource-put", dry_run, verb: Verb::Write, precondition };
    act.check_reach(std::slice::from_ref(&document))?;
    let planner = |in_force: &InForce, app: &App| one(in_force, &document, app);
    let answer = act.answer(planner, |world, changed| written(world, kind, &name, changed)).await;
    answer.map_err(|fault| alone(fault, &document))
}

/// `DELETE /v1/{kinds}/{name}`.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Place { kind, name, .. }: Place,
    how: Wrapped<Query<How>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Rendered, AdminFault> {
    let Query(How { dry_run }) = how?;
    let precondition = Precondition::of(kind, &name, &headers, None)?;
    remove(&app, &caller, kind, &name, dry_run, precondition).await
}

/// `POST /v1/{kinds}/{name}/enable` and `/disable`.
pub(super) async fn turn(
    State(app): State<Arc<App>>,
    caller: Caller,
    Place { kind, name, deed }: Place,
    how: Wrapped<Query<How>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Rendered, AdminFault> {
    let Query(How { dry_run }) = how?;
    let precondition = Precondition::of(kind, &name, &headers, None)?;
    let turn = Turn { kind, name: &name, enabled: deed.unwrap_or_default(), dry_run, precondition };
    let render = |world: &World, changed: &ApplyResponse| written(world, kind, &name, changed);
    set_enabled(&app, &caller, turn, render).await
}

pub(super) async fn remove(
    app: &App,
    caller: &Caller,
    kind: Kind,
    name: &str,
    dry_run: bool,
    precondition: Option<Precondition>,
) -> Result<Rendered, AdminFault> {
    existing(app, caller, kind, name)?;
    let act = Act { app, caller, event: "resource-deleted", dry_run, verb: Verb::Write, precondition };
    let planner = |in_force: &InForce, app: &App| plan::delete(&in_force.world, kind, name, &app.context());
    act.answer(planner, applied).await
}

/// That a resource is to count, or not.
pub(super) struct Turn<'t> {
    pub(super) kind: Kind,
    pub(super) name: &'t str,
    pub(super) enabled: bool,
    pub(super) dry_run: bool,
    pub(super) precondition: Option<Precondition>,
}

pub(super) async fn set_enabled(
    app: &App,
    caller: &Caller,
    turn: Turn<'_>,
    render: impl Fn(&World, &ApplyResponse) -> Result<Rendered, AdminFault> + Sync,
) -> Result<Rendered, AdminFault> {
    let Turn { kind, name, enabled, dry_run, precondition } = turn;
    let resource = existing(app, caller, kind, name)?;
    // Also where nothing would change: whoever may not write is told so.
    caller.actor.may(Verb::Write, &Subject::of(&resource), &called(kind, name))?;
    let event = if enabled { "resource-enabled" } else { "resource-disabled" };
    let act = Act { app, caller, event, dry_run, verb: Verb::Write, precondition };
    let planner =
        |in_force: &InForce, app: &App| plan::set_enabled(&in_force.world, kind, name, enabled, &app.context());
    act.answer(planner, render).await
}

/// A resource that exists and that the caller may read; else both are told alike.
pub(super) fn existing(app: &App, caller: &Caller, kind: Kind, name: &str) -> Result<Arc<Resource>, AdminFault> {
    let in_force = app.read_model.now();
    let found = in_force.world.find(kind, name).filter(|resource| caller.actor.reads(&Subject::of(resource)));
    found.cloned().ok_or_else(|| AdminFault::NotFound(format!("{} does not exist", called(kind, name))))
}

/// The document is the whole body.
fn alone(fault: AdminFault, document: &Document) -> AdminFault {
    located(fault, std::slice::from_ref(document), |_| String::new())
}

fn one(in_force: &InForce, document: &Document, app: &App) -> Result<Plan, Faults> {
    plan::apply(&in_force.world, std::slice::from_ref(document), false, &app.context(), &mut chance::bits)
}

fn document(kind: Kind, name: &str, new: NewResource) -> Result<Document, AdminFault> {
    let NewResource { kind: said, name: _, id, enabled, revision: _, spec } = new;
    match said.filter(|said| said != kind.document()) {
        Some(other) => {
            let other: String = other.chars().take(64).collect();
            Err(AdminFault::Request(format!(
                "the document is of kind `{}`, the path of `{}`",
                other.escape_debug(),
                kind.document()
            )))
        }
        None => Ok(Document { kind: kind.document().to_owned(), name: name.to_owned(), id, enabled, spec }),
    }
}

/// What was changed, and nothing beside it.
pub(super) fn applied(_: &World, changed: &ApplyResponse) -> Result<Rendered, AdminFault> {
    Rendered::json(StatusCode::OK, changed)
}

/// What was written: 201 with its place for a new one, 200 otherwise, with its entity tag.
fn written(world: &World, kind: Kind, name: &str, changed: &ApplyResponse) -> Result<Rendered, AdminFault> {
    let ApplyResponse { changes, findings, sequence, dry_run } = changed.clone();
    let resource = world.find(kind, name).filter(|_| !dry_run);
    let is_new = changes.iter().any(|change| change.action == wire::Action::Create) && !dry_run;
    let body =
        Written { resource: resource.map(|resource| on_the_wire(resource)), changes, findings, sequence, dry_run };
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let etag = resource.map(|resource| tag_text(resource));
    let location = is_new.then(|| format!("/v1/{}s/{name}", kind.noun()));
    Ok(Rendered { etag, location, ..Rendered::json(status, &body)? })
}

/// The kind of a collection: its noun in the plural.
fn collection(kinds: &str) -> Result<Kind, AdminFault> {
    let named = |kind: &Kind| kinds.strip_suffix('s') == Some(kind.noun());
    Kind::ALL.into_iter().find(named).ok_or_else(|| AdminFault::NotFound("route does not exist".to_owned()))
}
