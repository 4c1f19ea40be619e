//! The gate of the remote listener: from a token and a proof to an [`Actor`].

use std::sync::Arc;

use accredit_core::decide::access::Rights;
use accredit_core::decide::login;
use accredit_core::mint::AdminClaims;
use accredit_id::jose::Algorithms;
use accredit_id::jose::dpop::ProofFault;
use accredit_id::time::Timestamp;
use accredit_id::verify::{
    self, Buffer, Expectations, ExpectedIssuer, ExpectedType, IssuedAtRule, KeyIdRule, TokenFault,
};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse as _;

use super::refused::Asked;
use super::{Actor, AdminFault, Source};
use crate::app::App;
use crate::budget::Cost;
use crate::clock;
use crate::dpop::{ALGORITHMS, Judged, Place, ProofRefused, Proofs};

/// What the remote listener knows beside the application.
pub(crate) struct Gate {
    pub(super) app: Arc<App>,
    /// Proofs are made for the listener's URL as administrators know it.
    pub(super) proofs: Proofs,
}

/// For the proofs of administrators: 1,400 acts a second for the three minutes that each is remembered.
const ROOM: usize = 1 << 18;

// === impl Gate ===

impl Gate {
    pub(crate) fn new(app: Arc<App>, url: String) -> Self {
        let proofs = Proofs::new(url, Place::Administration, ROOM, &app.keeper);
        Self { app, proofs }
    }

    /// The audience of admin tokens, and of workloads' tokens that are shown for one.
    pub(super) fn audience(&self) -> String {
        format!("{}/admin", self.app.public_url)
    }

    /// Who issues admin tokens.
    pub(super) fn issuer(&self) -> String {
        format!("{}/internal", self.app.public_url)
    }

    /// What a request shows, as far as it can be judged without anybody else.
    fn shown(&self, request: &Request, now: Timestamp) -> Result<(AdminClaims, Judged), Challenge> {
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
        let judged = self.proofs.judge(request.headers(), method, request.uri().path(), bound, now);
        Ok((claims, judged.map_err(Challenge::Proof)?))
    }

    /// Whoever shows it, the first time that he does.
    async fn actor(&self, claims: AdminClaims, judged: &Judged, now: Timestamp) -> Result<Actor, Challenge> {
        self.proofs.spend_alone(judged, &self.app.recorder, now).await.map_err(Challenge::Proof)?;
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
    let source = request.extensions().get::<Source>().copied().unwrap_or_default().address();
    if let Err(spent) = gate.app.budgets.admit(source) {
        return AdminFault::Throttled(spent.retry_after).into_response();
    }
    let now = clock::now();
    let actor = match gate.shown(&request, now) {
        Ok((claims, judged)) => gate.actor(claims, &judged, now).await,
        Err(challenge) => Err(challenge),
    };
    match actor {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(challenge) => {
            challenge.cost().into_iter().for_each(|cost| gate.app.budgets.failed(source, cost));
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
    let headers = response.headers_mut();
    gate.proofs.tell_nonce(headers, clock::now());
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

    /// What it costs its source.
    fn cost(&self) -> Option<Cost> {
        match self {
            Self::Proof(why) => why.cost(),
            Self::Token("") => Some(Cost::Look),
            Self::Token(_) | Self::Disowned(_) => Some(Cost::Verification),
        }
    }

    fn token(fault: Option<&TokenFault>) -> Self {
        match fault {
            Some(TokenFault::Expired { .. }) => Self::Token("the access token has expired"),
            _ => Self::Token("the access token is not acceptable"),
        }
    }

    fn into_response(self) -> Response<Body> {
        let (error, sentence) = match &self {
            Self::Proof(ProofRefused::Unremembered) => {
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
