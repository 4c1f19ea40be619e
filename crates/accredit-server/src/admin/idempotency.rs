//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the same key with the same request has the same answer.
//!
//! The answer to a write is kept in the store, in the transaction of what was written: every server on it gives it again, also
//! when the one that wrote ended before it could answer. What wrote nothing is judged anew: a refusal, a dry run, documents that
//! are in force already. So is what the store keeps no more ([`accredit_store::ANSWERS_LAST`]), and an answer beyond 4 MiB.
//!
//! A key belongs to whoever asked with it: another actor's key of the same text is another key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use accredit_core::decide::access::{Held, Through};
use accredit_core::model::Realm;
use accredit_id::digest::sha256;
use accredit_store::KeptAnswer;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::actor::Actor;
use super::body;
use super::problem::{AdminFault, NotPermitted};
use super::rendered::Rendered;
use crate::app::App;
use crate::clock;

/// A request with a key, and who sent it, as hashes: what its answer is kept under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The actor and the key.
    asked: [u8; 32],
    /// Who, and with which rights: an answer is given again to nobody who would not be given it now.
    actor: [u8; 32],
    request: [u8; 32],
}

/// The requests with a key that this server is answering: by actor and key, what is asked.
#[derive(Default)]
pub(crate) struct InFlight(Mutex<HashMap<[u8; 32], [u8; 32]>>);

/// A request that holds its key until it is answered. A client that goes away changes nothing: what it asked for is finished
/// ([`crate::finishing`]), and its answer waits for whoever asks again.
struct Holding<'a> {
    in_flight: &'a InFlight,
    asked: [u8; 32],
}

/// Answers a request once for each key.
pub(super) async fn once(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let key = match key(request.headers()) {
        Ok(None) => return next.run(request).await,
        Ok(Some(key)) => key,
        Err(fault) => return fault.into_response(),
    };
    // Without an actor the route refuses it.
    let Some(actor) = request.extensions().get::<Actor>() else { return next.run(request).await };
    let actor = sha256(who(actor).to_string().as_bytes());
    let (mut parts, body) = request.into_parts();
    let body = match body::whole(body).await {
        Ok(body) => body,
        Err(fault) => return fault.into_response(),
    };
    let asked = sha256(&[&actor, key.as_bytes()].concat());
    let claim = Claim { asked, actor, request: asked_for(&parts, &body) };
    let _held = match app.admin.in_flight.begin(&claim) {
        Ok(held) => held,
        Err(fault) => return fault.into_response(),
    };
    match claim.answer(&app).await {
        Ok(None) => {}
        Ok(Some(kept)) => return told(&app, kept).await,
        Err(fault) => return fault.into_response(),
    }
    parts.extensions.insert(claim.clone());
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if response.status().is_success() || response.extensions().get::<NotPermitted>().is_some() {
        return response;
    }
    // It may be refused because it was done already: by another server meanwhile, or by a commit that was not answered.
    match claim.answer(&app).await {
        Ok(Some(kept)) => told(&app, kept).await,
        Ok(None) | Err(_) => response,
    }
}

/// An answer that was kept, once what it tells of is in force here, too.
async fn told(app: &App, kept: Rendered) -> Response {
    app.hear_of_others().await;
    kept.into_response()
}

/// Who asks, and with which rights. INVARIANT: written out, because servers of two versions on one store must write the same.
fn who(actor: &Actor) -> Value {
    let held = |held: &Held| {
        let Held { role, project, realm, through } = held;
        let realm = realm.as_ref().map(|Realm { trust_domain, name }| json!([trust_domain.to_string(), **name]));
        let through = through
            .as_ref()
            .map(|Through { administrator, provider }| json!([administrator.to_string(), provider.to_string()]));
        json!([role.name(), project.map(|project| project.to_string()), realm, through])
    };
    json!([actor.name, actor.rights.held().iter().map(held).collect::<Vec<_>>()])
}

/// What is asked: the method, the path with its query, which revision is meant, and the body.
fn asked_for(parts: &Parts, body: &[u8]) -> [u8; 32] {
    let place = parts.uri.path_and_query().map_or("", |place| place.as_str());
    let mut text = [parts.method.as_str().as_bytes(), b" ", place.as_bytes(), b"\0"].concat();
    for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
        for value in parts.headers.get_all(&name) {
            text.extend([name.as_str().as_bytes(), b" ", value.as_bytes(), b"\0"].concat());
        }
    }
    text.extend([b"\0", body].concat());
    sha256(&text)
}

// === impl Claim ===

impl Claim {
    /// What was answered to it.
    ///
    /// # Errors
    /// The key came with another request; the store.
    async fn answer(&self, app: &App) -> Result<Option<Rendered>, AdminFault> {
        let kept = app.store.kept_answer(&self.asked, clock::now().unix()).await?;
        match kept {
            None => Ok(None),
            Some(kept) if kept.request != self.request => Err(AdminFault::KeyReused),
            Some(kept) => Rendered::try_from(kept).map(Some),
        }
    }

    /// Refuses what was answered already, for whoever is about to do it: another server was faster.
    ///
    /// # Errors
    /// [`AdminFault::InFlight`], behind which [`once`] finds the answer; those of the store.
    pub(super) async fn check_open(&self, app: &App) -> Result<(), AdminFault> {
        self.answer(app).await?.map_or(Ok(()), |_| Err(AdminFault::InFlight))
    }

    /// What is to be kept of an answer; `None` where it is too large.
    pub(super) fn keep(&self, answer: &Rendered) -> Option<KeptAnswer> {
        let Self { asked, actor, request } = *self;
        let Rendered { status, etag, location, body } = answer;
        (body.len() <= MAX_ANSWER).then(|| KeptAnswer {
            asked,
            actor,
            request,
            status: status.as_u16(),
            etag: etag.clone(),
            location: location.clone(),
            body: body.to_vec(),
        })
    }
}

// === impl InFlight ===

impl InFlight {
    fn begin(&self, claim: &Claim) -> Result<Holding<'_>, AdminFault> {
        let mut requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match requests.get(&claim.asked) {
            Some(request) if *request != claim.request => Err(AdminFault::KeyReused),
            Some(_) => Err(AdminFault::InFlight),
            None => {
                requests.insert(claim.asked, claim.request);
                Ok(Holding { in_flight: self, asked: claim.asked })
            }
        }
    }
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.in_flight.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.asked);
    }
}

/// The key of a request: a text in quotes (RFC 9651 section 3.3.3), or the same without.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, AdminFault> {
    let fault = || AdminFault::Request("`Idempotency-Key` is not one text of 1 to 255 characters in quotes".to_owned());
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().map_err(|_| fault())?.trim();
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let is_key = |byte: u8| matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~');
    let is_good = (1..=255).contains(&bare.len()) && bare.bytes().all(is_key) && values.next().is_none();
    if is_good { Ok(Some(bare.to_owned())) } else { Err(fault()) }
}

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Bytes of a body: some 25,000 changes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_core::decide::access::Rights;
    use accredit_core::model::{AdminRole, Id, Kind};
    use axum::http::HeaderValue;

    use super::*;

    /// INVARIANT of [`who`]: what one version writes, another one finds.
    #[test]
    fn who_asks_is_written_out() {
        let mut actor = Actor::local();
        assert_eq!(who(&actor).to_string(), r#"["local socket",[["owner",null,null,null]]]"#);
        let project = Id::new(Kind::Project, [7; 16]);
        actor.rights = Rights::of(AdminRole::ProjectAdmin, Some(project), None);
        assert_eq!(who(&actor), json!(["local socket", [["project-admin", project.to_string(), null, null]]]));
    }

    #[test]
    fn a_request_is_more_than_its_body() {
        let hash = |method: &str, uri: &str, tag: Option<&str>, body: &[u8]| {
            let mut request = Request::builder().method(method).uri(uri);
            if let Some(tag) = tag {
                request = request.header("if-match", tag);
            }
            asked_for(&request.body(()).unwrap().into_parts().0, body)
        };
        let one = hash("PUT", "/v1/projects/a?dry_run=true", Some("\"1\""), b"{}");
        assert_eq!(one, hash("PUT", "/v1/projects/a?dry_run=true", Some("\"1\""), b"{}"));
        for other in [
            hash("POST", "/v1/projects/a?dry_run=true", Some("\"1\""), b"{}"),
            hash("PUT", "/v1/projects/a", Some("\"1\""), b"{}"),
            hash("PUT", "/v1/projects/a?dry_run=true", Some("\"2\""), b"{}"),
            hash("PUT", "/v1/projects/a?dry_run=true", None, b"{}"),
            hash("PUT", "/v1/projects/a?dry_run=true", Some("\"1\""), b"{ }"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn keys_are_read_strictly() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(KEY, HeaderValue::from_static(value));
            }
            key(&headers).ok().map(Option::unwrap_or_default)
        };
        assert_eq!(read(&[]).as_deref(), Some(""));
        for good in ["\"8e03978e-40d5\"", "8e03978e-40d5"] {
            assert_eq!(read(&[good]).as_deref(), Some("8e03978e-40d5"));
        }
        for bad in [&["\"\""][..], &[""], &["\"a"], &["a b"], &["\"a\", \"b\""], &["a", "a"], &["\"a\\\"\""]] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
