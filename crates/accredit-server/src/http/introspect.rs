//! Token introspection (RFC 7662) for the owners of APIs.
//!
//! The caller authenticates by an access token of ours whose audience is its own API, and is told about tokens of that
//! audience alone. Everything else is `active: false` and nothing more: it may not exist, or not be theirs.

use std::net::IpAddr;

use accredit_core::model::Resource;
use accredit_id::json::Json;
use accredit_id::time::Timestamp;
use accredit_id::verify::{Buffer, Verified};
use accredit_store::StoreError;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::token::refused;
use super::{one_token, unavailable};
use crate::app::App;
use crate::{clock, issued};

/// Answers one request to `/oauth/introspect`.
pub(super) async fn answer(app: &App, request: Request<Incoming>, source: IpAddr) -> Response<Full<Bytes>> {
    if let Err(fault) = one_token::check(&request) {
        return refused(app, &fault, source);
    }
    let bearer = bearer(&request).map(str::to_owned);
    let now = clock::now();
    let api = match &bearer {
        None => return unauthenticated(false),
        Some(token) => match caller(app, token, now).await {
            Ok(Some(audience)) => audience,
            Ok(None) => return unauthenticated(true),
            Err(fault) => return unavailable(&fault),
        },
    };
    match one_token::read(request).await {
        Err(fault) => refused(app, &fault, source),
        Ok(token) => match introspect(app, &token, &api, now).await {
            Ok(told) => json_answer(StatusCode::OK, &told.unwrap_or_else(|| json!({"active": false}))),
            Err(fault) => unavailable(&fault),
        },
    }
}

/// The audience of the API that calls. Its own token must be active, else a disabled account could go on asking.
async fn caller(app: &App, token: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
    let Ok(audience) = issued::audience(token) else { return Ok(None) };
    let mut buffer = Buffer::default();
    let Ok(verified) = issued::genuine(app, token, &audience, &mut buffer, now) else { return Ok(None) };
    let in_force = app.read_model.now();
    Ok(issued::active(app, &verified, &in_force.world).await?.map(|_| audience))
}

async fn introspect(app: &App, token: &str, api: &str, now: Timestamp) -> Result<Option<Value>, StoreError> {
    let mut buffer = Buffer::default();
    let Ok(verified) = issued::genuine(app, token, api, &mut buffer, now) else { return Ok(None) };
    let in_force = app.read_model.now();
    let standing = issued::active(app, &verified, &in_force.world).await?;
    Ok(standing.map(|standing| {
        let scope: Vec<&str> = standing.permissions.iter().map(|permission| permission.as_str()).collect();
        told(&verified, &scope.join(" "), standing.project)
    }))
}

/// RFC 7662 section 2.2. `scope` is what is still granted of the token's own.
fn told(token: &Verified<'_>, scope: &str, project: &Resource) -> Value {
    json!({
        "active": true,
        "scope": scope,
        "client_id": token.claims().get("client_id").and_then(Json::as_str),
        "token_type": "Bearer",
        "exp": token.expires_at().unix(),
        "iat": token.issued_at().map(Timestamp::unix),
        "sub": token.subject(),
        "aud": token.audience(),
        "iss": token.issuer(),
        "jti": token.token_id(),
        "org_id": project.id.to_string(),
    })
}

/// RFC 6750 section 2.1.
fn bearer(request: &Request<Incoming>) -> Option<&str> {
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    let (scheme, token) = values.next()?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("Bearer") && values.next().is_none()).then(|| token.trim())
}

/// RFC 6750 section 3.
fn unauthenticated(shown: bool) -> Response<Full<Bytes>> {
    let sentence = "the caller is not known: expected an access token of its API as bearer";
    let mut response =
        json_answer(StatusCode::UNAUTHORIZED, &json!({"error": "invalid_token", "error_description": sentence}));
    let challenge = match shown {
        true => HeaderValue::from_static("Bearer realm=\"accredit\", error=\"invalid_token\""),
        false => HeaderValue::from_static("Bearer realm=\"accredit\""),
    };
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

pub(super) fn json_answer(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
