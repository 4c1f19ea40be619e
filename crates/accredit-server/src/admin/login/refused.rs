//! Refusals of a login on the wire (RFC 6749 section 5.2).

use accredit_api::token::TokenError;
use accredit_core::decide::login::NotLetIn;
use accredit_core::model::DecisionId;
use accredit_id::jose::dpop::ProofFault;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

use crate::budget::Spent;
use crate::dpop::ProofRefused;

/// A refusal as the caller may know it.
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) error: &'static str,
    pub(super) sentence: String,
    pub(super) reason: Option<&'static str>,
    /// Seconds after which trying again makes sense.
    pub(super) retry_after: Option<u32>,
}

impl Refused {
    pub(super) fn request(sentence: impl Into<String>) -> Self {
        Self { status: 400, error: "invalid_request", sentence: sentence.into(), reason: None, retry_after: None }
    }

    pub(super) fn policy(why: NotLetIn) -> Self {
        Self { status: 403, error: "access_denied", ..Self::request(why.caller_sentence()) }
    }

    pub(super) fn unavailable() -> Self {
        let (error, retry_after) = ("temporarily_unavailable", Some(1));
        Self { status: 503, error, retry_after, ..Self::request("nobody can log in at the moment") }
    }

    pub(super) fn throttled(spent: Spent) -> Self {
        let (error, retry_after) = ("slow_down", Some(spent.retry_after));
        Self {
            status: 429,
            error,
            retry_after,
            ..Self::request("too many requests, or too many that failed: wait as long as Retry-After says")
        }
    }

    pub(super) fn rendered(self, decision: DecisionId, public_url: &str) -> Response<Body> {
        let Self { status, error, sentence, reason, retry_after } = self;
        let body = TokenError {
            error: error.to_owned(),
            error_description: format!("{sentence} (decision {decision})"),
            error_uri: reason.map(|_| format!("{public_url}/oauth/reasons")),
            decision_id: Some(decision.to_string()),
            reason: reason.map(str::to_owned),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = rendered(status, serde_json::to_vec(&body).unwrap_or_default(), decision);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<ProofRefused> for Refused {
    /// RFC 9449 section 5 and 8. What is wrong with a proof is told: it is the caller's own, and says nothing of others.
    fn from(refused: ProofRefused) -> Self {
        let invalid = |sentence: String| Self { error: "invalid_dpop_proof", ..Self::request(sentence) };
        match refused {
            ProofRefused::Fault(ProofFault::Nonce) => {
                Self { error: "use_dpop_nonce", ..Self::request("the proof needs our nonce") }
            }
            ProofRefused::Fault(fault) => {
                // RFC 6749 section 5.2 has neither quotes nor backslashes, nor anything beyond ASCII.
                let sentence = fault.to_string();
                let plain = |c: char| if matches!(c, ' '..='~') && !matches!(c, '"' | '\\') { c } else { '?' };
                invalid(sentence.chars().map(plain).collect())
            }
            ProofRefused::Replayed => invalid("the proof was shown before".to_owned()),
            ProofRefused::Count(0) => invalid("the request has no DPoP proof".to_owned()),
            ProofRefused::Count(count) => invalid(format!("the request has {count} proofs, expected one")),
            ProofRefused::Unremembered => Self::unavailable(),
        }
    }
}

/// Whoever logs in is nobody's client.
pub(super) const NO_CLIENT: &str =
    "client credentials and actors are not used here: the subject token is the credential";

/// An answer that nobody keeps.
pub(super) fn rendered(status: StatusCode, body: Vec<u8>, decision: DecisionId) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    if let Ok(id) = HeaderValue::from_str(&decision.to_string()) {
        headers.insert("x-request-id", id);
    }
    response
}
