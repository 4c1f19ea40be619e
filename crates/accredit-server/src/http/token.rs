//! The token endpoint on the wire: a request in, a face's answer out.

use std::net::IpAddr;

use accredit_api::token::TokenError;
use accredit_core::model::DecisionId;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::body;
use crate::app::App;
use crate::chance;
use crate::exchange::{Refused, exchange};
use crate::faces::{Cause, FALLBACK, Face, Media, Params, RequestFault, recognise};

/// Answers one request to `/oauth/token`.
pub(super) async fn answer(app: &App, request: Request<Incoming>, source: IpAddr) -> Response<Full<Bytes>> {
    let media = match check_head(&request, &Method::POST) {
        Ok(media) => media,
        Err(fault) => return refuse(app, FALLBACK, &fault),
    };
    let bytes = match body::read(request.into_body()).await {
        Ok(bytes) => bytes,
        Err(fault) => return refuse(app, FALLBACK, &fault),
    };
    let params = match Params::read(media, &bytes) {
        Ok(params) => params,
        Err(fault) => return refuse(app, FALLBACK, &fault),
    };
    let face = recognise(media, &params);
    let asked = match (face.parse)(&params) {
        Ok(asked) => asked,
        Err(fault) => return refuse(app, face, &fault),
    };
    match exchange(app, face, &asked, source).await {
        Ok((decision, response)) => {
            let body = serde_json::to_vec(&response).unwrap_or_default();
            respond(StatusCode::OK, decision, body)
        }
        Err(refused) => render(app, face, &refused),
    }
}

/// What can be refused without reading the body.
pub(super) fn check_head(request: &Request<Incoming>, method: &Method) -> Result<Media, RequestFault> {
    if request.method() != method {
        let sentence = match *method {
            Method::PUT => "this path takes PUT alone",
            _ => "the token endpoint takes POST alone",
        };
        return Err(RequestFault::new(Cause::MethodNotAllowed, "method", sentence));
    }
    if request.uri().query().is_some() {
        return Err(RequestFault::invalid("param-in-query", "parameters belong into the body, not into the URL"));
    }
    let headers = request.headers();
    if headers.contains_key(header::AUTHORIZATION) {
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

/// A refusal of the request itself: nothing was looked up, nothing is recorded.
fn refuse(app: &App, face: &Face, fault: &RequestFault) -> Response<Full<Bytes>> {
    let decision = DecisionId::new(chance::bits());
    let refused =
        Refused { decision, cause: fault.cause, sentence: fault.sentence, reason: Some(fault.code), retry_after: None };
    render(app, face, &refused)
}

/// The answer to a request that no face is asked about.
pub(super) fn refused(app: &App, fault: &RequestFault) -> Response<Full<Bytes>> {
    refuse(app, FALLBACK, fault)
}

fn render(app: &App, face: &Face, refused: &Refused) -> Response<Full<Bytes>> {
    let wire = (face.error)(refused.cause);
    let error = TokenError {
        error: wire.error.to_owned(),
        error_description: format!("{} (decision {})", refused.sentence, refused.decision),
        error_uri: refused.reason.map(|_| format!("{}/oauth/reasons", app.public_url)),
        decision_id: Some(refused.decision.to_string()),
        reason: refused.reason.map(str::to_owned),
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
