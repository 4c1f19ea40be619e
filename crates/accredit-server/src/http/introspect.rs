//! Token introspection (RFC 7662) for the owners of APIs.
//!
//! The caller authenticates by an access token of ours whose audience is its own API, with a proof where the token is bound to
//! a key, and is told about tokens of that audience alone. Everything else is `active: false` and nothing more: it may not exist, or not be theirs.

use std::net::IpAddr;

use accredit_core::model::Resource;
use accredit_id::jose::dpop::ProofFault;
use accredit_id::json::Json;
use accredit_id::time::Timestamp;
use accredit_id::verify::{Buffer, Verified};
use accredit_store::StoreError;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::token::{refused, throttled};
use super::{one_token, unavailable};
use crate::app::App;
use crate::binding::{NotProven, Presented, Scheme};
use crate::budget::{Cost, Spent};
use crate::dpop::{PROOF, ProofRefused};
use crate::faces::FALLBACK;
use crate::{clock, issued};

/// Why nothing is said about a token.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another server may have revoked it.
    #[error("what other servers revoke cannot be followed")]
    Blind,
    /// The caller's proof cannot be remembered, so it could be shown again.
    #[error("the caller's proof cannot be remembered")]
    Memory,
    /// The caller has asked too often.
    #[error("the caller has asked too often")]
    Spent(Spent),
}

/// Answers one request to `/oauth/introspect`.
pub(super) async fn answer(app: &App, request: Request<Incoming>, source: IpAddr) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let mut response = answer_parts(app, &head, body, source).await;
    if head.headers.contains_key(PROOF) {
        app.proofs.tell_nonce(response.headers_mut(), clock::now());
    }
    response
}

async fn answer_parts(app: &App, head: &Parts, body: Incoming, source: IpAddr) -> Response<Full<Bytes>> {
    if let Err(fault) = one_token::check(head) {
        return refused(app, &fault, source);
    }
    let now = clock::now();
    let Some(shown) = Presented::of(head) else { return unauthenticated(app, BEARER, source) };
    let api = match caller(app, shown, head, now).await {
        Ok(Ok(audience)) => audience,
        Ok(Err(challenge)) => return unauthenticated(app, challenge, source),
        Err(Unanswered::Memory) => return refused(app, &ProofRefused::Unremembered.into(), source),
        Err(Unanswered::Spent(spent)) => return throttled(app, FALLBACK, spent, source),
        Err(fault) => return unavailable(&fault),
    };
    app.budgets.served(source);
    match one_token::read(body).await {
        Err(fault) => refused(app, &fault, source),
        Ok(token) => match introspect(app, &token, &api, now).await {
            Ok(told) => json_answer(StatusCode::OK, &told.unwrap_or_else(|| json!({"active": false}))),
            Err(fault) => unavailable(&fault),
        },
    }
}

/// The audience of the API that calls, or how to challenge it. Its own token must be active, else a disabled account could go
/// on asking; and one that is bound is nobody's who does not prove it (I10).
async fn caller(
    app: &App,
    shown: Presented<'_>,
    head: &Parts,
    now: Timestamp,
) -> Result<Result<String, &'static str>, Unanswered> {
    follows(app)?;
    let refused = match shown.scheme {
        Scheme::Bearer => BEARER_REFUSED,
        Scheme::Dpop => DPOP_REFUSED,
    };
    let Ok(audience) = issued::audience(shown.token) else { return Ok(Err(refused)) };
    let mut buffer = Buffer::default();
    let Ok(verified) = issued::genuine(app, shown.token, &audience, &mut buffer, now) else { return Ok(Err(refused)) };
    let in_force = app.read_model.now();
    if issued::active(app, &verified, &in_force.world).await?.is_none() {
        return Ok(Err(refused));
    }
    Ok(match shown.check(&verified, head, (&app.proofs_of_apis, &app.recorder), now).await {
        Ok(()) => app.budgets.asks(verified.subject()).map(|()| Ok(audience)).map_err(Unanswered::Spent)?,
        Err(NotProven::Proof(ProofRefused::Unremembered)) => return Err(Unanswered::Memory),
        Err(NotProven::Proof(ProofRefused::Fault(ProofFault::Nonce))) => Err(NONCE_WANTED),
        Err(NotProven::Proof(_)) => Err(PROOF_REFUSED),
        Err(NotProven::Scheme | NotProven::Certificate) => Err(refused),
    })
}

async fn introspect(app: &App, token: &str, api: &str, now: Timestamp) -> Result<Option<Value>, Unanswered> {
    // Once more: the caller may have taken his time with the body.
    follows(app)?;
    let mut buffer = Buffer::default();
    let Ok(verified) = issued::genuine(app, token, api, &mut buffer, now) else { return Ok(None) };
    let in_force = app.read_model.now();
    let standing = issued::active(app, &verified, &in_force.world).await?;
    Ok(standing.map(|standing| {
        let scope: Vec<&str> = standing.permissions.iter().map(|permission| permission.as_str()).collect();
        told(&verified, &scope.join(" "), standing.project)
    }))
}

/// Whatever other servers have revoked or disabled is known here, as far as it can be.
fn follows(app: &App) -> Result<(), Unanswered> {
    if app.following.is_blind() { Err(Unanswered::Blind) } else { Ok(()) }
}

/// RFC 7662 section 2.2. `scope` is what is still granted of the token's own.
fn told(token: &Verified<'_>, scope: &str, project: &Resource) -> Value {
    // An API that asks must hold the token's bearer to what it is bound to, as one that verifies by itself does.
    let bound = token.claims().get("cnf");
    let is_proved = bound.and_then(Json::as_object).is_some_and(|bound| bound.get("jkt").is_some());
    let token_type = if is_proved { "DPoP" } else { "Bearer" };
    let mut told = json!({
        "active": true,
        "scope": scope,
        "client_id": token.claims().get("client_id").and_then(Json::as_str),
        "token_type": token_type,
        "exp": token.expires_at().unix(),
        "iat": token.issued_at().map(Timestamp::unix),
        "sub": token.subject(),
        "aud": token.audience(),
        "iss": token.issuer(),
        "jti": token.token_id(),
        "org_id": project.id.to_string(),
    });
    // So must it know that somebody else acts than whom the token is about (RFC 8693 section 4.1).
    let others = [("cnf", bound), ("act", token.claims().get("act"))];
    if let Some(members) = told.as_object_mut() {
        let said = others.into_iter().filter_map(|(name, claim)| Some((name.to_owned(), claim?)));
        members.extend(said.map(|(name, claim)| (name, serde_json::to_value(claim).unwrap_or_default())));
    }
    told
}

/// RFC 6750 section 3, RFC 9449 section 7.1.
fn unauthenticated(app: &App, challenge: &'static str, source: IpAddr) -> Response<Full<Bytes>> {
    let cost = if challenge == NONCE_WANTED { Cost::Nonce } else { Cost::Verification };
    app.budgets.failed(source, cost);
    let (error, sentence) = match challenge {
        NONCE_WANTED => ("use_dpop_nonce", "the DPoP proof needs the nonce of this answer"),
        PROOF_REFUSED => ("invalid_dpop_proof", "the DPoP proof does not hold for the token and this request"),
        _ => ("invalid_token", "the caller is not known: expected an access token of its API as bearer"),
    };
    let mut response = json_answer(StatusCode::UNAUTHORIZED, &json!({"error": error, "error_description": sentence}));
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
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

const BEARER: &str = "Bearer realm=\"accredit\"";
const BEARER_REFUSED: &str = "Bearer realm=\"accredit\", error=\"invalid_token\"";
const DPOP_REFUSED: &str = "DPoP realm=\"accredit\", algs=\"ES256 ES384 EdDSA\", error=\"invalid_token\"";
const PROOF_REFUSED: &str = "DPoP realm=\"accredit\", algs=\"ES256 ES384 EdDSA\", error=\"invalid_dpop_proof\"";
const NONCE_WANTED: &str = "DPoP realm=\"accredit\", algs=\"ES256 ES384 EdDSA\", error=\"use_dpop_nonce\"";
