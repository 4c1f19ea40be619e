//! The gate of the remote listener: from a token and a proof to an [`Actor`].

use std::sync::Arc;

use accredit_core::decide::access::Rights;
use accredit_core::decide::login;
use accredit_core::mint::AdminClaims;
use accredit_id::jose::Algorithms;
use accredit_id::jose::dpop::{self, ExpectedProof, Proof, ProofFault};
use accredit_id::time::Timestamp;
use accredit_id::verify::{
    self, Buffer, Expectations, ExpectedIssuer, ExpectedType, IssuedAtRule, KeyIdRule, TokenFault,
};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse as _;

use super::refused::Asked;
use super::{Actor, AdminFault};
use crate::app::App;
use crate::clock;
use crate::dpop::{Nonces, NotSpent, Spent};

/// What the remote listener knows beside the application.
pub(crate) struct Gate {
    pub(super) app: Arc<App>,
    /// The listener's URL as administrators know it, without a slash at its end: what proofs are made for.
    pub(super) url: String,
    nonces: Nonces,
    spent: Spent,
}

/// Why a request's proof does not hold.
#[derive(Debug)]
pub(super) enum ProofRefused {
    /// It is missing, or there are two.
    Count(usize),
    /// It does not hold.
    Fault(ProofFault),
    /// It was shown before.
    Replayed,
    /// There is no room to remember it.
    Full,
}

// === impl Gate ===

impl Gate {
    pub(crate) fn new(app: Arc<App>, url: String) -> Self {
        Self { app, url, nonces: Nonces::new(), spent: Spent::default() }
    }

    /// Judges the proof of a request. It is not spent yet.
    pub(super) fn proved(
        &self,
        headers: &HeaderMap,
        method: &str,
        path: &str,
        bound: Option<(&str, &str)>,
        now: Timestamp,
    ) -> Result<Proof, ProofRefused> {
        let mut proofs = headers.get_all(PROOF).iter();
        let (Some(proof), None) = (proofs.next(), proofs.next()) else {
            return Err(ProofRefused::Count(headers.get_all(PROOF).iter().count()));
        };
        let url = format!("{}{path}", self.url);
        let nonces = self.nonces.accepted(now);
        let (access_token, key) = bound.unzip();
        let expected = ExpectedProof { method, url: &url, access_token, key, nonces: &nonces, now };
        dpop::verify(proof.to_str().unwrap_or_default(), &expected).map_err(ProofRefused::Fault)
    }

    /// Takes note of a proof, so that it counts once.
    pub(super) fn spend(&self, proof: &Proof, now: Timestamp) -> Result<(), ProofRefused> {
        self.spent.spend(proof, now).map_err(|why| match why {
            NotSpent::Replayed => ProofRefused::Replayed,
            NotSpent::Full => ProofRefused::Full,
        })
    }

    /// The audience of admin tokens, and of workloads' tokens that are shown for one.
    pub(super) fn audience(&self) -> String {
        format!("{}/admin", self.app.public_url)
    }

    /// Who issues admin tokens.
    pub(super) fn issuer(&self) -> String {
        format!("{}/internal", self.app.public_url)
    }

    fn actor(&self, request: &Request) -> Result<Actor, Challenge> {
        let now = clock::now();
        let mut shown = request.headers().get_all(header::AUTHORIZATION).iter();
        let (Some(authorization), None) = (shown.next(), shown.next()) else { return Err(Challenge::NOTHING) };
        let authorization = authorization.to_str().unwrap_or_default();
        let token = match authorization.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("dpop") => token.trim(),
            // A bearer token is worth nothing here: whoever stole one could use it (I10).
            _ => return Err(Challenge::NOTHING),
        };
        let claims = self.claims(token, now).map_err(|fault| Challenge::token(fault.as_ref()))?;
        let method = request.method().as_str();
        let bound = Some((token, claims.key.as_str()));
        let proof = self
            .proved(request.headers(), method, request.uri().path(), bound, now)
            .and_then(|proof| self.spend(&proof, now))
            .map_err(Challenge::Proof);
        proof?;
        let in_force = self.app.read_model.now();
        let rights = login::still(claims.provider, &claims.administrators, &in_force.world);
        let Some(rights) = rights else { return Err(Challenge::Disowned(claims.name)) };
        Ok(Actor { name: claims.name, rights })
    }

    /// The claims of an admin token that verifies.
    fn claims(&self, token: &str, now: Timestamp) -> Result<AdminClaims, Option<TokenFault>> {
        let mut buffer = Buffer::default();
        let read = verify::read(token, &mut buffer).map_err(Some)?;
        let (issuer, audiences) = (self.issuer(), [self.audience()]);
        let expected = Expectations {
            token_type: ExpectedType::AccessToken,
            issuer: ExpectedIssuer::Exact(&issuer),
            audiences: &audiences,
            single_audience: true,
            algorithms: Algorithms::of(&[accredit_id::jose::Algorithm::Es256]),
            max_lifetime: std::time::Duration::from_secs(login::LIFETIME.unsigned_abs()),
            max_age: None,
            leeway: std::time::Duration::ZERO,
            key_id: KeyIdRule::Required,
            issued_at: IssuedAtRule::Required,
        };
        let keys = self.app.signing.internal_keys();
        let verified = verify::verify(read, &expected, &keys, now).map_err(|rejected| Some(rejected.fault))?;
        AdminClaims::read(verified.claims()).ok_or(None)
    }
}

/// Names the actor of a request, or refuses it (RFC 9449 section 7.1).
pub(super) async fn enter(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response<Body> {
    match gate.actor(&request) {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(challenge) => {
            if let Challenge::Disowned(name) = &challenge {
                // Who it is was proved, so it is an act that was refused, and not a stranger's request.
                let nobody = Actor { name: name.clone(), rights: Rights::default() };
                Asked::of(&request).refuse(&gate.app, &nobody, "unauthenticated", DISOWNED).await;
            }
            challenge.into_response()
        }
    }
}

/// Every answer tells the nonce that counts longest (RFC 9449 section 8.2).
pub(super) async fn tell_nonce(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response<Body> {
    let mut response = next.run(request).await;
    if let Ok(nonce) = HeaderValue::from_str(&gate.nonces.current(clock::now())) {
        response.headers_mut().insert(NONCE, nonce);
    }
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Why a request has no actor.
enum Challenge {
    /// The proof.
    Proof(ProofRefused),
    /// The token. Nothing of it is told: the holder logs in again.
    Token(&'static str),
    /// The token and its proof hold, but what let in whom it names no longer does.
    Disowned(String),
}

impl Challenge {
    const NOTHING: Self = Self::Token("");

    fn token(fault: Option<&TokenFault>) -> Self {
        match fault {
            Some(TokenFault::Expired { .. }) => Self::Token("the access token has expired"),
            _ => Self::Token("the access token is not acceptable"),
        }
    }

    fn into_response(self) -> Response<Body> {
        let (error, sentence) = match &self {
            Self::Proof(ProofRefused::Full) => {
                return AdminFault::Unavailable("proofs cannot be remembered at the moment".to_owned()).into_response();
            }
            Self::Proof(ProofRefused::Fault(ProofFault::Nonce)) => {
                ("use_dpop_nonce", "the proof needs our nonce".to_owned())
            }
            Self::Proof(ProofRefused::Fault(fault)) => ("invalid_dpop_proof", fault.to_string()),
            Self::Proof(ProofRefused::Replayed) => ("invalid_dpop_proof", "proof was shown before".to_owned()),
            Self::Proof(ProofRefused::Count(0)) => ("invalid_dpop_proof", "request has no proof".to_owned()),
            Self::Proof(ProofRefused::Count(count)) => {
                ("invalid_dpop_proof", format!("request has {count} proofs, expected one"))
            }
            Self::Token("") => ("", String::new()),
            Self::Token(sentence) => ("invalid_token", (*sentence).to_owned()),
            Self::Disowned(_) => ("invalid_token", DISOWNED.to_owned()),
        };
        let mut response = match sentence.is_empty() {
            true => AdminFault::Unauthenticated.into_response(),
            false => AdminFault::Challenged(sentence).into_response(),
        };
        if !error.is_empty() {
            let challenge = format!("DPoP algs=\"{ALGORITHMS}\", error=\"{error}\"");
            if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
        }
        response
    }
}

const DISOWNED: &str = "what its holder was let in by is not what it was";
/// As RFC 9449 section 7.1 lists them.
const ALGORITHMS: &str = "ES256 ES384 EdDSA";
const PROOF: HeaderName = HeaderName::from_static("dpop");
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
