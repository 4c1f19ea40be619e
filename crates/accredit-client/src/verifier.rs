//! Verification of access tokens (RFC 9068), for the owner of an API that receives them.

mod discovery;
mod presented;

use std::sync::Arc;
use std::time::Duration;

use accredit_id::act;
pub use accredit_id::act::Actor;
use accredit_id::jose::Algorithms;
use accredit_id::jose::dpop::Spent;
use accredit_id::jose::jwk::KeySet;
use accredit_id::json::{Json, Object};
use accredit_id::time::Timestamp;
use accredit_id::verify::{
    Buffer, Expectations, ExpectedIssuer, ExpectedType, IssuedAtRule, KeyIdRule, TokenFault, Verified, read, verify,
};
use arc_swap::ArcSwap;
use tokio::sync::Mutex;
use tokio::time::Instant;

pub use discovery::DiscoveryError;
pub use presented::{BindingFault, Presented};

use crate::web::Endpoint;
use presented::{Bound, Scheme};

/// Verifies access tokens of one issuer for one API.
///
/// An API that takes tokens that are bound to a key or a certificate calls [`AccessTokenVerifier::verify_request`]; to
/// [`AccessTokenVerifier::verify`] every such token is refused, because a bearer token is all that it can see.
///
/// Make one at start and keep it: it holds the issuer's keys. A token of an unknown key has them fetched anew, at most
/// every 30 seconds; keys older than five minutes, or than the `max-age` they came with where that is shorter, are fetched
/// anew in the background; while the issuer does not answer,
/// the old ones serve for a day. Tokens of known keys never wait. Clones share keys.
///
/// ```no_run
/// # async fn example(bearer: &str, now: accredit_id::time::Timestamp) -> Result<(), Box<dyn std::error::Error>> {
/// use accredit_client::verifier::AccessTokenVerifier;
///
/// let verifier = AccessTokenVerifier::discover("https://accredit.example.org", "https://payments.example.org").await?;
/// match verifier.verify(bearer, now).await {
///     Ok(token) if token.allows("payments.read") => println!("{} may read", token.subject),
///     Ok(_) => println!("403 Forbidden, WWW-Authenticate: Bearer error=\"insufficient_scope\""),
///     Err(error) => println!("401 Unauthorized, WWW-Authenticate: {}", error.challenge()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AccessTokenVerifier {
    shared: Arc<Shared>,
}

/// What an access token says, once it is known to be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// The principal: `sub`, for ours the id of a service account (`sa_...`).
    pub subject: String,
    /// `client_id` (RFC 9068 section 2.2); for ours the same as the subject.
    pub client_id: String,
    /// The project of the principal (`proj_...`), where the issuer says it.
    pub org_id: Option<String>,
    /// Its permissions; empty when it has no `scope`.
    pub scope: Vec<String>,
    /// Who acts for the principal (`act`, RFC 8693 section 4.1), the present actor first; empty where nobody does. Only the
    /// first one counts for what is allowed, the others are whom he acts after. A token whose `act` is not what our server
    /// writes, or has more than four actors, is refused.
    pub actors: Vec<Actor>,
    /// `jti`; for ours the decision to ask an operator about (`dec_...`).
    pub token_id: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Why an access token is not accepted.
///
/// `Display` is for logs and tells no value of the token. What was seen and expected is in
/// [`AccessTokenError::operator_text`], which callers must not be told.
#[derive(Debug, thiserror::Error)]
pub enum AccessTokenError {
    /// The token is not what it should be.
    #[error("access token refused: {}", .0.code())]
    Rejected(TokenFault),
    /// The token is genuine, and whoever shows it has not proved that he may.
    #[error("access token refused: {}", .0.code())]
    NotProved(BindingFault),
    /// The request has no credentials of a scheme that is known here.
    #[error("request has no access token")]
    Missing,
    /// The issuer has not given its keys for a day: nobody can tell.
    #[error("access tokens cannot be verified: keys of the issuer are {hours} h old")]
    KeysTooOld {
        /// Their age.
        hours: u64,
    },
}

struct Shared {
    issuer: String,
    audience: Vec<String>,
    source: Endpoint,
    keys: ArcSwap<Keys>,
    /// Proofs that were shown to this verifier.
    spent: Spent,
    /// When keys were last asked for. Held while they are, so that one fetch serves all who wait.
    asked: Mutex<Instant>,
}

struct Keys {
    set: KeySet,
    fetched: Instant,
    /// How long they are taken for the issuer's present ones.
    fresh: Duration,
}

// === impl AccessTokenVerifier ===

impl AccessTokenVerifier {
    /// Finds the issuer's keys: its metadata (RFC 8414 section 3, else OpenID Connect Discovery 1.0 section 4), then its
    /// key set. `audience` is the API's own: what its tokens bear as `aud`.
    ///
    /// # Errors
    /// [`DiscoveryError`]; trying again is the caller's choice.
    pub async fn discover(issuer: &str, audience: &str) -> Result<Self, DiscoveryError> {
        Self::discover_with(issuer, audience, None).await
    }

    /// The same, trusting also the certificates in `pem`, for an issuer with a private certificate authority.
    ///
    /// # Errors
    /// As [`AccessTokenVerifier::discover`], and when `pem` holds no certificate.
    pub async fn discover_trusting(issuer: &str, audience: &str, pem: &[u8]) -> Result<Self, DiscoveryError> {
        Self::discover_with(issuer, audience, Some(pem)).await
    }

    async fn discover_with(issuer: &str, audience: &str, pem: Option<&[u8]>) -> Result<Self, DiscoveryError> {
        let source = discovery::key_source(issuer, pem).await?;
        let (set, max_age) = discovery::keys(&source).await?;
        let now = Instant::now();
        let shared = Shared {
            issuer: issuer.to_owned(),
            audience: vec![audience.to_owned()],
            source,
            keys: ArcSwap::from_pointee(Keys { set, fetched: now, fresh: fresh(max_age) }),
            spent: presented::spent(),
            asked: Mutex::new(now),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Verifies a bearer token: signature, issuer, audience, profile, times. One that is bound to a key is refused.
    ///
    /// `token` is what follows `Bearer ` in the `Authorization` header (RFC 6750 section 2.1).
    ///
    /// # Errors
    /// [`AccessTokenError`].
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<AccessToken, AccessTokenError> {
        let bare = Presented { authorization: "", proofs: &[], method: "", url: "", certificate: None };
        self.verify_as(&bare, (Scheme::Bearer, token), now).await
    }

    /// Verifies the token of a request together with what it is bound to: the key of a DPoP proof (RFC 9449 section 7), the
    /// certificate of the connection (RFC 8705 section 3). A bound token that is shown as a bearer token is refused, and so is a
    /// bearer token under the scheme `DPoP`.
    ///
    /// Each proof counts once, at this verifier and its clones: where an API runs as several servers, a captured request could be
    /// tried at another one within a minute.
    ///
    /// ```no_run
    /// # async fn example(authorization: &str, dpop: &str, now: accredit_id::time::Timestamp) -> Result<(), Box<dyn std::error::Error>> {
    /// use accredit_client::verifier::{AccessTokenVerifier, Presented};
    ///
    /// let verifier = AccessTokenVerifier::discover("https://accredit.example.org", "https://payments.example.org").await?;
    /// let url = "https://payments.example.org/v1/payments";
    /// let request = Presented { authorization, proofs: &[dpop], method: "GET", url, certificate: None };
    /// match verifier.verify_request(&request, now).await {
    ///     Ok(token) => println!("{} may {:?}", token.subject, token.scope),
    ///     Err(error) => println!("401 Unauthorized, WWW-Authenticate: {}", error.challenge()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`AccessTokenError`].
    pub async fn verify_request(
        &self,
        request: &Presented<'_>,
        now: Timestamp,
    ) -> Result<AccessToken, AccessTokenError> {
        self.verify_as(request, request.scheme()?, now).await
    }

    async fn verify_as(
        &self,
        request: &Presented<'_>,
        token: (Scheme, &str),
        now: Timestamp,
    ) -> Result<AccessToken, AccessTokenError> {
        let keys = self.shared.keys.load_full();
        let age = keys.fetched.elapsed();
        if age > KEPT {
            // Nothing else can be said without keys, so here alone everybody waits for the fetch.
            let fresh = self.newer_than(&keys).await;
            let fresh = fresh.ok_or(AccessTokenError::KeysTooOld { hours: age.as_secs() / 3600 })?;
            return self.shared.judge(request, token, &fresh.set, now);
        }
        if age > keys.fresh {
            let verifier = self.clone();
            let old = Arc::clone(&keys);
            tokio::spawn(async move { verifier.newer_than(&old).await });
        }
        match self.shared.judge(request, token, &keys.set, now) {
            Err(AccessTokenError::Rejected(fault @ TokenFault::KeyNotFound { .. })) => {
                match self.newer_than(&keys).await {
                    Some(fresh) => self.shared.judge(request, token, &fresh.set, now),
                    None => Err(AccessTokenError::Rejected(fault)),
                }
            }
            judgement => judgement,
        }
    }

    /// Keys that were fetched after `seen`, or `None` when it is too early to ask again or nobody answers.
    async fn newer_than(&self, seen: &Arc<Keys>) -> Option<Arc<Keys>> {
        let shared = Arc::clone(&self.shared);
        let seen = Arc::clone(seen);
        // A task of its own: a caller who hangs up must not cancel the fetch and leave only its cool-down behind.
        tokio::spawn(async move { shared.newer_than(&seen).await }).await.ok().flatten()
    }
}

impl std::fmt::Debug for AccessTokenVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessTokenVerifier")
            .field("issuer", &self.shared.issuer)
            .field("audience", &self.shared.audience)
            .finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    async fn newer_than(&self, seen: &Arc<Keys>) -> Option<Arc<Keys>> {
        let mut asked = self.asked.lock().await;
        let current = self.keys.load_full();
        if !Arc::ptr_eq(&current, seen) {
            return Some(current);
        }
        // An issuer that wants to be asked more often is.
        if asked.elapsed() < COOL_DOWN.min(current.fresh) {
            return None;
        }
        // Failures cool down as well: a broken issuer is not to be hammered.
        *asked = Instant::now();
        let (set, max_age) = discovery::keys(&self.source).await.ok()?;
        let fresh = Arc::new(Keys { set, fetched: Instant::now(), fresh: fresh(max_age) });
        self.keys.store(Arc::clone(&fresh));
        Some(fresh)
    }

    fn judge(
        &self,
        request: &Presented<'_>,
        (scheme, token): (Scheme, &str),
        keys: &KeySet,
        now: Timestamp,
    ) -> Result<AccessToken, AccessTokenError> {
        let expected = Expectations {
            token_type: ExpectedType::AccessToken,
            issuer: ExpectedIssuer::Exact(&self.issuer),
            audiences: &self.audience,
            single_audience: true,
            algorithms: Algorithms::ASYMMETRIC,
            max_lifetime: MAX_LIFETIME,
            max_age: None,
            leeway: LEEWAY,
            key_id: KeyIdRule::Required,
            issued_at: IssuedAtRule::Required,
        };
        let mut buffer = Buffer::default();
        let read = read(token, &mut buffer).map_err(AccessTokenError::Rejected)?;
        let verified =
            verify(read, &expected, keys, now).map_err(|rejected| AccessTokenError::Rejected(rejected.fault))?;
        let told = AccessToken::of(&verified).map_err(AccessTokenError::Rejected)?;
        // Last, so that only whoever shows a genuine token fills the memory of proofs.
        let proved =
            Bound::of(verified.claims()).and_then(|bound| request.proves((scheme, token), &bound, &self.spent, now));
        proved.map(|()| told).map_err(AccessTokenError::NotProved)
    }
}

// === impl AccessToken ===

impl AccessToken {
    /// Whether its scope holds this permission, byte for byte.
    pub fn allows(&self, permission: &str) -> bool {
        self.scope.iter().any(|held| held == permission)
    }

    fn of(verified: &Verified<'_>) -> Result<Self, TokenFault> {
        let claims = verified.claims();
        let scope = text(claims, "scope")?.unwrap_or_default();
        Ok(Self {
            subject: verified.subject().to_owned(),
            client_id: text(claims, "client_id")?.unwrap_or_default().to_owned(),
            org_id: text(claims, "org_id")?.map(str::to_owned),
            scope: scope.split(' ').filter(|permission| !permission.is_empty()).map(str::to_owned).collect(),
            actors: act::read(claims).map_err(|fault| TokenFault::ClaimMalformed {
                claim: "act",
                seen: fault.to_string().into(),
                expected: "actors by `iss` and `sub`, at most four",
            })?,
            token_id: verified.token_id().unwrap_or_default().to_owned(),
            // The profile requires it; a token without was refused before.
            issued_at: verified.issued_at().unwrap_or(verified.expires_at()),
            expires_at: verified.expires_at(),
        })
    }
}

// === impl AccessTokenError ===

impl AccessTokenError {
    /// Stable kebab-case code of the fault.
    pub fn code(&self) -> &'static str {
        match self {
            AccessTokenError::KeysTooOld { .. } => "keys-too-old",
            AccessTokenError::Rejected(fault) => fault.code(),
            AccessTokenError::NotProved(fault) => fault.code(),
            AccessTokenError::Missing => "token-missing",
        }
    }

    /// What was seen and expected, for the API's own log.
    pub fn operator_text(&self) -> String {
        match self {
            AccessTokenError::KeysTooOld { .. } | AccessTokenError::Missing => self.to_string(),
            AccessTokenError::Rejected(fault) => fault.operator_text(),
            AccessTokenError::NotProved(fault) => fault.to_string(),
        }
    }

    /// The `WWW-Authenticate` value to answer with (RFC 6750 section 3, RFC 9449 section 7.1). It says no more than that.
    pub fn challenge(&self) -> &'static str {
        match self {
            AccessTokenError::NotProved(fault) if fault.is_of_the_proof() => {
                "DPoP algs=\"ES256 ES384 EdDSA\", error=\"invalid_dpop_proof\""
            }
            AccessTokenError::NotProved(BindingFault::ShownAsBearer) => {
                "DPoP algs=\"ES256 ES384 EdDSA\", error=\"invalid_token\""
            }
            AccessTokenError::Missing => "Bearer",
            AccessTokenError::KeysTooOld { .. } | AccessTokenError::Rejected(_) | AccessTokenError::NotProved(_) => {
                "Bearer error=\"invalid_token\""
            }
        }
    }
}

fn text<'c>(claims: &'c Object<'_>, name: &'static str) -> Result<Option<&'c str>, TokenFault> {
    match claims.get(name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(other) => {
            Err(TokenFault::ClaimMalformed { claim: name, seen: other.type_name().into(), expected: "a string" })
        }
    }
}

/// How long keys are taken for the present ones whose issuer says so.
fn fresh(max_age: Option<Duration>) -> Duration {
    max_age.map_or(FRESH, |said| said.clamp(SHORTEST_FRESH, FRESH))
}

/// The longest token that our server mints.
const MAX_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// Clock difference forgiven for `iat` and `nbf`.
const LEEWAY: Duration = Duration::from_secs(30);
/// A withdrawn key is forgotten after so long while the issuer answers.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// No issuer is asked more often, whatever it says.
const SHORTEST_FRESH: Duration = Duration::from_secs(1);
/// A withdrawn key is believed no longer than this, whatever keeps the issuer from answering.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Tokens of invented keys cost the issuer one request in this time.
const COOL_DOWN: Duration = Duration::from_secs(30);
