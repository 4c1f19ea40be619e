//! Resources: apply, list, get, delete, enable, disable.

use std::sync::Arc;

use accredit_api::admin::{self as wire, ApplyRequest, ApplyResponse, NamedResource, ResourceList, Status};
use accredit_core::model::{Document, Fault, Faults, KeysSpec, Kind, Resource, Signing};
use accredit_core::plan::{self, Action, Plan};
use accredit_store::{Change, Row};
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::json;

use super::problem::{AdminFault, Answer};
use crate::app::App;
use crate::read_model::InForce;
use crate::record::{self, StoreWork};
use crate::{chance, clock, provider};

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

pub(super) async fn apply(
    State(app): State<Arc<App>>,
    request: Result<Json<ApplyRequest>, JsonRejection>,
) -> Answer<ApplyResponse> {
    let Json(ApplyRequest { resources, dry_run, prune }) = request?;
    let documents: Vec<Document> = resources.into_iter().map(document).collect();
    let planner = |in_force: &InForce, app: &App| {
        plan::apply(&in_force.world, &documents, prune, &app.context(), &mut chance::bits)
    };
    carry_out(&app, "resources-applied", LOCAL, dry_run, planner).await
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    request: Result<Json<NamedResource>, JsonRejection>,
) -> Answer<ApplyResponse> {
    let Json(named) = request?;
    let kind = kind(&named.kind)?;
    exists(&app, kind, &named.name)?;
    let planner = |in_force: &InForce, app: &App| plan::delete(&in_force.world, kind, &named.name, &app.context());
    carry_out(&app, "resource-deleted", LOCAL, named.dry_run, planner).await
}

pub(super) async fn enable(
    State(app): State<Arc<App>>,
    request: Result<Json<NamedResource>, JsonRejection>,
) -> Answer<ApplyResponse> {
    set_enabled(app, request?.0, true, "resource-enabled").await
}

pub(super) async fn disable(
    State(app): State<Arc<App>>,
    request: Result<Json<NamedResource>, JsonRejection>,
) -> Answer<ApplyResponse> {
    set_enabled(app, request?.0, false, "resource-disabled").await
}

async fn set_enabled(app: Arc<App>, named: NamedResource, enabled: bool, event: &'static str) -> Answer<ApplyResponse> {
    let kind = kind(&named.kind)?;
    exists(&app, kind, &named.name)?;
    let planner =
        |in_force: &InForce, app: &App| plan::set_enabled(&in_force.world, kind, &named.name, enabled, &app.context());
    carry_out(&app, event, LOCAL, named.dry_run, planner).await
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Answer<ResourceList> {
    let Query(Wanted { kind: of, project }) = wanted?;
    let of = of.as_deref().map(kind).transpose()?;
    let in_force = app.read_model.now();
    let belongs = |resource: &&Arc<Resource>| {
        project.as_deref().is_none_or(|project| {
            resource.name.project() == Some(project)
                || resource.kind() == Kind::Project && resource.name.as_str() == project
        })
    };
    let kinds = Kind::ALL.into_iter().filter(|kind| of.is_none_or(|of| of == *kind));
    let resources = kinds
        .flat_map(|kind| in_force.world.of_kind(kind))
        .filter(belongs)
        .map(|resource| on_the_wire(resource))
        .collect();
    Ok(Json(ResourceList { resources, sequence: in_force.world.sequence }))
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    one: Result<Query<One>, QueryRejection>,
) -> Answer<wire::Resource> {
    let Query(One { kind: of, name }) = one?;
    let resource = exists(&app, kind(&of)?, &name)?;
    Ok(Json(on_the_wire(&resource)))
}

pub(super) async fn status(State(app): State<Arc<App>>) -> Answer<Status> {
    let in_force = app.read_model.now();
    let resources =
        Kind::ALL.into_iter().map(|kind| (kind.noun().to_owned(), in_force.world.of_kind(kind).len())).collect();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Json(Status { version, public_url: app.public_url.clone(), sequence: in_force.world.sequence, resources }))
}

/// Plans a change on what is in force, writes it with its record, and publishes it.
pub(crate) async fn carry_out(
    app: &App,
    event: &'static str,
    actor: &str,
    dry_run: bool,
    planner: impl FnOnce(&InForce, &App) -> Result<Plan, Faults>,
) -> Answer<ApplyResponse> {
    let _one_at_a_time = app.changing.lock().await;
    let before = app.read_model.now();
    let plan = planner(&before, app)?;
    check_sources(&plan, app)?;
    let mut response = told(&plan, dry_run, before.world.sequence);
    if dry_run || plan.puts.is_empty() && plan.deletes.is_empty() {
        return Ok(Json(response));
    }
    if plan.puts.iter().any(|put| put.as_api().is_some_and(|api| api.signing == Signing::Rs256)) {
        app.signing.ensure(Signing::Rs256, &app.recorder, clock::now()).await?;
    }
    // Making a key moved the sequence on; nobody else can have, as long as the lock is held.
    let expected_sequence = app.store.head().await?.sequence;
    let detail = record_of(&plan, &before);
    let change = Change {
        expected_sequence,
        puts: plan.puts.iter().map(|put| row(put)).collect(),
        deletes: plan.deletes.iter().map(|gone| (gone.kind().document().to_owned(), gone.id.to_string())).collect(),
        revokes: plan.revokes,
        records: vec![record::admin_act(event, clock::now(), actor, before.world.sequence, &detail)],
    };
    let head = app.recorder.work(StoreWork::Change(change)).await?;
    // A new provider's keys are made when it is first asked for: no decision can have known it before.
    app.renew_keys(plan.puts.iter().filter(|put| before.world.by_id(put.id).is_some()));
    let mut world = plan.next;
    world.sequence = head.sequence;
    app.read_model.publish(InForce { world, revocation: head.revocation });
    if plan.deletes.iter().any(|gone| gone.kind() == Kind::Provider) {
        app.provider_keys.retain(|id| plan.deletes.iter().all(|gone| gone.id != id));
    }
    tracing::info!(event, changes = response.changes.len(), sequence = head.sequence, "resources changed");
    response.sequence = head.sequence;
    Ok(Json(response))
}

/// What a provider's keys would be fetched from is judged when it is written (J06, J08, J09).
fn check_sources(plan: &Plan, app: &App) -> Result<(), AdminFault> {
    let mut faults = Vec::new();
    for put in &plan.puts {
        let Some(known) = put.as_provider().filter(|known| !matches!(known.keys, KeysSpec::Uploaded(_))) else {
            continue;
        };
        if let Err(fault) = app.provider_keys.judge(&provider::key_source(known)) {
            let document = plan.changes.iter().position(|change| change.id == put.id).unwrap_or_default();
            let field = if matches!(known.keys, KeysSpec::JwksUrl(_)) { "spec.keys.jwksUrl" } else { "spec.issuer" };
            let fault = Fault::at(field, fault.to_string()).in_document(document);
            faults.push(fault.hint("list the range in the server's config (`fetch.allow`), or upload the keys"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(AdminFault::Documents(Faults(faults))) }
}

pub(super) fn exists(app: &App, kind: Kind, name: &str) -> Result<Arc<Resource>, AdminFault> {
    let found = app.read_model.now().world.find(kind, name).cloned();
    found.ok_or_else(|| {
        let shown: String = name.chars().take(130).collect();
        AdminFault::NotFound(format!("{} `{}` does not exist", kind.noun(), shown.escape_debug()))
    })
}

pub(super) fn kind(text: &str) -> Result<Kind, AdminFault> {
    Kind::named(text).ok_or_else(|| AdminFault::Request(format!("`{}` is not a kind of resource", text.escape_debug())))
}

pub(super) fn document(resource: wire::Resource) -> Document {
    let wire::Resource { kind, name, id, enabled, spec } = resource;
    Document { kind, name, id, enabled, spec }
}

fn on_the_wire(resource: &Resource) -> wire::Resource {
    let Document { kind, name, id, enabled, spec } = resource.document();
    wire::Resource { kind, name, id, enabled, spec }
}

fn row(resource: &Resource) -> Row {
    Row {
        kind: resource.kind().document().to_owned(),
        id: resource.id.to_string(),
        owner: resource.project.map(|project| project.to_string()),
        name: resource.name.to_string(),
        enabled: resource.enabled,
        revision: resource.revision,
        body: resource.body(),
    }
}

/// What is put down about a change: what each resource was and is. A set too large for one record keeps names alone.
fn record_of(plan: &Plan, before: &InForce) -> serde_json::Value {
    let size: usize = plan.puts.iter().chain(&plan.deletes).map(|resource| resource.body().len() * 2 + 200).sum();
    if size <= MAX_RECORD {
        let after = plan.puts.iter().map(|put| {
            let before = before.world.by_id(put.id).map(|old| on_the_wire(old));
            json!({"before": before, "after": on_the_wire(put)})
        });
        let gone = plan.deletes.iter().map(|gone| json!({"before": on_the_wire(gone), "after": null}));
        return json!({"changes": after.chain(gone).collect::<Vec<_>>()});
    }
    let count = plan.puts.len() + plan.deletes.len();
    let puts = plan.puts.iter().map(|put| json!([put.id.to_string(), put.revision]));
    let gone = plan.deletes.iter().map(|gone| json!([gone.id.to_string(), null]));
    let names: Vec<_> = if count <= MAX_NAMES { puts.chain(gone).collect() } else { Vec::new() };
    json!({"changed": count, "resources": names})
}

fn told(plan: &Plan, dry_run: bool, sequence: i64) -> ApplyResponse {
    let change = |change: &plan::Change| wire::Change {
        action: match change.action {
            Action::Create => wire::Action::Create,
            Action::Delete => wire::Action::Delete,
            Action::Unchanged => wire::Action::Unchanged,
            Action::Update => wire::Action::Update,
        },
        kind: change.kind.document().to_owned(),
        name: change.name.to_string(),
        id: Some(change.id.to_string()).filter(|_| !(dry_run && change.action == Action::Create)),
        fields: change
            .fields
            .iter()
            .map(|field| wire::FieldChange {
                field: field.field.clone(),
                old: field.old.clone(),
                new: field.new.clone(),
            })
            .collect(),
        newly_allowed: change.newly_allowed.clone(),
    };
    let findings = plan.findings.iter().map(super::lint::on_the_wire);
    ApplyResponse {
        changes: plan.changes.iter().map(change).collect(),
        findings: findings.collect(),
        sequence,
        dry_run,
    }
}

/// Who the log says it was.
const LOCAL: &str = "local socket";
/// Well under what a record may have.
const MAX_RECORD: usize = 512 * 1024;
const MAX_NAMES: usize = 8000;
