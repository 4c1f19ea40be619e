//! Token exchange (RFC 8693): a workload's token for an access token.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use accredit_api::token::{TokenError, TokenResponse};
use accredit_id::jose::dpop::{ProofKey, ToProve};
use accredit_id::secret::Secret;
use serde::Deserialize;

use crate::inert::Inert;
pub use crate::web::EndpointFault;
use crate::web::{Answer, Endpoint, WebFault};
use crate::{chance, clock, form};

/// A token endpoint, ours or anyone's that speaks RFC 8693 with a form.
///
/// Requests end after 10 seconds, answers after 1 MiB, redirects are not followed. Clones share connections.
///
/// ```no_run
/// # async fn example(platform_token: String) -> Result<(), Box<dyn std::error::Error>> {
/// use accredit_client::exchange::{Request, TokenEndpoint};
///
/// let endpoint = TokenEndpoint::new("https://accredit.example.org/oauth/token")?;
/// let mut request = Request::new(platform_token);
/// request.service_account = Some("ci/web".to_owned());
/// request.audience = Some("https://payments.example.org".to_owned());
/// let token = endpoint.exchange(&request).await?;
/// println!("good for {} s", token.expires_in);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TokenEndpoint {
    endpoint: Endpoint,
    /// The nonce that the server told last (RFC 9449 section 8).
    nonce: Arc<Mutex<Option<String>>>,
}

/// What is offered and asked for. Only the subject token is needed where one candidate remains without the rest.
pub struct Request {
    /// The token that the platform gave. White space around it is not sent.
    pub subject_token: Secret<String>,
    /// What it is (RFC 8693 section 3); [`JWT`] unless said otherwise.
    pub subject_token_type: String,
    /// Name or id of the identity provider that issued it.
    pub provider: Option<String>,
    /// Name or id of the service account to become.
    pub service_account: Option<String>,
    /// The token of whoever acts for the subject (RFC 8693 `actor_token`), a JWT; whoever acts sends the request.
    pub actor_token: Option<Secret<String>>,
    /// Name or id of the identity provider that issued that one.
    pub actor_provider: Option<String>,
    /// The API that the token is for.
    pub audience: Option<String>,
    /// Permissions asked for, separated by spaces; all that are granted when absent.
    pub scope: Option<String>,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The endpoint answered no.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The endpoint could not be asked, or did not answer in time. Trying again may help.
    #[error("token endpoint `{endpoint}` cannot be reached: {cause}")]
    Unreachable {
        /// Its URL.
        endpoint: String,
        /// What the network said.
        cause: String,
    },
    /// The endpoint answered something that is no answer of a token endpoint.
    #[error("token endpoint `{endpoint}` answered {status} with {message}")]
    Malformed {
        /// Its URL.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with the answer; nothing of the answer itself.
        message: String,
    },
}

/// An error answer (RFC 6749 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The error code, e.g. `invalid_request`.
    pub code: String,
    /// One sentence, possibly empty.
    pub description: String,
    /// Our stable reason, once signature and audience have verified.
    pub reason: Option<String>,
    /// The decision to ask an operator about.
    pub decision_id: Option<String>,
    /// A page about it.
    pub uri: Option<String>,
    /// How long the server asks to wait (RFC 9110 section 10.2.3, seconds only).
    pub retry_after: Option<Duration>,
}

/// The token type of a JWT (RFC 8693 section 3).
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

// === impl TokenEndpoint ===

impl TokenEndpoint {
    /// An endpoint by its URL: `https`, or plain `http` on this machine.
    ///
    /// # Errors
    /// When a token must not be sent to such a URL.
    pub fn new(url: &str) -> Result<Self, EndpointFault> {
        Ok(Self { endpoint: Endpoint::parse(url, None)?, nonce: Arc::default() })
    }

    /// The same, trusting also the certificates in `pem`, for a server with a private certificate authority.
    ///
    /// # Errors
    /// As [`TokenEndpoint::new`], and when `pem` holds no certificate.
    pub fn trusting(url: &str, pem: &[u8]) -> Result<Self, EndpointFault> {
        Ok(Self { endpoint: Endpoint::parse(url, Some(pem))?, nonce: Arc::default() })
    }

    /// Exchanges once. Nothing is tried again here: the caller knows what a second use of the token costs.
    ///
    /// # Errors
    /// [`ExchangeError`], which tells a refusal from an accident.
    pub async fn exchange(&self, request: &Request) -> Result<TokenResponse, ExchangeError> {
        let answer =
            self.endpoint.post_form(request.form(), None, BODY_CAP).await.map_err(|fault| self.fault(fault))?;
        match answer.status.as_u16() {
            200 => self.success(&answer, "Bearer"),
            _ => Err(self.failure(&answer)),
        }
    }

    /// Exchanges once for a token that is bound to `key` (DPoP, RFC 9449): it is worth nothing without a proof by that key,
    /// which goes with each request that shows it. Where the server wants its nonce in the proof, the request is sent once
    /// more with it; a server wants that before it looks at the subject token.
    ///
    /// ```no_run
    /// # async fn example(seed: [u8; 32], platform_token: String) -> Result<(), Box<dyn std::error::Error>> {
    /// use accredit_client::exchange::{Request, TokenEndpoint};
    /// use accredit_id::jose::dpop::ProofKey;
    /// use accredit_id::secret::Secret;
    ///
    /// let key = ProofKey::from_seed(&Secret::new(seed))?; // 32 bytes of your system's random generator
    /// let endpoint = TokenEndpoint::new("https://accredit.example.org/oauth/token")?;
    /// let token = endpoint.exchange_bound(&Request::new(platform_token), &key).await?;
    /// assert_eq!(token.token_type, "DPoP");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`TokenEndpoint::exchange`]; also a token that is not bound, which is not given out.
    pub async fn exchange_bound(&self, request: &Request, key: &ProofKey) -> Result<TokenResponse, ExchangeError> {
        let known = self.nonce.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut answer = self.proved(request, key, known.as_deref()).await?;
        let told = self.told(&answer);
        let wants = lenient_error(&answer.body).is_ok_and(|error| error.error == "use_dpop_nonce");
        if let Some(told) = told.filter(|told| wants && known.as_ref() != Some(told)) {
            answer = self.proved(request, key, Some(&told)).await?;
            self.told(&answer);
        }
        match answer.status.as_u16() {
            200 => self.success(&answer, "DPoP"),
            _ => Err(self.failure(&answer)),
        }
    }

    async fn proved(&self, request: &Request, key: &ProofKey, nonce: Option<&str>) -> Result<Answer, ExchangeError> {
        let token_id = chance::bytes().map_err(|fault| self.fault(WebFault::Unreachable(fault.to_string())))?;
        let (url, now) = (self.endpoint.url().as_str(), clock::now());
        let proof = key.prove(&ToProve { method: "POST", url, nonce, access_token: None, token_id, now });
        self.endpoint.post_form(request.form(), Some(&proof), BODY_CAP).await.map_err(|fault| self.fault(fault))
    }

    /// Remembers the nonce of an answer, for the next request.
    fn told(&self, answer: &Answer) -> Option<String> {
        let told = header(answer, "dpop-nonce")?;
        *self.nonce.lock().unwrap_or_else(PoisonError::into_inner) = Some(told.clone());
        Some(told)
    }

    fn success(&self, answer: &Answer, kind: &'static str) -> Result<TokenResponse, ExchangeError> {
        let malformed = |message: &str| self.malformed(answer, message);
        let success: Success =
            serde_json::from_slice(&answer.body).map_err(|_| malformed("a body that is no token response"))?;
        let Success { access_token, issued_token_type, token_type, expires_in, expires_at, scope, decision_id } =
            success;
        if access_token.is_empty() {
            return Err(malformed("an empty access token"));
        }
        // A bearer token where a bound one was asked for is a downgrade: whoever sees it could use it.
        if !token_type.eq_ignore_ascii_case(kind) {
            return Err(malformed(&format!("a token type other than {kind}")));
        }
        if expires_in == 0 {
            return Err(malformed("a token that has expired"));
        }
        Ok(TokenResponse {
            access_token,
            issued_token_type: issued_token_type.unwrap_or_else(|| ACCESS_TOKEN.to_owned()),
            token_type: kind.to_owned(),
            expires_in,
            expires_at: expires_at.unwrap_or_else(|| in_seconds(expires_in)),
            scope,
            decision_id,
        })
    }

    fn failure(&self, answer: &Answer) -> ExchangeError {
        let Ok(TokenError { error, error_description, error_uri, decision_id, reason }) = lenient_error(&answer.body)
        else {
            return self.malformed(answer, "a body that is no error of a token endpoint");
        };
        ExchangeError::Refused(Box::new(Refusal {
            status: answer.status.as_u16(),
            code: error,
            description: error_description,
            reason,
            decision_id: decision_id.or_else(|| header(answer, "x-request-id")),
            uri: error_uri,
            retry_after: header(answer, "retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs),
        }))
    }

    fn malformed(&self, answer: &Answer, message: &str) -> ExchangeError {
        ExchangeError::Malformed {
            endpoint: self.endpoint.url().to_string(),
            status: answer.status.as_u16(),
            message: message.to_owned(),
        }
    }

    fn fault(&self, fault: WebFault) -> ExchangeError {
        let endpoint = self.endpoint.url().to_string();
        match fault {
            WebFault::Unreachable(cause) | WebFault::Broken(cause) => ExchangeError::Unreachable { endpoint, cause },
            WebFault::TooLarge => ExchangeError::Unreachable { endpoint, cause: "an answer over 1 MiB".to_owned() },
        }
    }
}

// === impl Request ===

impl Request {
    /// Offers a JWT and asks for whatever the one candidate gives.
    pub fn new(subject_token: String) -> Self {
        Self {
            subject_token: Secret::new(subject_token),
            subject_token_type: JWT.to_owned(),
            provider: None,
            service_account: None,
            actor_token: None,
            actor_provider: None,
            audience: None,
            scope: None,
        }
    }

    fn form(&self) -> String {
        let Self {
            subject_token,
            subject_token_type,
            provider,
            service_account,
            actor_token,
            actor_provider,
            audience,
            scope,
        } = self;
        let mut pairs = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", ACCESS_TOKEN),
            ("subject_token_type", subject_token_type),
            // Platforms write token files with a line feed at the end.
            ("subject_token", subject_token.reveal().trim_ascii()),
        ];
        if let Some(actor_token) = actor_token {
            pairs.extend([("actor_token_type", JWT), ("actor_token", actor_token.reveal().trim_ascii())]);
        }
        let optional = [
            ("identity_provider_id", provider),
            ("actor_identity_provider_id", actor_provider),
            ("service_account_id", service_account),
            ("audience", audience),
            ("scope", scope),
        ];
        pairs.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
        form::encode(&pairs)
    }
}

// === impl Refusal ===

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exchange refused: `{}`", Inert(&self.code))?;
        if let Some(reason) = &self.reason {
            write!(f, " ({})", Inert(reason))?;
        }
        if !self.description.is_empty() {
            write!(f, ": {}", Inert(&self.description))?;
        }
        match &self.decision_id {
            Some(id) => write!(f, " (decision {})", Inert(id)),
            None => Ok(()),
        }
    }
}

/// A success as foreign endpoints write it: less is promised there than [`TokenResponse`] holds.
#[derive(Deserialize)]
struct Success {
    access_token: String,
    issued_token_type: Option<String>,
    token_type: String,
    expires_in: u64,
    expires_at: Option<i64>,
    scope: Option<String>,
    #[serde(default)]
    decision_id: Option<String>,
}

pub(crate) fn header(answer: &Answer, name: &str) -> Option<String> {
    Some(answer.headers.get(name)?.to_str().ok()?.to_owned())
}

/// RFC 6749 makes the description optional; ours always has one.
pub(crate) fn lenient_error(body: &[u8]) -> Result<TokenError, serde_json::Error> {
    let mut value: serde_json::Value = serde_json::from_slice(body)?;
    if let Some(members) = value.as_object_mut() {
        members.entry("error_description").or_insert_with(|| "".into());
    }
    serde_json::from_value(value)
}

/// A foreign endpoint says only how long; nobody else knows since when.
fn in_seconds(seconds: u64) -> i64 {
    clock::now().unix().saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// The token type of an OAuth access token (RFC 8693 section 3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// No token response is near this long.
const BODY_CAP: usize = 1024 * 1024;
