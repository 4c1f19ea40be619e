//! Requests with a proof of possession (RFC 9449).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use accredit_id::jose::dpop::{ProofKey, ToProve};
use reqwest::Method;

use crate::web::{Answer, Asked, Endpoint, EndpointFault, WebFault};
use crate::{chance, clock};

/// A server that wants proofs, and the nonce that it told last.
#[derive(Debug)]
pub(crate) struct Proving {
    endpoint: Endpoint,
    /// The server's URL, without a slash at its end.
    base: String,
    nonce: Mutex<Option<String>>,
}

/// A request to be proved.
#[derive(Clone, Copy)]
pub(crate) struct ToSend<'s> {
    pub(crate) method: &'s Method,
    /// Path and query.
    pub(crate) target: &'s str,
    /// The access token that goes with it.
    pub(crate) token: Option<&'s str>,
    pub(crate) content_type: &'s str,
    /// What makes it the same request when it is sent again (`Idempotency-Key`).
    pub(crate) idempotency_key: Option<&'s str>,
    pub(crate) body: &'s [u8],
    pub(crate) patience: Duration,
    pub(crate) cap: usize,
}

// === impl Proving ===

impl Proving {
    pub(crate) fn new(url: &str, extra_roots: Option<&[u8]>) -> Result<Self, EndpointFault> {
        let base = url.trim_end_matches('/').to_owned();
        Ok(Self { endpoint: Endpoint::parse(&base, extra_roots)?, base, nonce: Mutex::new(None) })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Fetches a document that needs no proof.
    pub(crate) async fn fetch(&self, target: &str, cap: usize) -> Result<Answer, WebFault> {
        let url = format!("{}{target}", self.base);
        let headers = [("accept", "application/json")];
        let asked = Asked { method: &Method::GET, url: &url, headers: &headers, body: &[], patience: PATIENCE, cap };
        self.endpoint.send(asked).await
    }

    /// Sends a request with its proof; once more when the server wants another nonce in it. The first nonce is asked for
    /// beforehand, so that no large body is sent for nothing.
    pub(crate) async fn send(&self, key: &ProofKey, request: ToSend<'_>) -> Result<Answer, WebFault> {
        if self.nonce().is_none() {
            let told = self.fetch(NONCE_FROM, ANSWER_CAP).await?;
            self.keep_nonce(&told);
        }
        let known = self.nonce();
        let answer = self.once(key, &request, known.as_deref()).await?;
        let told = self.keep_nonce(&answer);
        match told.filter(|told| wants_nonce(&answer) && Some(told) != known.as_ref()) {
            Some(told) => {
                let answer = self.once(key, &request, Some(&told)).await?;
                self.keep_nonce(&answer);
                Ok(answer)
            }
            None => Ok(answer),
        }
    }

    async fn once(&self, key: &ProofKey, request: &ToSend<'_>, nonce: Option<&str>) -> Result<Answer, WebFault> {
        let ToSend { method, target, token, content_type, idempotency_key, body, patience, cap } = *request;
        let url = format!("{}{target}", self.base);
        let token_id = chance::bytes().map_err(|fault| WebFault::Unreachable(fault.to_string()))?;
        let to_prove =
            ToProve { method: method.as_str(), url: &url, nonce, access_token: token, token_id, now: clock::now() };
        let proof = key.prove(&to_prove);
        let authorization = token.map(|token| format!("DPoP {token}"));
        let mut headers = vec![("accept", "application/json"), ("content-type", content_type), ("dpop", &proof)];
        headers.extend(idempotency_key.map(|value| ("idempotency-key", value)));
        headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
        self.endpoint.send(Asked { method, url: &url, headers: &headers, body, patience, cap }).await
    }

    fn nonce(&self) -> Option<String> {
        self.nonce.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep_nonce(&self, answer: &Answer) -> Option<String> {
        let told = answer.headers.get("dpop-nonce")?.to_str().ok()?.to_owned();
        *self.nonce.lock().unwrap_or_else(PoisonError::into_inner) = Some(told.clone());
        Some(told)
    }
}

/// RFC 9449 section 8 says it in the body, section 9 in the challenge.
fn wants_nonce(answer: &Answer) -> bool {
    let in_challenge = answer.headers.get("www-authenticate").and_then(|value| value.to_str().ok());
    let in_body = || serde_json::from_slice::<serde_json::Value>(&answer.body).ok();
    in_challenge.is_some_and(|challenge| challenge.contains("use_dpop_nonce"))
        || in_body().is_some_and(|body| body.get("error").is_some_and(|error| error == "use_dpop_nonce"))
}

/// Anybody may ask for it, and every answer of the server tells a nonce (RFC 9449 section 8.2).
const NONCE_FROM: &str = "/admin/login-options";
const ANSWER_CAP: usize = 1024 * 1024;
/// How long an answer to a small question may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
