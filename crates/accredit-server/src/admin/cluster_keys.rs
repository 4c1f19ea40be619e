//! The keys by which a cluster judges its jobs: how they are, issuer by issuer.

use std::sync::Arc;

use accredit_api::admin::{ClusterKeys, JobIssuerKeys, KeyTally};
use accredit_core::model::{AllowedIssuer, Kind};
use accredit_id::time::Timestamp;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::actor::Caller;
use super::problem::{AdminFault, Answer};
use super::provider_keys::{add, told_held, told_keys, warnings};
use super::resources::existing;
use crate::app::App;
use crate::clock;

/// Whose jobs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    cluster: String,
}

/// `GET /v1/cluster-keys`. Fetches nothing: whoever looks changes nothing.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Answer<ClusterKeys> {
    let Query(Wanted { cluster }) = wanted?;
    let resource = existing(&app, &caller, Kind::Cluster, &cluster)?;
    let gone = || AdminFault::NotFound(format!("cluster `{}` does not exist", resource.name));
    let jwt = &resource.as_cluster().ok_or_else(gone)?.attestation.jwt;
    let now = clock::now();
    Ok(Json(ClusterKeys {
        cluster: resource.name.to_string(),
        takes_jobs: jwt.enabled && resource.enabled,
        issuers: jwt.allowed_issuers.iter().map(|entry| told(&app, entry, now)).collect(),
    }))
}

/// The keys of all issuers of jobs in numbers, each once, however many clusters list it.
pub(super) fn tally(app: &App) -> KeyTally {
    let mut all: Vec<_> = app.keys_by_cluster(clock::now()).into_iter().flat_map(|cluster| cluster.health).collect();
    all.sort_by_key(|(id, _)| *id);
    all.dedup_by_key(|(id, _)| *id);
    let mut tally = KeyTally::default();
    all.iter().for_each(|(_, health)| add(&mut tally, health));
    tally
}

fn told(app: &App, entry: &AllowedIssuer, now: Timestamp) -> JobIssuerKeys {
    let known = &*entry.provider;
    let keys = app.keys_of_job(known);
    let (health, latest) = (keys.health(now), keys.latest());
    let told = latest.as_ref().map(|(set, _)| told_keys(set, known)).unwrap_or_default();
    let warnings = warnings(&health, &told, health.fetched_at, &[], now);
    JobIssuerKeys {
        issuer: known.issuer.clone(),
        audiences: known.audiences.clone(),
        held: told_held(&health, latest.as_ref(), told, health.fetched_at, warnings),
    }
}
