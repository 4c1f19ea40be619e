//! What the server says about itself: discovery (OpenID Connect Discovery 1.0, RFC 8414), keys (RFC 7517), reasons.

use std::sync::Arc;

use accredit_core::decide::Reason;
use accredit_id::base64url;
use accredit_id::digest::sha256;
use accredit_id::jose::{Algorithm, Algorithms, dpop};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use serde_json::json;

use crate::app::App;
use crate::faces::CODES;
use crate::signing::PublishedKeys;
use crate::{health, resource_metadata, trust_domains};

/// The routes of everything public but the token endpoint.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/.well-known/oauth-authorization-server", get(discovery))
        .route("/.well-known/oauth-protected-resource/{*rest}", get(resource_metadata::document))
        .route("/oauth/jwks", get(jwks))
        .route("/oauth/reasons", get(reasons))
        .with_state(Arc::clone(&app))
        .merge(trust_domains::router(Arc::clone(&app)))
        .merge(health::router(app))
}

async fn discovery(State(app): State<Arc<App>>, headers: HeaderMap) -> Response<Body> {
    let url = &app.public_url;
    let document = json!({
        "issuer": url,
        "token_endpoint": format!("{url}/oauth/token"),
        "jwks_uri": format!("{url}/oauth/jwks"),
        "grant_types_supported": [
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "client_credentials",
        ],
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt", "spiffe_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": Algorithms::ASYMMETRIC.iter().map(Algorithm::as_str).collect::<Vec<_>>(),
        "introspection_endpoint": format!("{url}/oauth/introspect"),
        "introspection_endpoint_auth_methods_supported": ["Bearer"],
        "revocation_endpoint": format!("{url}/oauth/revoke"),
        "revocation_endpoint_auth_methods_supported": ["none"],
        "dpop_signing_alg_values_supported": dpop::ALGORITHMS.iter().map(Algorithm::as_str).collect::<Vec<_>>(),
        "tls_client_certificate_bound_access_tokens": app.binds_certificates,
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
    });
    cacheable(&headers, &document.to_string(), "application/json")
}

/// The keys by which our access tokens are verified.
async fn jwks(State(app): State<Arc<App>>, headers: HeaderMap) -> Response<Body> {
    let PublishedKeys { json, cache_control } = app.published_keys().await;
    let mut response = cacheable(&headers, &json, "application/jwk-set+json");
    if let Ok(cache_control) = HeaderValue::from_str(&cache_control) {
        response.headers_mut().insert(header::CACHE_CONTROL, cache_control);
    }
    response
}

/// A page for `error_uri`: every code that a caller may be told, a line each. Those of policy come first, in the order of
/// the road.
async fn reasons(headers: HeaderMap) -> Response<Body> {
    let mut page = String::new();
    let policy = Reason::ALL.into_iter().map(|reason| (reason.caller_code(), reason.caller_sentence()));
    for (code, sentence) in policy.chain(CODES.iter().copied()) {
        let line = format!("{code}: {sentence}\n");
        if !page.contains(&line) {
            page.push_str(&line);
        }
    }
    cacheable(&headers, &page, "text/plain; charset=utf-8")
}

/// An answer with an `ETag`, or 304 to whoever has it (RFC 9110 section 13.1.2).
pub(crate) fn cacheable(headers: &HeaderMap, body: &str, content_type: &'static str) -> Response<Body> {
    let tag = format!("\"{}\"", base64url::encode(&sha256(body.as_bytes())[..16]));
    let has_it = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).is_some_and(|tags| {
        tags.split(',').any(|other| other.trim().trim_start_matches("W/") == tag || other.trim() == "*")
    });
    let mut response = match has_it {
        true => Response::new(Body::empty()),
        false => Response::new(Body::from(body.to_owned())),
    };
    if has_it {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Five minutes. Keys say for themselves how long they may be kept ([`App::published_keys`]).
const CACHE: &str = "public, max-age=300";
