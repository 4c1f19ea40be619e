//! The admin listener, before anybody is logged in.

use std::time::Duration;

use accredit_api::admin::LoginOptions;
use accredit_api::token::{TokenError, TokenResponse};
use accredit_id::jose::dpop::{ProofKey, normal};
use accredit_id::secret::Secret;
use reqwest::Method;

use super::fault::LoginError;
use crate::exchange::{Refusal, header, lenient_error};
use crate::form;
use crate::proving::{PATIENCE, Proving, ToSend};
use crate::web::Answer;

/// A server's admin listener.
#[derive(Debug)]
pub struct LoginServer {
    pub(crate) proving: Proving,
}

/// A token that is worth nothing without its key.
#[derive(Debug)]
pub struct AdminToken {
    /// The token.
    pub token: Secret<String>,
    /// When it ends, Unix seconds.
    pub expires_at: i64,
}

// === impl LoginServer ===

impl LoginServer {
    /// The listener at this URL: `https`, or plain `http` on this machine. `extra_roots` is PEM of certificates to trust
    /// beside the machine's own. Nothing is asked yet.
    ///
    /// # Errors
    /// [`LoginError::Endpoint`].
    pub fn new(url: &str, extra_roots: Option<&[u8]>) -> Result<Self, LoginError> {
        Ok(Self { proving: Proving::new(url, extra_roots)? })
    }

    /// Its URL, without a slash at its end.
    pub fn url(&self) -> &str {
        self.proving.base()
    }

    /// Asks which ways in there are.
    ///
    /// # Errors
    /// [`LoginError`]; also when the server calls itself by another URL, since proofs for this one would be refused.
    pub async fn options(&self) -> Result<LoginOptions, LoginError> {
        let url = self.url();
        let answer = self.proving.fetch(OPTIONS, CAP).await.map_err(|fault| LoginError::web(url, fault))?;
        if answer.status.as_u16() != 200 {
            let message = format!("status {}, expected 200: it is no admin listener", answer.status.as_u16());
            return Err(LoginError::malformed(url, message));
        }
        let options: LoginOptions = serde_json::from_slice(&answer.body)
            .map_err(|_| LoginError::malformed(url, "it tells no ways to log in: it is no admin listener"))?;
        if normal(&options.admin) != normal(url) {
            let message = format!("it calls itself `{}`", crate::inert::Inert(&options.admin));
            return Err(LoginError::malformed(url, message));
        }
        Ok(options)
    }

    /// Exchanges evidence for a token that is bound to the key.
    ///
    /// # Errors
    /// [`LoginError::Refused`] when the server says no.
    pub async fn token(&self, key: &ProofKey, evidence: &str, evidence_type: &str) -> Result<AdminToken, LoginError> {
        let body = form::encode(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token_type", evidence_type),
            ("subject_token", evidence.trim_ascii()),
        ]);
        let request = ToSend {
            method: &Method::POST,
            target: "/admin/token",
            token: None,
            content_type: "application/x-www-form-urlencoded",
            idempotency_key: None,
            body: body.as_bytes(),
            patience: PATIENCE,
            cap: CAP,
        };
        let answer = self.proving.send(key, request).await.map_err(|fault| LoginError::web(self.url(), fault))?;
        if answer.status.as_u16() != 200 {
            return Err(self.refused(&answer));
        }
        let response: TokenResponse = serde_json::from_slice(&answer.body)
            .map_err(|_| LoginError::malformed(self.url(), "a body that is no token response"))?;
        match response.token_type.eq_ignore_ascii_case("dpop") {
            true => Ok(AdminToken { token: Secret::new(response.access_token), expires_at: response.expires_at }),
            // A bearer token would be one that a thief can use.
            false => Err(LoginError::malformed(self.url(), "a token that is not bound to the key")),
        }
    }

    fn refused(&self, answer: &Answer) -> LoginError {
        let status = answer.status.as_u16();
        let Ok(TokenError { error, error_description, error_uri, decision_id, reason }) = lenient_error(&answer.body)
        else {
            return LoginError::malformed(self.url(), format!("status {status} without an error of a token endpoint"));
        };
        LoginError::Refused(Box::new(Refusal {
            status,
            code: error,
            description: error_description,
            reason,
            decision_id,
            uri: error_uri,
            retry_after: header(answer, "retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs),
        }))
    }
}

const OPTIONS: &str = "/admin/login-options";
/// No answer about logging in is near this long.
const CAP: usize = 1024 * 1024;
