//! `POST /v1/svid` on the wire: a job's token and what it asks for in, SVIDs out, or a problem (RFC 9457).

use std::net::IpAddr;
use std::time::Instant;

use accredit_api::problem::{MEDIA_TYPE, Problem, TYPE_PREFIX};
use accredit_api::svid::{SvidRequest, SvidType, Wanted};
use accredit_core::model::DecisionId;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use super::body;
use super::token::{Credentials, check_head, respond};
use crate::app::App;
use crate::budget::Cost;
use crate::chance;
use crate::exchange::RATE_LIMITED;
use crate::faces::{Cause, Media, RequestFault};
use crate::issue::{Asking, Fault, NotIssued, issue};

/// The path, which is also the name of the route.
pub(super) const PATH: &str = "/v1/svid";

/// Answers one request to [`PATH`].
pub(super) async fn answer(app: &App, request: Request<Incoming>, source: IpAddr) -> Response<Full<Bytes>> {
    let begun = Instant::now();
    let (head, body) = request.into_parts();
    let answer = match app.budgets.enter(source).await {
        Ok(()) => admitted(app, &head, body, source).await,
        Err(spent) => {
            app.tally.count(None, RATE_LIMITED, source);
            app.metrics.svids.refused(None, RATE_LIMITED);
            render(&NotIssued::throttled(DecisionId::new(chance::bits()), spent))
        }
    };
    app.metrics.svids.took(answer.status().is_success(), begun.elapsed());
    answer
}

async fn admitted(app: &App, head: &Parts, body: Incoming, source: IpAddr) -> Response<Full<Bytes>> {
    let read = match head_of(head) {
        Ok(()) => body::read_at_most(body, MAX_BYTES, TOO_LARGE).await.and_then(|bytes| wanted(&bytes)),
        Err(fault) => Err(fault),
    };
    let (request, wanted) = match read {
        Ok(read) => read,
        Err(fault) => {
            app.budgets.failed(source, Cost::Look);
            app.metrics.svids.refused(None, fault.code);
            return render(&NotIssued::request(DecisionId::new(chance::bits()), &fault));
        }
    };
    let asking = Asking { cluster: &request.cluster, token: request.token.trim(), wanted: &wanted, source };
    match issue(app, asking).await {
        Ok((decision, issued)) => respond(StatusCode::OK, decision, serde_json::to_vec(&issued).unwrap_or_default()),
        Err(refused) => render(&refused),
    }
}

fn head_of(head: &Parts) -> Result<(), RequestFault> {
    if head.method != Method::POST {
        return Err(RequestFault::new(Cause::MethodNotAllowed, "method", "this path takes POST alone"));
    }
    match check_head(head, &Method::POST, Credentials::Refused)? {
        Media::Json => Ok(()),
        Media::Form => {
            Err(RequestFault::new(Cause::UnsupportedMedia, "content-type", "the content type is not application/json"))
        }
    }
}

/// Reads a request and gives what it wants as a list, whichever way it says so.
fn wanted(bytes: &[u8]) -> Result<(SvidRequest, Vec<Wanted>), RequestFault> {
    let mut request: SvidRequest = serde_json::from_slice(bytes).map_err(|_| {
        RequestFault::invalid(
            "body-malformed",
            "the body is no request for SVIDs: a member is missing, unknown or of another type",
        )
    })?;
    let kind = request.kind.take();
    let (audience, lifetime, csr) = (request.audience.take(), request.lifetime.take(), request.csr.take());
    let wanted = match (kind, request.svids.take()) {
        (None, Some(svids)) if audience.is_none() && lifetime.is_none() && csr.is_none() => svids,
        (Some(kind), None) => vec![Wanted { kind, audience, lifetime, csr }],
        (_, Some(_)) => {
            return Err(RequestFault::invalid(
                "svids-twice",
                "what is wanted stands in `svids` and beside it, expected one of them",
            ));
        }
        (None, None) => {
            return Err(RequestFault::invalid(
                "svids-missing",
                "the request wants no SVID: `type` or `svids` is missing",
            ));
        }
    };
    if !(1..=MOST).contains(&wanted.len()) {
        return Err(RequestFault::invalid("svids-count", "the request wants none or more than 64 SVIDs"));
    }
    match wanted.iter().find_map(misfit) {
        Some(fault) => Err(fault),
        None => Ok((request, wanted)),
    }
}

/// What is wrong with one that is wanted, whoever wants it.
pub(crate) fn misfit(wanted: &Wanted) -> Option<RequestFault> {
    let Wanted { kind, audience, lifetime, csr } = wanted;
    let audience = audience.as_deref();
    let sentence = match kind {
        _ if *lifetime == Some(0) => "a lifetime is 0 seconds",
        SvidType::Jwt if csr.is_some() => "a JWT-SVID has no `csr`",
        SvidType::Jwt if audience.is_none_or(<[String]>::is_empty) => "a JWT-SVID needs an `audience`",
        SvidType::Jwt => {
            let audiences = audience.unwrap_or_default();
            let is_name =
                |name: &String| !name.is_empty() && name.len() <= MAX_AUDIENCE && !name.chars().any(char::is_control);
            let is_twice = (1..audiences.len()).any(|place| audiences[..place].contains(&audiences[place]));
            match audiences.len() <= MOST_AUDIENCES && audiences.iter().all(is_name) && !is_twice {
                true => return None,
                false => "an `audience` is empty, too long, named twice, or one of too many",
            }
        }
        SvidType::X509 if audience.is_some() => "an X509-SVID has no `audience`",
        SvidType::X509 if csr.is_none() => "an X509-SVID needs a `csr`",
        SvidType::X509 => return None,
    };
    Some(RequestFault::invalid("svid-malformed", sentence))
}

fn render(refused: &NotIssued) -> Response<Full<Bytes>> {
    let NotIssued { decision, fault, sentence, reason, retry_after } = refused;
    let (status, code, title) = on_the_wire(*fault);
    let problem = Problem {
        kind: format!("{TYPE_PREFIX}{code}"),
        code: reason.unwrap_or(code).to_owned(),
        status: status.as_u16(),
        title: title.to_owned(),
        detail: format!("{sentence} (decision {decision})"),
        hint: None,
        decision: Some(decision.to_string()),
        faults: Vec::new(),
    };
    let mut response = respond(status, *decision, serde_json::to_vec(&problem).unwrap_or_default());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
    }
    let more: Option<(HeaderName, &'static str)> = match status {
        StatusCode::METHOD_NOT_ALLOWED => Some((header::ALLOW, "POST")),
        // RFC 9110 section 11.6.1 wants one; the token goes in the body, so it is a name alone.
        StatusCode::UNAUTHORIZED => {
            Some((header::WWW_AUTHENTICATE, "Bearer realm=\"accredit\", error=\"invalid_token\""))
        }
        _ => None,
    };
    headers.extend(more.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// The one place where a fault meets its status, its code and its title, which never varies.
fn on_the_wire(fault: Fault) -> (StatusCode, &'static str, &'static str) {
    match fault {
        Fault::Request(Cause::MethodNotAllowed) => {
            (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "method does not go with the route")
        }
        Fault::Request(Cause::UnsupportedMedia) => {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type-unsupported", "body is not JSON")
        }
        Fault::Request(Cause::RequestTooLarge) => {
            (StatusCode::PAYLOAD_TOO_LARGE, "request-too-large", "request is larger than any that is read")
        }
        Fault::Request(Cause::RequestTimeout) => (StatusCode::REQUEST_TIMEOUT, "request-slow", "request took too long"),
        Fault::Request(_) => (StatusCode::BAD_REQUEST, "request-malformed", "request is not well formed"),
        Fault::Token => (StatusCode::UNAUTHORIZED, "token-unacceptable", "token is not accepted here"),
        Fault::Policy => (StatusCode::FORBIDDEN, "svid-refused", "policy does not give that SVID"),
        Fault::Throttled => (StatusCode::TOO_MANY_REQUESTS, "rate-limited", "budget is spent"),
        Fault::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "no SVID can be issued now"),
    }
}

/// A token of 16 KiB and 64 requests for certificates with keys of RSA-4096, as JSON writes them.
const MAX_BYTES: usize = 160 * 1024;
const TOO_LARGE: RequestFault =
    RequestFault::new(Cause::RequestTooLarge, "body-too-large", "the body has more than 160 KiB");
/// So many SVIDs under one proof.
const MOST: usize = 64;
/// More audiences than any policy may allow.
const MOST_AUDIENCES: usize = 8;
/// The longest audience, in bytes.
const MAX_AUDIENCE: usize = 2048;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let read = |text: &str| wanted(text.as_bytes()).map(|(_, wanted)| wanted).map_err(|fault| fault.code);
        let short = read(r#"{"cluster":"c","token":"t","type":"jwt","audience":["a"],"lifetime":60}"#).unwrap();
        let long =
            read(r#"{"cluster":"c","token":"t","svids":[{"type":"jwt","audience":["a"],"lifetime":60}]}"#).unwrap();
        assert_eq!(short, long);
        let of = |count: usize| vec![r#"{"type":"jwt","audience":["a"]}"#; count].join(",");
        let many = |count| read(&format!(r#"{{"cluster":"c","token":"t","svids":[{}]}}"#, of(count)));
        assert_eq!(many(64).unwrap().len(), 64);
        assert_eq!((many(0), many(65)), (Err("svids-count"), Err("svids-count")));
        for (text, code) in [
            (r#"{"cluster":"c","token":"t"}"#, "svids-missing"),
            (r#"{"cluster":"c","token":"t","audience":["a"]}"#, "svids-missing"),
            (r#"{"cluster":"c","token":"t","type":"jwt","audience":["a"],"svids":[]}"#, "svids-twice"),
            (r#"{"cluster":"c","token":"t","lifetime":1,"svids":[{"type":"jwt","audience":["a"]}]}"#, "svids-twice"),
            (r#"{"cluster":"c","token":"t","type":"jwt"}"#, "svid-malformed"),
            (r#"{"cluster":"c","token":"t","type":"jwt","audience":[]}"#, "svid-malformed"),
            (r#"{"cluster":"c","token":"t","type":"jwt","audience":[""]}"#, "svid-malformed"),
            (r#"{"cluster":"c","token":"t","type":"jwt","audience":["a","a"]}"#, "svid-malformed"),
            (r#"{"cluster":"c","token":"t","type":"jwt","audience":["a\n"]}"#, "svid-malformed"),
            (r#"{"cluster":"c","token":"t","type":"jwt","audience":["a"],"csr":"x"}"#, "svid-malformed"),
            (r#"{"cluster":"c","token":"t","type":"jwt","audience":["a"],"lifetime":0}"#, "svid-malformed"),
            (r#"{"cluster":"c","token":"t","type":"x509"}"#, "svid-malformed"),
            (r#"{"cluster":"c","token":"t","type":"x509","csr":"x","audience":["a"]}"#, "svid-malformed"),
            (r#"{"cluster":"c","token":"t","type":"jwt","audience":["a"]} {}"#, "body-malformed"),
            (r#"{"cluster":"c","token":"t","type":"jwt","audience":["a"],"jti":true}"#, "body-malformed"),
            ("", "body-malformed"),
        ] {
            assert_eq!(read(text), Err(code), "{text}");
        }
    }
}
