//! What federations hold of their foreign trust domains.

use std::sync::Arc;

use accredit_api::admin::{DroppedBundleEntry, FederationAuthority, FederationBundle, RefreshFederationRequest};
use accredit_core::decide::access::{Subject, Verb};
use accredit_core::model::{FederationProfile, Kind, Resource};
use accredit_id::svid::authority::Authority;
use accredit_id::time::Timestamp;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::actor::Caller;
use super::body::Strict;
use super::problem::{AdminFault, Answer};
use super::provider_keys::{told_fault, told_key};
use super::resources::existing;
use crate::app::App;
use crate::clock;
use crate::gather::Relation;

/// Whose bundle.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    federation: String,
}

/// `GET /v1/federation-bundle`. Fetches nothing: whoever looks changes nothing.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    of: Result<Query<Of>, QueryRejection>,
) -> Answer<FederationBundle> {
    let Query(Of { federation }) = of?;
    let federation = existing(&app, &caller, Kind::Federation, &federation)?;
    told(&app, &federation)
}

/// `POST /v1/federation-bundle/refresh`. Whoever may write the federation may hurry it.
pub(super) async fn refresh(
    State(app): State<Arc<App>>,
    caller: Caller,
    Strict(request): Strict<RefreshFederationRequest>,
) -> Answer<FederationBundle> {
    let RefreshFederationRequest { federation } = request;
    let federation = existing(&app, &caller, Kind::Federation, &federation)?;
    caller.actor.may(Verb::Write, &Subject::of(&federation), &format!("federation `{}`", federation.name))?;
    app.refresh_bundle_now(federation.id).await;
    told(&app, &federation)
}

fn told(app: &App, federation: &Resource) -> Answer<FederationBundle> {
    let gone = || AdminFault::NotFound(format!("federation `{}` does not exist", federation.name));
    let relation = app.relations.find(federation.id).ok_or_else(gone)?;
    let (held, attempts) = (relation.held(), relation.attempts());
    let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
    let since = held.as_ref().map(|held| Timestamp::from_unix(held.kept.fetched_at));
    let heard_at = attempts.confirmed_at.max(since);
    Ok(Json(FederationBundle {
        federation: federation.name.to_string(),
        foreign_trust_domain: relation.terms.trust_domain.clone(),
        url: relation.terms.url.clone(),
        profile: match relation.terms.profile {
            FederationProfile::HttpsWeb => "https_web",
            FederationProfile::HttpsSpiffe => "https_spiffe",
        }
        .to_owned(),
        state: state(&relation).to_owned(),
        sequence: held.as_ref().and_then(|held| held.sequence),
        refresh_hint: held.as_ref().and_then(|held| held.refresh_hint),
        since: text(since),
        confirmed_at: text(attempts.confirmed_at),
        age: heard_at.map(|heard_at| clock::now().seconds_since(heard_at).max(0)),
        next_refresh: text(attempts.next_at),
        tried_at: text(attempts.began_at),
        last_error: attempts.last_error.as_deref().map(told_fault),
        fetches: attempts.fetches,
        failures: attempts.failures,
        keys: held.iter().flat_map(|held| held.jwt.keys()).map(|key| told_key(key, false)).collect(),
        authorities: held.iter().flat_map(|held| &held.x509).map(told_authority).collect(),
        dropped: held
            .iter()
            .flat_map(|held| &held.dropped)
            .map(|entry| DroppedBundleEntry {
                index: entry.index,
                kid: entry.kid.to_string(),
                reason: entry.fault.to_string(),
            })
            .collect(),
    }))
}

fn state(relation: &Relation) -> &'static str {
    let has_failed = relation.attempts().last_error.is_some();
    match relation.held() {
        _ if !relation.terms.enabled => "disabled",
        None if has_failed => "failing",
        None => "waiting",
        Some(held) if held.jwt.is_empty() && held.x509.is_empty() => "revoked",
        Some(_) if has_failed => "stale",
        Some(_) => "fresh",
    }
}

fn told_authority(authority: &Authority) -> FederationAuthority {
    FederationAuthority {
        fingerprint: authority.fingerprint(),
        names: authority.uris().map(str::to_owned).collect(),
        not_before: authority.not_before().to_string(),
        not_after: authority.not_after().to_string(),
    }
}
