//! Changing resources: planned on what is in force, judged by the actor's rights, written with its record, published.

use std::sync::Arc;

use accredit_api::admin::{self as wire, ApplyResponse};
use accredit_core::decide::access::{InRealm, Rights, Subject, Verb};
use accredit_core::model::{Document, Fault, Faults, KeysSpec, Kind, Resource, Signing};
use accredit_core::plan::{self, Action, Plan};
use accredit_core::world::World;
use accredit_store::{Row, StoreError};
use axum::Json;
use serde_json::Value;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::act_records::Done;
use super::actor::{Actor, Caller, Source};
use super::blot::Blot;
use super::precondition::Precondition;
use super::problem::{AdminFault, Answer};
use super::rendered::Rendered;
use crate::app::App;
use crate::read_model::InForce;
use crate::record::{RecordFault, StoreWork};
use crate::{clock, pinning, provider};

/// One act of administration.
pub(crate) struct Act<'a> {
    pub(crate) app: &'a App,
    pub(crate) caller: &'a Caller,
    /// What the audit log calls it.
    pub(crate) event: &'static str,
    /// Says what would happen, changes nothing.
    pub(crate) dry_run: bool,
    /// What is needed: reading is enough for whoever only asks what would differ.
    pub(crate) verb: Verb,
    /// What must hold of one resource when the change is made.
    pub(crate) precondition: Option<Precondition>,
}

/// What an act did, and how it is answered where it is.
type Answered = (ApplyResponse, Option<Rendered>);

/// Renders an answer from what is in force behind an act.
type Render<'r> = dyn Fn(&World, &ApplyResponse) -> Result<Option<Rendered>, AdminFault> + Sync + 'r;

impl Act<'_> {
    /// Carries the act out, all or nothing, one at a time. When another server changed something meanwhile, it is planned and
    /// judged anew on that.
    ///
    /// # Errors
    /// What keeps it from happening; nothing was written then.
    pub(crate) async fn carry_out(
        &self,
        planner: impl Fn(&InForce, &App) -> Result<Plan, Faults>,
    ) -> Result<ApplyResponse, AdminFault> {
        let render = |_: &World, _: &ApplyResponse| Ok(None);
        self.attempts(planner, &render).await.map(|(response, _)| response)
    }

    /// The same, and renders the answer from what is in force behind the act, before it is: where the request has an idempotency
    /// key, the answer is written with what it says, and given again to whoever asks again.
    ///
    /// # Errors
    /// What keeps it from happening; nothing was written then.
    pub(super) async fn answer(
        &self,
        planner: impl Fn(&InForce, &App) -> Result<Plan, Faults>,
        render: impl Fn(&World, &ApplyResponse) -> Result<Rendered, AdminFault> + Sync,
    ) -> Result<Rendered, AdminFault> {
        let render = |world: &World, response: &ApplyResponse| render(world, response).map(Some);
        let (_, rendered) = self.attempts(planner, &render).await?;
        rendered.ok_or_else(|| AdminFault::Unavailable("the answer could not be made".to_owned()))
    }

    async fn attempts(
        &self,
        planner: impl Fn(&InForce, &App) -> Result<Plan, Faults>,
        render: &Render<'_>,
    ) -> Result<Answered, AdminFault> {
        for _ in 0..ATTEMPTS {
            if let Some((response, rendered)) = self.attempt(&planner, render).await? {
                let has_domain = |change: &wire::Change| {
                    change.kind == Kind::TrustDomain.document() && change.action != wire::Action::Unchanged
                };
                if !response.dry_run && response.changes.iter().any(has_domain) {
                    self.app.found_new_domains().await;
                }
                return Ok((response, rendered));
            }
        }
        Err(AdminFault::Unavailable("other servers change resources all the time".to_owned()))
    }

    /// `None` when another server was faster.
    async fn attempt(
        &self,
        planner: impl Fn(&InForce, &App) -> Result<Plan, Faults>,
        render: &Render<'_>,
    ) -> Result<Option<Answered>, AdminFault> {
        let app = self.app;
        let _one_at_a_time = app.changing.lock().await;
        app.catch_up_meanwhile().await?;
        let before = app.read_model.now();
        // Behind catching up: what another server did under this key is in force here, and would be judged as somebody else's.
        // Whoever does it behind this is found by the sequence.
        if let Some(claim) = &self.caller.claim {
            claim.check_open(app).await?;
        }
        if let Some(precondition) = &self.precondition {
            precondition.check(&before.world)?;
        }
        let plan = aside(|| planner(&before, app)).map_err(|faults| self.blot(&before.world).faults(faults))?;
        self.check_rights(&plan, &before.world)?;
        check_sources(&plan, app)?;
        let mut response = told(&plan, self.dry_run, before.world.sequence, &self.blot(&before.world));
        if self.dry_run || plan.puts.is_empty() && plan.deletes.is_empty() {
            let rendered = render(&before.world, &response)?;
            return Ok(Some((response, rendered)));
        }
        let is_new_signer = plan.puts.iter().any(|put| put.as_api().is_some_and(|api| api.signing == Signing::Rs256));
        let has_made_keys = is_new_signer && app.ensure_signer(Signing::Rs256).await?;
        let expected_sequence = match app.store.is_shared() {
            true if has_made_keys => return Ok(None),
            true => before.world.sequence,
            // Keys move the sequence on; nobody else can have, as long as the lock is held.
            false => app.store.head().await?.sequence,
        };
        let Actor { name, .. } = &self.caller.actor;
        let by = self.caller.actor.recorded(self.caller.source, &before.world);
        // The change is this one or none, so its sequence is known, and with it all of the answer.
        response.sequence = expected_sequence + 1;
        let rendered = render(&plan.next, &response)?;
        let answer = self.caller.claim.as_ref().zip(rendered.as_ref()).and_then(|(claim, answer)| claim.keep(answer));
        let done = Done { event: self.event, at: clock::now(), actor: name, by, before: &before.world };
        let change = accredit_store::Change {
            expected_sequence,
            puts: plan.puts.iter().map(|put| row(put)).collect(),
            deletes: plan.deletes.iter().map(|gone| (gone.kind().document().to_owned(), gone.id.to_string())).collect(),
            unpins: plan.unpinned.iter().map(pinning::stored_key).collect(),
            revokes: plan.revokes,
            records: done.records(&plan),
            answer,
        };
        let head = match app.recorder.work(StoreWork::Change(change)).await {
            Ok(head) => head,
            Err(RecordFault::Store(fault)) if matches!(*fault, StoreError::Conflict { .. }) => return Ok(None),
            Err(fault) => return Err(fault.into()),
        };
        // A new provider's keys are made when it is first asked for: no decision can have known it before.
        app.renew_keys(plan.puts.iter().filter(|put| before.world.by_id(put.id).is_some()));
        let mut world = plan.next;
        world.sequence = head.sequence;
        app.read_model.publish(InForce { world, revocation: head.revocation }, &plan.unpinned);
        let has_bundles = |changed: &Arc<Resource>| matches!(changed.kind(), Kind::Federation | Kind::Provider);
        if plan.puts.iter().chain(&plan.deletes).any(has_bundles) {
            app.relations.follow(&app.read_model.now().world);
        }
        if plan.deletes.iter().any(|gone| matches!(gone.kind(), Kind::Federation | Kind::Provider)) {
            app.provider_keys.retain(|id| plan.deletes.iter().all(|gone| gone.id != id));
            app.watch.retain(|id| plan.deletes.iter().all(|gone| gone.id.to_string() != id));
            app.key_history.retain(|id| plan.deletes.iter().all(|gone| gone.id.to_string() != id));
        }
        if plan.puts.iter().chain(&plan.deletes).any(|touched| touched.kind() == Kind::TrustDomain) {
            app.signing.hurry();
        }
        // What is uploaded is seen from now on, also before the first token.
        let is_new = |put: &&Arc<Resource>| before.world.by_id(put.id).is_none();
        let is_upload = |put: &&Arc<Resource>| put.as_provider().is_some_and(|known| known.uploaded_keys().is_some());
        app.renew_keys(plan.puts.iter().filter(|put| is_new(put) && is_upload(put)));
        app.note_key_sets().await;
        let changes = response.changes.len();
        tracing::info!(
            event = "resources-changed",
            act = self.event,
            changes,
            sequence = head.sequence,
            actor = name,
            "resources changed"
        );
        Ok(Some((response, rendered)))
    }

    /// What somebody may not even read is refused before it is planned: a plan's faults tell of what there is.
    ///
    /// # Errors
    /// The first document that is out of reach.
    pub(crate) fn check_reach(&self, documents: &[Document]) -> Result<(), AdminFault> {
        let world = &self.app.read_model.now().world;
        for document in documents {
            let Some(kind) = Kind::named(&document.kind) else { continue };
            let subject = subject(kind, document, world);
            let is_new = subject.is_none_or(|subject| subject.id.is_none());
            let called = called(kind, &document.name);
            match subject {
                // What exists and stays as it is need only be readable, e.g. the provider that a set begins with.
                Some(subject) if !is_new => self.caller.actor.reaches(self.verb, &subject, &called)?,
                Some(subject) => self.caller.actor.may(self.verb, &subject, &called)?,
                None => self.caller.actor.reaches_nowhere(self.verb, kind, &called)?,
            }
        }
        Ok(())
    }

    fn check_rights(&self, plan: &Plan, before: &World) -> Result<(), AdminFault> {
        let called = |resource: &Resource| called(resource.kind(), resource.name.as_str());
        for resource in plan.puts.iter().chain(&plan.deletes) {
            self.caller.actor.may(self.verb, &Subject::of(resource), &called(resource))?;
            if let Some(old) = before.by_id(resource.id) {
                self.caller.actor.may(self.verb, &Subject::of(old), &called(old))?;
            }
        }
        Ok(())
    }

    /// What of a sentence the caller may read.
    pub(super) fn blot<'b>(&'b self, world: &'b World) -> Blot<'b> {
        Blot { actor: &self.caller.actor, world }
    }
}

/// Does what may take seconds, such as compiling a hundred thousand mappings, while other threads serve everybody else.
///
/// What it makes and keeps also lies in memory of its own then: requests, which take and give back small pieces all the
/// time, would find theirs scattered between it.
pub(crate) fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Carries out what another way in has judged already, in the name of whoever came on it.
pub(crate) async fn carry_out(
    app: &App,
    event: &'static str,
    actor: &str,
    dry_run: bool,
    planner: impl Fn(&InForce, &App) -> Result<Plan, Faults>,
) -> Answer<ApplyResponse> {
    let actor = Actor { name: actor.to_owned(), rights: Rights::local() };
    let caller = Caller { actor, source: Source::default(), claim: None };
    let act = Act { app, caller: &caller, event, dry_run, verb: Verb::Write, precondition: None };
    act.carry_out(planner).await.map(Json)
}

/// What a document means to the rights: the resource that exists, else the place where it would be; `None` where its
/// project does not exist.
fn subject<'s>(kind: Kind, document: &'s Document, world: &'s World) -> Option<Subject<'s>> {
    if let Some(existing) = world.find(kind, &document.name) {
        return Some(Subject::of(existing));
    }
    match document.name.split_once('/') {
        None if kind == Kind::Cluster => {
            let said = |field: &str| document.spec.get(field).and_then(Value::as_str);
            let domain = said("trustDomain").and_then(|domain| world.find(Kind::TrustDomain, domain));
            let realm = domain.zip(said("realm")).map(|(domain, name)| InRealm { trust_domain: domain.id, name });
            Some(Subject { realm, ..Subject::new(kind, None) })
        }
        None => Some(Subject::new(kind, None)),
        Some((project, _)) => Some(Subject::new(kind, Some(world.find(Kind::Project, project)?.id))),
    }
}

/// A resource as a sentence names it.
pub(crate) fn called(kind: Kind, name: &str) -> String {
    let shown: String = name.chars().take(130).collect();
    format!("{} `{}`", kind.noun(), shown.escape_debug())
}

/// A resource on the wire, with its revision.
pub(crate) fn on_the_wire(resource: &Resource) -> wire::Resource {
    let Document { kind, name, id, enabled, spec } = resource.document();
    wire::Resource { kind, name, id, enabled, revision: Some(resource.revision), spec }
}

/// What a provider's keys would be fetched from is judged when it is written (J06, J08, J09, L20).
fn check_sources(plan: &Plan, app: &App) -> Result<(), AdminFault> {
    let mut faults = Vec::new();
    for put in &plan.puts {
        if let Some(federation) = put.as_federation()
            && let Err(fault) = app.fetcher().judge_endpoint(&federation.url)
        {
            let document = plan.changes.iter().position(|change| change.id == put.id).unwrap_or_default();
            let fault = Fault::at("spec.url", fault.to_string()).in_document(document);
            faults.push(fault.hint("list the range in the server's config (`fetch.allow`)"));
        }
        let Some(known) = put.as_provider().filter(|known| !matches!(known.keys, KeysSpec::Uploaded(_))) else {
            continue;
        };
        if let Err(fault) = app.provider_keys.judge(&provider::key_source(known)) {
            let document = plan.changes.iter().position(|change| change.id == put.id).unwrap_or_default();
            let field = match &known.keys {
                KeysSpec::JwksUrl(_) => "spec.keys.jwksUrl",
                KeysSpec::SpiffeBundle(_) => "spec.keys.spiffeBundle.url",
                _ => "spec.issuer",
            };
            let fault = Fault::at(field, fault.to_string()).in_document(document);
            faults.push(fault.hint("list the range in the server's config (`fetch.allow`), or upload the keys"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(AdminFault::Documents(Faults(faults))) }
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

fn told(plan: &Plan, dry_run: bool, sequence: i64, blot: &Blot<'_>) -> ApplyResponse {
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
        newly_allowed: change.newly_allowed.iter().map(|allowed| blot.text(allowed.clone())).collect(),
    };
    let findings = plan.findings.iter().map(|found| super::lint::on_the_wire(found, blot));
    ApplyResponse {
        changes: plan.changes.iter().map(change).collect(),
        findings: findings.collect(),
        sequence,
        dry_run,
    }
}

/// So often an act is planned anew because another server was faster.
const ATTEMPTS: u32 = 8;
