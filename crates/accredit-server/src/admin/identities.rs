//! A change, tried on the identities that a cluster gave: which recorded SPIFFE IDs it would change.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use accredit_api::admin::{
    IdentitiesLeftOut, IdentityChange, IdentityReplayReport, IdentityReplayRequest, IdentityVerdict, ReplayedIdentity,
};
use accredit_core::decide::access::{Subject, Verb};
use accredit_core::decide::issue::Entrance;
use accredit_core::model::{DecisionId, Id, Kind};
use accredit_core::replay::{Again, ChangedIdentity, IdentityReplay, RecordedIdentity};
use accredit_id::json::{self, Json as Claim, Limits, Object};
use accredit_id::time::Timestamp;
use accredit_store::Found;
use accredit_store::audit::Value as Erasable;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::actor::Caller;
use super::body::Strict;
use super::filter::Head;
use super::problem::Answer;
use super::replay::planned;
use super::resources::existing;
use super::walk::back;
use crate::app::App;
use crate::clock;
use crate::record::MAX_UNLISTED;

/// Tries a change. Writes nothing, and waits for no other change.
pub(super) async fn replay(
    State(app): State<Arc<App>>,
    caller: Caller,
    Strict(IdentityReplayRequest { cluster, change, period, top }): Strict<IdentityReplayRequest>,
) -> Answer<IdentityReplayReport> {
    let actor = &caller.actor;
    let cluster = existing(&app, &caller, Kind::Cluster, &cluster)?;
    let in_force = app.read_model.now();
    let plan = planned(change, &in_force.world, &app, &caller)?;
    for change in &plan.changes {
        if let Some(resource) = in_force.world.by_id(change.id).or_else(|| plan.next.by_id(change.id)) {
            actor.may(Verb::Read, &Subject::of(resource), &format!("{} `{}`", change.kind.noun(), change.name))?;
        }
    }
    let now = clock::now();
    let since = now.minus(Duration::from_secs(period.into()));
    let mut replay = IdentityReplay::new(&in_force.world, &plan.next);
    let mut left_out = IdentitiesLeftOut::default();
    let may_read =
        |found: &Found| Head::of(&found.record.bytes).is_some_and(|head| head.is_for(actor, &in_force.world));
    let is_whole = back(&app, since, |found| {
        if found.record.bytes.starts_with(ISSUED) && may_read(found) {
            take(&mut replay, &mut left_out, cluster.id, found);
        }
    })
    .await?;
    let report = replay.finish();
    left_out.oldest = !is_whole;
    left_out.too_many = report.left_out;
    let top = usize::try_from(top.unwrap_or(TOP).clamp(1, MOST_TOLD)).unwrap_or_default();
    Ok(Json(IdentityReplayReport {
        cluster: cluster.name.to_string(),
        since: since.to_string(),
        until: now.to_string(),
        oldest: report.oldest.map(|at| at.to_string()),
        records: report.records,
        identities: report.identities,
        same: report.same,
        changed: report.identities - report.same,
        left_out,
        changes: report.changed.into_iter().take(top).map(told).collect(),
        sequence: in_force.world.sequence,
    }))
}

/// What is needed of the lasting part of an issuance's record.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept<'r> {
    at: i64,
    #[serde(borrow)]
    cluster_id: Cow<'r, str>,
    #[serde(borrow)]
    spiffe_id: Cow<'r, str>,
    /// Of a job's token; an operator shows none.
    #[serde(borrow)]
    issuer: Option<Cow<'r, str>>,
}

fn take(replay: &mut IdentityReplay<'_>, left_out: &mut IdentitiesLeftOut, cluster: Id, found: &Found) {
    let Ok(kept) = serde_json::from_slice::<Kept<'_>>(&found.record.bytes) else { return };
    if kept.cluster_id.parse() != Ok(cluster) {
        return;
    }
    let Some(issuer) = kept.issuer.as_deref() else {
        left_out.minted += 1;
        return;
    };
    let Erasable::Present(value) = &found.record.value else {
        left_out.erased += 1;
        return;
    };
    let Ok(value) = json::object(value, &Limits::DOCUMENT) else { return };
    let nothing = Object::new();
    let claims = value.get("claims").and_then(Claim::as_object).unwrap_or(&nothing);
    let unlisted = value.get("unlisted").and_then(Claim::as_array).unwrap_or_default();
    let unlisted: Vec<&str> = unlisted.iter().filter_map(Claim::as_str).collect();
    replay.take(&RecordedIdentity {
        decision: DecisionId::new(found.record.id),
        at: Timestamp::from_unix(kept.at),
        cluster,
        issuer,
        // Jobs that come through an agent are not recorded as such: there are none yet.
        path: Entrance::Direct,
        claims,
        unlisted: &unlisted,
        unlisted_is_cut: unlisted.len() >= MAX_UNLISTED,
        spiffe_id: &kept.spiffe_id,
    });
}

fn told(changed: ChangedIdentity) -> ReplayedIdentity {
    let ChangedIdentity { spiffe_id, before, after, records, last, decision } = changed;
    let change = match (&before, &after) {
        (Again::Unknown(_), _) | (_, Again::Unknown(_)) => IdentityChange::Unknown,
        (Again::Refused(_), _) => IdentityChange::Admitted,
        (Again::Given(_), Again::Refused(_)) => IdentityChange::Refused,
        (Again::Given(_), Again::Given(_)) => IdentityChange::Renamed,
    };
    ReplayedIdentity {
        spiffe_id: spiffe_id.into(),
        change,
        before: verdict(before),
        after: verdict(after),
        records,
        last: last.to_string(),
        decision: decision.to_string(),
    }
}

fn verdict(again: Again) -> IdentityVerdict {
    let nothing = IdentityVerdict::default();
    match again {
        Again::Given(id) => IdentityVerdict { spiffe_id: Some(id.to_string()), ..nothing },
        Again::Refused(denial) => {
            IdentityVerdict { reason: Some(denial.reason.code().to_owned()), summary: Some(denial.operator), ..nothing }
        }
        Again::Unknown(claim) => IdentityVerdict { unknown_claim: Some(claim), ..nothing },
    }
}

/// How every record of an issuance begins (`record/svid.rs`).
const ISSUED: &[u8] = br#"{"event":"svid-issued""#;
/// So many SPIFFE IDs are told unless the request says otherwise, and at most.
const TOP: u32 = 20;
const MOST_TOLD: u32 = 1000;
