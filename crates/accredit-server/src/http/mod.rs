//! HTTP: listeners, connections, and the token endpoint in front of everything else.

mod accept;
mod admin;
mod body;
mod bundles;
#[cfg(feature = "fuzzing")]
pub(crate) mod doors;
mod introspect;
mod listen;
mod one_token;
mod paced;
mod peer;
mod phase;
mod revoke;
mod serve;
mod source;
mod spiral;
mod svid;
mod token;
mod turned_away;
mod watched;

pub use serve::{Running, serve};
pub(crate) use svid::misfit;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};

/// The answer of an endpoint that cannot reach the store.
fn unavailable(fault: &dyn std::fmt::Display) -> Response<Full<Bytes>> {
    tracing::warn!(event = "token-question-unanswered", "a request about a token cannot be answered: {fault}");
    let body = serde_json::json!({
        "error": "temporarily_unavailable",
        "error_description": "nothing can be said of tokens at the moment",
    });
    let mut response = introspect::json_answer(StatusCode::SERVICE_UNAVAILABLE, &body);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
