//! A change, tried on the decisions of the past: the log is walked backwards, and nothing of it is held.

use std::borrow::Cow;
use std::sync::Arc;

use accredit_api::admin::{
    LeftOut, ReplayChange, ReplayReport, ReplayRequest, ReplayTally, ReplayedChange, ReplayedSubject, ReplayedVerdict,
    Verdict,
};
use accredit_core::decide::access::{Subject, Verb};
use accredit_core::decide::{Ask, Held, Reason};
use accredit_core::model::{DecisionId, Document, Faults, Id, Kind};
use accredit_core::plan::{self, Plan};
use accredit_core::replay::{Changed, Recorded, Replay, Report, Side, Tally, What};
use accredit_core::world::World;
use accredit_id::json::{self, Json as Claim, Limits, Object};
use accredit_id::time::Timestamp;
use accredit_store::Found;
use accredit_store::audit::Value as Erasable;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::actor::Caller;
use super::body::Strict;
use super::change::Act;
use super::explain::typed;
use super::problem::{AdminFault, Answer};
use super::resources::existing;
use super::sets::{document, kind, prune};
use super::walk::back;
use crate::app::App;
use crate::record::MAX_UNLISTED;
use crate::{chance, clock};

/// Tries a change. Writes nothing, and waits for no other change.
pub(super) async fn replay(
    State(app): State<Arc<App>>,
    caller: Caller,
    Strict(ReplayRequest { change, period, top }): Strict<ReplayRequest>,
) -> Answer<ReplayReport> {
    let actor = &caller.actor;
    let in_force = app.read_model.now();
    let plan = planned(change, &in_force.world, &app, &caller)?;
    for change in &plan.changes {
        if let Some(resource) = in_force.world.by_id(change.id).or_else(|| plan.next.by_id(change.id)) {
            actor.may(Verb::Read, &Subject::of(resource), &format!("{} `{}`", change.kind.noun(), change.name))?;
        }
    }
    let now = clock::now();
    let since = now.minus(std::time::Duration::from_secs(period.into()));
    let mut replay = Replay::new(&in_force.world, &plan.next, &app.limits, now);
    let mut left_out = LeftOut::default();
    let is_whole = back(&app, since, |found| {
        if found.record.bytes.starts_with(DECISION) {
            take(&mut replay, &mut left_out, found, &|account| {
                actor.rights.reads_everything().then_some(Reader::OfAll).or_else(|| {
                    let account = account?;
                    let reads = actor.reads_project_of(Kind::ServiceAccount, account, &in_force.world);
                    reads.then_some(Reader::OfProjects)
                })
            });
        }
    })
    .await?;
    left_out.oldest = !is_whole;
    let top = usize::try_from(top.unwrap_or(TOP).clamp(1, MOST_TOLD)).unwrap_or_default();
    Ok(Json(told(replay.finish(top), left_out, [since, now], &in_force.world)))
}

/// The change as `apply`, `delete`, `enable` and `disable` would make it.
pub(super) fn planned(change: ReplayChange, world: &World, app: &App, caller: &Caller) -> Result<Plan, AdminFault> {
    let context = app.context();
    let act = Act { app, caller, event: "", dry_run: true, verb: Verb::Read, precondition: None };
    let planned: Result<Plan, Faults> = match change {
        ReplayChange::Apply(request) => {
            let prune = prune(app, caller, request.prune, request.project.as_deref())?;
            let documents: Vec<Document> = request.resources.into_iter().map(document).collect();
            act.check_reach(&documents)?;
            plan::apply(world, &documents, prune, &context, &mut chance::bits)
        }
        ReplayChange::Delete(named) => {
            let kind = kind(&named.kind)?;
            existing(app, caller, kind, &named.name)?;
            plan::delete(world, kind, &named.name, &context)
        }
        ReplayChange::Disable(named) => {
            let kind = kind(&named.kind)?;
            existing(app, caller, kind, &named.name)?;
            plan::set_enabled(world, kind, &named.name, false, &context)
        }
        ReplayChange::Enable(named) => {
            let kind = kind(&named.kind)?;
            existing(app, caller, kind, &named.name)?;
            plan::set_enabled(world, kind, &named.name, true, &context)
        }
    };
    planned.map_err(|faults| act.blot(world).faults(faults))
}

/// What is needed of the lasting part of a decision's record.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept<'r> {
    at: i64,
    #[serde(borrow)]
    provider_id: Option<Cow<'r, str>>,
    #[serde(borrow)]
    reason: Option<Cow<'r, str>>,
    #[serde(borrow)]
    mapping_id: Option<Cow<'r, str>>,
    mapping_revision: Option<i64>,
    #[serde(borrow)]
    service_account: Option<Cow<'r, str>>,
    #[serde(borrow)]
    asked_service_account: Option<Cow<'r, str>>,
    #[serde(borrow)]
    asked_mapping: Option<Cow<'r, str>>,
    #[serde(borrow)]
    asked_api: Option<Cow<'r, str>>,
    #[serde(borrow)]
    asked_scope: Option<Cow<'r, str>>,
    #[serde(borrow)]
    made_from: Option<Cow<'r, str>>,
    #[serde(borrow)]
    actor_provider_id: Option<Cow<'r, str>>,
    #[serde(borrow)]
    proof_key: Option<Cow<'r, str>>,
    #[serde(borrow)]
    certificate: Option<Cow<'r, str>>,
}

/// Who reads the answer.
enum Reader {
    /// Somebody who may read every decision.
    OfAll,
    /// Somebody who may read decisions about accounts of some projects (L23): each is decided for its account alone, so
    /// that the answer speaks of no other project's mappings.
    OfProjects,
}

fn take(
    replay: &mut Replay<'_>,
    left_out: &mut LeftOut,
    found: &Found,
    reader: &dyn Fn(Option<&str>) -> Option<Reader>,
) {
    let Ok(kept) = serde_json::from_slice::<Kept<'_>>(&found.record.bytes) else { return };
    let account = kept.asked_service_account.as_deref().or(kept.service_account.as_deref());
    let asked_account = match reader(account) {
        None => return,
        Some(Reader::OfAll) => kept.asked_service_account.as_deref(),
        Some(Reader::OfProjects) => account,
    };
    let Some(provider) = kept.provider_id.as_deref().and_then(|id| id.parse::<Id>().ok()) else { return };
    // A token of ours that came back rests on the decision that issued it, which is here for itself.
    if kept.made_from.is_some() {
        return;
    }
    // What is wrong with the token itself, with the request's proof, or with whom it speaks for, no resource mends.
    let mends = |reason: &&Reason| {
        !matches!(
            reason,
            Reason::ClientMismatch
                | Reason::TokenInactive
                | Reason::ProofReplayed
                | Reason::ActorUnacceptable
                | Reason::ActorExpired
        )
    };
    if kept.reason.as_deref().is_some_and(|code| Reason::ALL.iter().filter(mends).all(|reason| reason.code() != code)) {
        left_out.token_faults += 1;
        return;
    }
    if kept.actor_provider_id.is_some() {
        left_out.delegated += 1;
        return;
    }
    let value = match &found.record.value {
        Erasable::Present(value) => value,
        Erasable::Erased => {
            left_out.erased += 1;
            return;
        }
        Erasable::None => return,
    };
    let Ok(value) = json::object(value, &Limits::DOCUMENT) else { return };
    let nothing = Object::new();
    let claims = value.get("claims").and_then(Claim::as_object).unwrap_or(&nothing);
    let unlisted = value.get("unlisted").and_then(Claim::as_array).unwrap_or_default();
    let unlisted: Vec<&str> = unlisted.iter().filter_map(Claim::as_str).collect();
    let mapping = kept.mapping_id.as_deref().and_then(|id| id.parse::<Id>().ok());
    replay.take(&Recorded {
        decision: DecisionId::new(found.record.id),
        at: Timestamp::from_unix(kept.at),
        provider,
        claims,
        unlisted: &unlisted,
        unlisted_is_cut: unlisted.len() >= MAX_UNLISTED,
        ask: Ask {
            account: asked_account,
            mapping: kept.asked_mapping.as_deref(),
            api: kept.asked_api.as_deref(),
            scope: kept.asked_scope.as_deref(),
            lifetime: None,
            held: Held { proof_key: kept.proof_key.as_deref(), certificate: kept.certificate.as_deref() },
        },
        allowed_by: mapping.zip(kept.mapping_revision),
    });
}

fn told(report: Report, left_out: LeftOut, [since, until]: [Timestamp; 2], world: &World) -> ReplayReport {
    let Report { records, subjects, left_out: too_many_subjects, tallies, changed } = report;
    let tally = |what: What| {
        let Tally { subjects, records } =
            tallies.iter().find(|(other, _)| *other == what).map(|(_, tally)| *tally).unwrap_or_default();
        ReplayTally { subjects, records }
    };
    ReplayReport {
        since: since.to_string(),
        until: until.to_string(),
        records,
        subjects,
        newly_allowed: tally(What::NewlyAllowed),
        newly_denied: tally(What::NewlyDenied),
        otherwise: tally(What::Otherwise),
        unknown: tally(What::Unknown),
        left_out: LeftOut { too_many_subjects, ..left_out },
        unforeseen: UNFORESEEN.map(str::to_owned).into(),
        changes: changed.into_iter().map(|changed| subject(changed, world)).collect(),
        sequence: world.sequence,
    }
}

fn subject(changed: Changed, world: &World) -> ReplayedSubject {
    let Changed { what, subject, records, last, decision, before, after } = changed;
    let provider = world.by_id(subject.provider).map(|provider| provider.name.to_string());
    ReplayedSubject {
        change: match what {
            What::NewlyAllowed => ReplayedChange::NewlyAllowed,
            What::NewlyDenied => ReplayedChange::NewlyDenied,
            What::Otherwise => ReplayedChange::Otherwise,
            What::Unknown => ReplayedChange::Unknown,
        },
        provider: provider.unwrap_or_else(|| subject.provider.to_string()),
        claims: typed(&subject.claims),
        missing: subject.missing,
        asked_service_account: subject.account,
        asked_mapping: subject.mapping,
        asked_api: subject.api,
        asked_scope: subject.scope,
        records,
        last: last.to_string(),
        decision: decision.to_string(),
        before: verdict(before),
        after: verdict(after),
    }
}

fn verdict(side: Side) -> ReplayedVerdict {
    let Side { allowed, mappings, account, api, scope, lifetime, reason, summary, claims } = side;
    ReplayedVerdict {
        verdict: allowed.map(|allowed| if allowed { Verdict::Allow } else { Verdict::Deny }),
        mappings,
        service_account: account,
        api,
        scope,
        lifetime,
        reason: reason.map(str::to_owned),
        summary,
        unknown_claims: claims,
    }
}

/// How every record of a decision begins (`record/encode.rs`).
const DECISION: &[u8] = br#"{"event":"exchange-"#;
/// Records do not keep when a token ended, nor the token itself.
const UNFORESEEN: [&str; 2] = [
    "refusals for time, such as too-little-time-left and expired",
    "what other audiences, algorithms, keys or limits of a provider mean for tokens",
];

/// So many subjects of each kind are told unless the request says otherwise, and at most.
const TOP: u32 = 20;
const MOST_TOLD: u32 = 1000;
