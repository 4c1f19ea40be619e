//! The token endpoint on the wire: a request in, a face's answer out.

use std::net::IpAddr;
use std::time::Instant;

use accredit_api::token::TokenError;
use accredit_core::model::DecisionId;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use super::body;
use crate::app::App;
use crate::binding::Proven;
use crate::budget::{Cost, Spent};
use crate::dpop::PROOF;
use crate::exchange::{RATE_LIMITED, Refused, exchange, narrow};
use crate::faces::{Cause, FALLBACK, Face, Media, Params, Proof, RequestFault, recognise};
use crate::{chance, clock};

/// Answers one request to a path of faces; `fallback` is the one that renders what fails before its face is known.
pub(super) async fn answer(
    app: &App,
    fallback: &'static Face,
    request: Request<Incoming>,
    source: IpAddr,
) -> Response<Full<Bytes>> {
    let begun = Instant::now();
    let (head, body) = request.into_parts();
    let mut answer = match app.budgets.enter(source).await {
        Ok(()) => admitted(app, fallback, &head, body, source).await,
        Err(spent) => throttled(app, fallback, spent, source),
    };
    if head.headers.contains_key(PROOF) {
        app.proofs.tell_nonce(answer.headers_mut(), clock::now());
    }
    app.metrics.exchanges.took(answer.status().is_success(), begun.elapsed());
    answer
}

async fn admitted(
    app: &App,
    fallback: &'static Face,
    head: &Parts,
    body: Incoming,
    source: IpAddr,
) -> Response<Full<Bytes>> {
    let media = match check_head(head, &Method::POST, Credentials::Refused) {
        Ok(media) => media,
        Err(fault) => {
            let mut refused = refuse(app, fallback, &fault, source);
            challenge(head, &mut refused);
            return refused;
        }
    };
    let bytes = match body::read(body).await {
        Ok(bytes) => bytes,
        Err(fault) => return refuse(app, fallback, &fault, source),
    };
    let params = match Params::read(media, &bytes) {
        Ok(params) => params,
        Err(fault) => return refuse(app, fallback, &fault, source),
    };
    let face = match recognise(fallback.path, media, &params) {
        Ok(face) => face,
        Err(fault) => return refuse(app, fallback, &fault, source),
    };
    let mut asked = match (face.parse)(&params) {
        Ok(asked) => asked,
        Err(fault) => return refuse(app, face, &fault, source),
    };
    asked.keys = match Proven::of(head, &app.proofs, clock::now()) {
        Ok(keys) => keys,
        Err(fault) => return refuse(app, face, &fault, source),
    };
    let answered = match &asked.proof {
        Proof::AccessToken(token) => narrow(app, face, token.0, &asked, source).await,
        Proof::AwsRequest(_) | Proof::Jwt(_) => exchange(app, face, &asked, source).await,
    };
    match answered {
        Ok((decision, response)) => {
            let body = serde_json::to_vec(&response).unwrap_or_default();
            respond(StatusCode::OK, decision, body)
        }
        Err(refused) => {
            count_unavailable(app, face, &refused);
            render(app, face, &refused)
        }
    }
}

/// Everything else that is refused is counted where it is known whose token it was.
pub(super) fn count_unavailable(app: &App, face: &Face, refused: &Refused) {
    let reason = match refused.cause {
        Cause::StoreUnavailable => refused.reason.unwrap_or("store-unavailable"),
        Cause::Internal => "internal",
        _ => return,
    };
    app.metrics.exchanges.refused(face.name, None, reason);
}

/// The answer to a source that has spent its budget: nothing of its request was looked at.
pub(super) fn throttled(app: &App, face: &'static Face, spent: Spent, source: IpAddr) -> Response<Full<Bytes>> {
    render(app, face, &spent_by(app, face, spent, source))
}

/// The same as a refusal.
pub(super) fn spent_by(app: &App, face: &Face, spent: Spent, source: IpAddr) -> Refused {
    app.tally.count(None, RATE_LIMITED, source);
    app.metrics.exchanges.refused(face.name, None, RATE_LIMITED);
    Refused::throttled(DecisionId::new(chance::bits()), spent)
}

/// What becomes of an `Authorization` header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Credentials {
    /// Whoever sends one expects it to be checked, which it is not.
    Refused,
    /// The endpoint reads it.
    Read,
}

/// A client that tried to authenticate by the header is answered in the scheme that it used (RFC 6749 section 5.2).
fn challenge(head: &Parts, refused: &mut Response<Full<Bytes>>) {
    let used = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let is_basic =
        used.and_then(|value| value.split(' ').next()).is_some_and(|scheme| scheme.eq_ignore_ascii_case("Basic"));
    if is_basic && refused.status() == StatusCode::UNAUTHORIZED {
        let basic = HeaderValue::from_static("Basic realm=\"accredit\", charset=\"UTF-8\"");
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
    }
}

/// What can be refused without reading the body.
pub(super) fn check_head(head: &Parts, method: &Method, credentials: Credentials) -> Result<Media, RequestFault> {
    if head.method != method {
        let sentence = match *method {
            Method::PUT => "this path takes PUT alone",
            _ => "the token endpoint takes POST alone",
        };
        return Err(RequestFault::new(Cause::MethodNotAllowed, "method", sentence));
    }
    if head.uri.query().is_some() {
        return Err(RequestFault::invalid("param-in-query", "parameters belong into the body, not into the URL"));
    }
    let headers = &head.headers;
    if credentials == Credentials::Refused && headers.contains_key(header::AUTHORIZATION) {
        return Err(RequestFault::new(
            Cause::ClientAuthentication,
            "client-auth-unsupported",
            "client credentials are not used here: the subject token is the credential",
        ));
    }
    if headers.get_all(header::CONTENT_TYPE).iter().count() > 1 {
        return Err(RequestFault::invalid("header-twice", "the request has contradicting headers"));
    }
    let unsupported = |sentence| RequestFault::new(Cause::UnsupportedMedia, "content-type", sentence);
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(unsupported("the body is encoded, expected none"));
    }
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(Media::named)
        .ok_or_else(|| unsupported("the content type is not application/x-www-form-urlencoded or application/json"))
}

/// A refusal of the request itself: nothing was looked up, nothing is recorded, and its source pays.
fn refuse(app: &App, face: &Face, fault: &RequestFault, source: IpAddr) -> Response<Full<Bytes>> {
    render(app, face, &faulty(app, face, fault, source))
}

/// The same before it is rendered.
pub(super) fn faulty(app: &App, face: &Face, fault: &RequestFault, source: IpAddr) -> Refused {
    let (cost, retry_after) = match fault.cause {
        Cause::Proof => (Some(Cost::Verification), None),
        Cause::ProofNonce => (Some(Cost::Nonce), None),
        // Nothing that the caller could help.
        Cause::StoreUnavailable => (None, Some(1)),
        _ => (Some(Cost::Look), None),
    };
    cost.into_iter().for_each(|cost| app.budgets.failed(source, cost));
    app.metrics.exchanges.refused(face.name, None, fault.code);
    let decision = DecisionId::new(chance::bits());
    Refused { decision, cause: fault.cause, sentence: fault.sentence, reason: Some(fault.code), retry_after }
}

/// The answer to a request that no face is asked about.
pub(super) fn refused(app: &App, fault: &RequestFault, source: IpAddr) -> Response<Full<Bytes>> {
    refuse(app, FALLBACK, fault, source)
}

fn render(app: &App, face: &Face, refused: &Refused) -> Response<Full<Bytes>> {
    let wire = (face.error)(refused.cause);
    let is_told = !(face.opaque && matches!(refused.cause, Cause::Policy(_) | Cause::Token));
    let sentence = if is_told { refused.sentence } else { "the assertion is not accepted for this rule" };
    let reason = refused.reason.filter(|_| is_told);
    let error = TokenError {
        error: wire.error.to_owned(),
        error_description: format!("{sentence} (decision {})", refused.decision),
        error_uri: reason.map(|_| format!("{}/oauth/reasons", app.public_url)),
        decision_id: Some(refused.decision.to_string()),
        reason: reason.map(str::to_owned),
    };
    let status = StatusCode::from_u16(wire.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = respond(status, refused.decision, serde_json::to_vec(&error).unwrap_or_default());
    let headers = response.headers_mut();
    if let Some(seconds) = refused.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_client\""));
    }
    response
}

pub(super) fn respond(status: StatusCode, decision: DecisionId, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    if let Ok(id) = HeaderValue::from_str(&decision.to_string()) {
        headers.insert(HeaderName::from_static("x-request-id"), id.clone());
        headers.insert(HeaderName::from_static("request-id"), id);
    }
    response
}
