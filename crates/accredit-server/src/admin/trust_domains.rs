//! How a trust domain is: where it is reached, and which keys it has.

use std::sync::Arc;

use accredit_api::admin::{KeySchedule, TrustDomainStatus, UpstreamStatus};
use accredit_core::keyring::{Key, State as KeyState};
use accredit_core::model::Kind;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::actor::Caller;
use super::keys;
use super::problem::{AdminFault, Answer};
use super::resources::existing;
use crate::app::App;
use crate::clock;
use crate::keys::Upstream;

/// Which trust domain.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wanted {
    trust_domain: String,
}

/// `GET /v1/trust-domain-status`.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Answer<TrustDomainStatus> {
    let Query(Wanted { trust_domain }) = wanted?;
    let resource = existing(&app, &caller, Kind::TrustDomain, &trust_domain)?;
    let gone = || AdminFault::NotFound(format!("trust domain `{}` does not exist", resource.name));
    let domain = resource.as_trust_domain().ok_or_else(gone)?;
    let (held, schedule) = app.keys().await?;
    let world = &app.read_model.now().world;
    let is_of_it = |key: &Key| key.slot.domain == Some(resource.id);
    let here = held.iter().filter(|held| is_of_it(&held.key) && held.key.life.state != KeyState::Removed);
    let keys = here.clone().map(|one| keys::told(one, &held, &schedule, world)).collect();
    let issuer = app.jwt_svid_issuer(resource.id);
    // A fault of it names files of the server.
    let upstream = caller.actor.rights.reads_everything().then_some(()).and_then(|()| {
        app.upstreams.get(domain.name.as_str()).map(|files| match Upstream::read(files, &domain.name, clock::now()) {
            Ok(upstream) => {
                UpstreamStatus { ends_at: Some(upstream.not_after().to_string()), code: None, message: None }
            }
            Err(fault) => {
                UpstreamStatus { ends_at: None, code: Some(fault.code().to_owned()), message: Some(fault.to_string()) }
            }
        })
    });
    let of_it = || held.iter().map(|held| &held.key).filter(|key| is_of_it(key));
    Ok(Json(TrustDomainStatus {
        id: resource.id.to_string(),
        trust_domain: domain.name.to_string(),
        status: if resource.enabled { "enabled" } else { "disabled" }.to_owned(),
        agent_endpoint: format!("{}/agent", app.public_url),
        bundle_endpoint: format!("{issuer}/bundle"),
        jwks_endpoint: format!("{issuer}/jwks"),
        discovery_endpoint: format!("{issuer}/.well-known/openid-configuration"),
        jwt_issuer: issuer,
        bundle_sequence: of_it().filter_map(|key| key.life.bundle).max(),
        schedule: KeySchedule {
            every_seconds: schedule.every.as_secs(),
            jwt_svid_cache_seconds: schedule.domains.jwt_cache.as_secs(),
            bundle_refresh_seconds: schedule.domains.bundle_refresh.as_secs(),
            confirm_seconds: schedule.domains.patience.as_secs(),
        },
        keys,
        upstream,
        keys_since: of_it().map(|key| key.life.created_at).min().map(|at| at.to_string()),
    }))
}
