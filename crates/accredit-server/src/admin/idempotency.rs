//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the same key with the same request has the same answer.
//!
//! Answers are kept of what was carried out; a refusal wrote nothing and is judged anew. They are kept in the process, for
//! whoever asked: another actor's key of the same text is another key. Limits: 24 hours, 128 answers an actor, 1024 and
//! 16 MiB in all, the oldest going first, and no answer beyond 1 MiB. Whatever is kept no more is repeatable by its content.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use accredit_id::digest::sha256;
use accredit_id::time::Timestamp;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::actor::Actor;
use super::body;
use super::problem::AdminFault;
use crate::app::App;
use crate::clock;

/// The answers that are kept.
#[derive(Default)]
pub(crate) struct Answers(Mutex<HashMap<Key, Kept>>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    /// Who, and with which rights: an answer is given again to nobody who would not be given it now.
    actor: [u8; 32],
    key: String,
}

struct Kept {
    /// The hash of the request.
    request: [u8; 32],
    since: Timestamp,
    /// `None` while the first request is being answered.
    answer: Option<Answer>,
}

#[derive(Clone)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// What a key means at the moment.
enum Found {
    New,
    Answered(Answer),
    Refused(AdminFault),
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
    let key = Key { actor: sha256(format!("{} {:?}", actor.name, actor.rights).as_bytes()), key };
    let (parts, body) = request.into_parts();
    let body = match body::whole(body).await {
        Ok(body) => body,
        Err(fault) => return fault.into_response(),
    };
    let place = parts.uri.path_and_query().map_or("", |place| place.as_str());
    let request = sha256(&[parts.method.as_str().as_bytes(), b" ", place.as_bytes(), b"\0", &body].concat());
    let in_flight = match app.admin.answers.begin(&key, request, clock::now()) {
        Found::New => InFlight { answers: &app.admin.answers, key },
        Found::Answered(answer) => return answer.into_response(),
        Found::Refused(fault) => return fault.into_response(),
    };
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !response.status().is_success() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return AdminFault::Unavailable("the answer could not be made".to_owned()).into_response();
    };
    let answer = Answer { status: parts.status, headers: parts.headers.clone(), body: body.clone() };
    if body.len() <= MAX_ANSWER {
        in_flight.keep(answer);
    }
    Response::from_parts(parts, Body::from(body))
}

/// A request that holds its key; unless its answer is kept, it lets go of it. A client that goes away changes nothing: what
/// it asked for is finished ([`crate::finishing`]), and its answer waits for whoever asks again.
struct InFlight<'a> {
    answers: &'a Answers,
    key: Key,
}

impl InFlight<'_> {
    fn keep(&self, answer: Answer) {
        let mut kept = self.answers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = kept.get_mut(&self.key) {
            own.answer = Some(answer);
        }
        shrink(&mut kept, &self.key.actor);
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut kept = self.answers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.get(&self.key).is_some_and(|own| own.answer.is_none()) {
            kept.remove(&self.key);
        }
    }
}

// === impl Answers ===

impl Answers {
    fn begin(&self, key: &Key, request: [u8; 32], now: Timestamp) -> Found {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| kept.answer.is_none() || now.seconds_since(kept.since) < LASTS);
        match kept.get(key) {
            Some(known) if known.request != request => return Found::Refused(AdminFault::KeyReused),
            Some(Kept { answer: None, .. }) => return Found::Refused(AdminFault::InFlight),
            Some(Kept { answer: Some(answer), .. }) => return Found::Answered(answer.clone()),
            None => {}
        }
        kept.insert(key.clone(), Kept { request, since: now, answer: None });
        Found::New
    }
}

/// Lets the oldest answers go until the limits hold: the actor's own first.
fn shrink(kept: &mut HashMap<Key, Kept>, actor: &[u8; 32]) {
    let of_actor = |key: &Key| key.actor == *actor;
    while kept.keys().filter(|key| of_actor(key)).count() > MAX_OF_ACTOR && forget_oldest(kept, of_actor) {}
    let size = |kept: &HashMap<Key, Kept>| {
        kept.values().filter_map(|kept| Some(kept.answer.as_ref()?.body.len())).sum::<usize>()
    };
    while (kept.len() > MAX_KEPT || size(kept) > MAX_BYTES) && forget_oldest(kept, |_| true) {}
}

fn forget_oldest(kept: &mut HashMap<Key, Kept>, of: impl Fn(&Key) -> bool) -> bool {
    let answered = kept.iter().filter(|(key, kept)| kept.answer.is_some() && of(key));
    let oldest = answered.min_by_key(|(_, kept)| kept.since).map(|(key, _)| key.clone());
    oldest.is_some_and(|oldest| kept.remove(&oldest).is_some())
}

impl Answer {
    fn into_response(self) -> Response {
        let Self { status, headers, body } = self;
        (status, headers, body).into_response()
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
/// Seconds.
const LASTS: i64 = 24 * 3600;
const MAX_OF_ACTOR: usize = 128;
const MAX_KEPT: usize = 1024;
const MAX_BYTES: usize = 16 * 1024 * 1024;
const MAX_ANSWER: usize = 1024 * 1024;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_kept_is_bounded_in_number_size_and_time() {
        let answers = Answers::default();
        let at = Timestamp::from_unix(1_000_000);
        let put = |actor: u8, key: usize, bytes: usize, now: Timestamp| {
            let now = now.plus(std::time::Duration::from_secs(key as u64));
            let key = Key { actor: [actor; 32], key: key.to_string() };
            assert!(matches!(answers.begin(&key, [0; 32], now), Found::New));
            let body = Bytes::from(vec![0; bytes]);
            InFlight { answers: &answers, key }.keep(Answer {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                body,
            });
        };
        let count = || answers.0.lock().unwrap().len();
        (0..500).for_each(|key| put(1, key, 1, at));
        assert_eq!(count(), MAX_OF_ACTOR);
        (0..2000).for_each(|key| put(2 + (key / 100) as u8, key, 1, at));
        assert!(count() <= MAX_KEPT, "{}", count());
        (3000..3040).for_each(|key| put(99, key, MAX_ANSWER, at));
        let bytes: usize =
            answers.0.lock().unwrap().values().map(|kept| kept.answer.as_ref().unwrap().body.len()).sum();
        assert!(bytes > MAX_BYTES / 2 && bytes <= MAX_BYTES, "{bytes}");
        put(100, 10_000, 1, Timestamp::from_unix(1_000_000 + LASTS));
        assert_eq!(count(), 1);
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
