//! What was decided, by a decision's id.

use std::sync::Arc;

use accredit_api::admin::Explanation;
use accredit_core::model::{DecisionId, Kind};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::Deserialize;

use super::actor::Caller;
use super::filter::Head;
use super::problem::{AdminFault, Answer};
use super::{audit, explain, retold};
use crate::app::App;

/// Which decision is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    id: String,
}

/// What was decided, from the log or, for a token that nobody had vouched for, from the ring.
pub(super) async fn decision(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Answer<Explanation> {
    let Query(Asked { id }) = asked?;
    find(&app, &caller, &id).await
}

/// The same by its path.
pub(super) async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Answer<Explanation> {
    find(&app, &caller, &id?.0).await
}

async fn find(app: &App, caller: &Caller, id: &str) -> Answer<Explanation> {
    let (told, is_of_realm) = recorded(app, caller, id).await?;
    if is_of_realm {
        return Ok(Json(told));
    }
    let world = &app.read_model.now().world;
    let target = told.service_account.as_deref();
    let is_member = target.is_some_and(|account| caller.actor.reads_project_of(Kind::ServiceAccount, account, world));
    match caller.actor.rights.reads_everything() || is_member {
        true => Ok(Json(explain::readable(told, caller, &app.read_model.now()))),
        false => Err(unknown(id)),
    }
}

fn unknown(id: &str) -> AdminFault {
    let shown: String = id.chars().take(64).collect();
    AdminFault::NotFound(format!(
        "decision `{}` is not known; refusals of unverified tokens are kept for a while only",
        shown.escape_debug()
    ))
}

/// What was decided, and whether it was about a cluster of the caller's own realm.
async fn recorded(app: &App, caller: &Caller, id: &str) -> Result<(Explanation, bool), AdminFault> {
    let decision: DecisionId =
        id.parse().map_err(|fault: accredit_core::model::IdFault| AdminFault::Request(fault.to_string()))?;
    if let Some(refused) = app.ring.find(decision) {
        let explanation = explain::denial(refused.reason, refused.operator, refused.hint, refused.at, refused.sequence);
        let told = Explanation {
            decision: Some(decision.to_string()),
            standing: "not-verified".to_owned(),
            provider: refused.provider,
            service_account: refused.account,
            cluster: refused.cluster,
            ..explanation
        };
        return Ok((told, false));
    }
    let found = app.store.find_record(decision.bits()).await?;
    let found = found.ok_or_else(|| unknown(id))?;
    let detail = audit::detail(&found);
    let told = audit::explanation(&found, decision)
        .ok_or_else(|| AdminFault::NotFound(format!("`{decision}` is not a decision")))?;
    let told = match told.spiffe_id.is_some() {
        true => retold::svid(app, told, &detail).await?,
        false => told,
    };
    let world = &app.read_model.now().world;
    let is_readable = Head::of(&found.record.bytes).is_some_and(|head| head.is_for(&caller.actor, world));
    let is_of_realm = told.cluster.is_some() && is_readable;
    Ok((told, is_of_realm))
}
