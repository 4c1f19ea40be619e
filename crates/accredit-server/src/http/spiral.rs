//! Spiral's two paths on the wire: answers of their own shape, refusals with a `message`.

use std::net::IpAddr;
use std::time::Instant;

use accredit_api::token::TokenError;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::body;
use super::token::{Credentials, check_head, count_unavailable, faulty, respond, spent_by};
use crate::app::App;
use crate::binding::Proven;
use crate::clock;
use crate::dpop::PROOF;
use crate::exchange::{Refused, exchange};
use crate::faces::{Cause, Face, Media, Params, RequestFault, SPIRAL, SPIRAL_AWS};

/// The face of a path and the method that it takes; `None` where the path is not Spiral's.
pub(super) fn face(path: &str) -> Option<(&'static Face, Method)> {
    match path {
        "/v1/oauth2/token" => Some((&SPIRAL, Method::POST)),
        "/v1/auth/aws/token" => Some((&SPIRAL_AWS, Method::PUT)),
        _ => None,
    }
}

/// Answers one request to one of the paths.
pub(super) async fn answer(
    app: &App,
    face: &'static Face,
    method: Method,
    request: Request<Incoming>,
    source: IpAddr,
) -> Response<Full<Bytes>> {
    let begun = Instant::now();
    let (head, body) = request.into_parts();
    let mut answer = match app.budgets.enter(source).await {
        Ok(()) => admitted(app, face, &method, &head, body, source).await,
        Err(spent) => render(app, &spent_by(app, face, spent, source), face, &method),
    };
    if head.headers.contains_key(PROOF) {
        app.proofs.tell_nonce(answer.headers_mut(), clock::now());
    }
    app.metrics.exchanges.took(answer.status().is_success(), begun.elapsed());
    answer
}

async fn admitted(
    app: &App,
    face: &'static Face,
    method: &Method,
    head: &Parts,
    body: Incoming,
    source: IpAddr,
) -> Response<Full<Bytes>> {
    let refuse = |fault: &RequestFault| render(app, &faulty(app, face, fault, source), face, method);
    let asked = async {
        let media = check_head(head, method, Credentials::Refused)?;
        if media != face.media {
            return Err(NOT_JSON);
        }
        body::read(body).await
    };
    let bytes = match asked.await {
        Ok(bytes) => bytes,
        Err(fault) => return refuse(&fault),
    };
    let params = match Params::read(Media::Json, &bytes) {
        Ok(params) => params,
        Err(fault) => return refuse(&fault),
    };
    let mut asked = match (face.parse)(&params) {
        Ok(asked) => asked,
        Err(fault) => return refuse(&fault),
    };
    asked.keys = match Proven::of(head, &app.proofs, clock::now()) {
        Ok(keys) => keys,
        Err(fault) => return refuse(&fault),
    };
    match exchange(app, face, &asked, source).await {
        Ok((decision, response)) => {
            let body = match *method {
                Method::PUT => serde_json::to_vec(&json!({"token": response.access_token})),
                _ => serde_json::to_vec(&response),
            };
            respond(StatusCode::OK, decision, body.unwrap_or_default())
        }
        Err(refused) => {
            count_unavailable(app, face, &refused);
            render(app, &refused, face, method)
        }
    }
}

/// RFC 6749's members for whoever reads those, and the one that Spiral's clients print.
#[derive(Serialize)]
struct Refusal {
    #[serde(flatten)]
    error: TokenError,
    message: String,
}

fn render(app: &App, refused: &Refused, face: &Face, method: &Method) -> Response<Full<Bytes>> {
    let wire = (face.error)(refused.cause);
    let description = format!("{} (decision {})", refused.sentence, refused.decision);
    let error = TokenError {
        error: wire.error.to_owned(),
        error_description: description.clone(),
        error_uri: refused.reason.map(|_| format!("{}/oauth/reasons", app.public_url)),
        decision_id: Some(refused.decision.to_string()),
        reason: refused.reason.map(str::to_owned),
    };
    let status = StatusCode::from_u16(wire.status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = serde_json::to_vec(&Refusal { error, message: description }).unwrap_or_default();
    let mut response = respond(status, refused.decision, body);
    let headers = response.headers_mut();
    if let Some(seconds) = refused.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED
        && let Ok(allowed) = HeaderValue::from_str(method.as_str())
    {
        headers.insert(header::ALLOW, allowed);
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""));
    }
    response
}

const NOT_JSON: RequestFault =
    RequestFault::new(Cause::UnsupportedMedia, "content-type", "the content type is not application/json");
