//! What a trust domain says about itself: discovery (OpenID Connect Discovery 1.0), keys (RFC 7517), its SPIFFE bundle.
//!
//! Whoever reads these has the URL from a configuration of his own, so there is one for each trust domain, by its id: a name
//! may be given to another one later. What is unknown, disabled or deleted is not there.

use std::sync::Arc;
use std::time::Duration;

use accredit_core::model::Id;
use accredit_id::jose::Algorithm;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use serde_json::json;

use super::Published;
use crate::app::App;
use crate::documents::cacheable;

/// The routes below `/td`.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/td/{id}/.well-known/openid-configuration", get(discovery))
        .route("/td/{id}/jwks", get(jwks))
        .route("/td/{id}/bundle", get(bundle))
        .with_state(app)
}

/// What AWS, Azure, Google, OpenAI and Anthropic read of an issuer: that it is who they asked for, where its keys are, and
/// with what it signs. SVIDs come by other ways than a browser's, so no other endpoint is named.
async fn discovery(State(app): State<Arc<App>>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let Some((id, published)) = found(&app, &id).await else { return not_found() };
    let document = discovery_document(&app, id, &published);
    let max_age = app.signing.schedule().domains.jwt_cache;
    answer(&headers, &document, "application/json", max_age, &published)
}

/// The keys by which its JWT-SVIDs are verified: a few, however many servers there are, since they share them.
async fn jwks(State(app): State<Arc<App>>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let Some((_, published)) = found(&app, &id).await else { return not_found() };
    let max_age = app.signing.schedule().domains.jwt_cache;
    answer(&headers, &published.of_domain.jwks, "application/jwk-set+json", max_age, &published)
}

/// Its bundle (SPIFFE Trust Domain and Bundle section 4), for profile `https_web` (SPIFFE Federation section 5.2.1).
async fn bundle(State(app): State<Arc<App>>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let Some((_, published)) = found(&app, &id).await else { return not_found() };
    let max_age = app.signing.schedule().domains.bundle_refresh;
    answer(&headers, &published.of_domain.bundle, "application/json", max_age, &published)
}

/// Each document as it is served, by its path below the issuer's URL; keys first, so that who copies them in this order never
/// shows a place of keys where there are none.
pub(crate) fn all(app: &App, id: Id, published: &Published) -> [(&'static str, String); 3] {
    let of_domain = &published.of_domain;
    [
        ("jwks", of_domain.jwks.to_string()),
        ("bundle", of_domain.bundle.to_string()),
        (".well-known/openid-configuration", discovery_document(app, id, published)),
    ]
}

fn discovery_document(app: &App, id: Id, published: &Published) -> String {
    let issuer = app.jwt_svid_issuer(id);
    let document = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported":
            published.of_domain.algorithms.iter().map(|algorithm| Algorithm::as_str(*algorithm)).collect::<Vec<_>>(),
        "claims_supported": ["iss", "sub", "aud", "exp", "iat"],
    });
    document.to_string()
}

async fn found(app: &App, id: &str) -> Option<(Id, Published)> {
    let id: Id = id.parse().ok()?;
    Some((id, app.published_by(id).await?))
}

fn answer(
    headers: &HeaderMap,
    document: &str,
    content_type: &'static str,
    max_age: Duration,
    published: &Published,
) -> Response<Body> {
    let mut response = cacheable(headers, document, content_type);
    let cache_control = match published.is_recent {
        true => format!("public, max-age={}", max_age.as_secs()),
        false => "no-cache".to_owned(),
    };
    if let Ok(cache_control) = HeaderValue::from_str(&cache_control) {
        response.headers_mut().insert(header::CACHE_CONTROL, cache_control);
    }
    response
}

/// One that has just been created has its keys a moment later: nobody is to keep that it is not there.
fn not_found() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
