//! SVIDs that an operator mints for a test, where the cluster's policy lets him: bounded by path, and recorded with his reason.

use std::sync::Arc;

use accredit_api::svid::{MintRequest, SvidResponse};
use accredit_core::decide::access::{Subject, Verb};
use accredit_core::model::Kind;
use axum::Json;
use axum::extract::State;

use super::actor::Caller;
use super::body::Strict;
use super::problem::{AdminFault, Answer};
use crate::app::App;
use crate::http::misfit;
use crate::issue::{Minting, mint as mint_svids};

/// Mints all that is asked for, or nothing. Who may ask, the roles say; what comes of it, the cluster's policy.
pub(super) async fn mint(
    State(app): State<Arc<App>>,
    caller: Caller,
    Strict(request): Strict<MintRequest>,
) -> Answer<SvidResponse> {
    let MintRequest { cluster, path, svids, reason } = &request;
    let length = reason.chars().count();
    if reason.trim().is_empty() || length > MOST_REASON {
        return Err(AdminFault::Request(format!("reason has {length} characters, expected 1 to {MOST_REASON}")));
    }
    if let Some(fault) = svids.iter().find_map(misfit) {
        return Err(AdminFault::Request(fault.sentence.to_owned()));
    }
    let in_force = app.read_model.now();
    let found = in_force.world.find(Kind::Cluster, cluster).filter(|found| caller.actor.reads(&Subject::of(found)));
    let found = found.ok_or_else(|| {
        let shown: String = cluster.chars().take(130).collect();
        AdminFault::NotFound(format!("cluster `{}` does not exist", shown.escape_debug()))
    })?;
    caller.actor.may(Verb::Mint, &Subject::of(found), &format!("cluster `{}`", found.name))?;
    let by = caller.actor.recorded(caller.source, &in_force.world);
    let minting = Minting { cluster: found, path, wanted: svids, operator: &caller.actor.name, by: &by, reason };
    mint_svids(&app, &in_force, minting).await.map(Json)
}

/// The longest reason, in characters.
const MOST_REASON: usize = 1000;
