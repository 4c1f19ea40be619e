//! `POST /admin/token`: evidence and a proof in, an admin token out (RFC 8693 with RFC 9449).
//!
//! The same road as an exchange, with other policy: verify, facts, decide (`core/decide/login`), mint, sign, record.

use std::sync::Arc;

use accredit_api::token::TokenResponse;
use accredit_core::decide::login::{self, LetIn};
use accredit_core::facts::{Facts, Proved};
use accredit_core::mint::{self, Holder};
use accredit_core::model::{DecisionId, Login, Provider, Resource};
use accredit_id::digest::sha256;
use accredit_id::json::{Json as Claim, Object};
use accredit_id::time::Timestamp;
use accredit_id::verify::{self, Buffer, Rejected, TokenFault, Verified};
use accredit_store::Entry;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri, header};

use super::asked::{Asked, whole};
use super::refused::{NO_CLIENT, Refused, rendered};
use crate::admin::Source;
use crate::admin::gate::Gate;
use crate::budget::{Cost, Spent};
use crate::dpop::{Judged, ProofRefused};
use crate::exchange::{RATE_LIMITED, is_another_providers};
use crate::read_model::InForce;
use crate::record::{self, LoggedIn, NotLoggedIn, Recorded};
use crate::tell::{self, UNACCEPTABLE};
use crate::{chance, clock, provider};

/// Answers one request for an admin token.
pub(in crate::admin) async fn token(
    State(gate): State<Arc<Gate>>,
    Extension(source): Extension<Source>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let decision = DecisionId::new(chance::bits());
    match respond(&gate, source, &uri, &headers, body, decision).await {
        Ok(response) => rendered(StatusCode::OK, serde_json::to_vec(&response).unwrap_or_default(), decision),
        Err(refused) => refused.rendered(decision, &gate.app.public_url),
    }
}

async fn respond(
    gate: &Gate,
    source: Source,
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
    decision: DecisionId,
) -> Result<TokenResponse, Refused> {
    gate.app.budgets.admit(source.address()).map_err(Refused::throttled)?;
    let paid = |cost: Option<Cost>| cost.into_iter().for_each(|cost| gate.app.budgets.failed(source.address(), cost));
    let looked_at = |refused| {
        paid(Some(Cost::Look));
        refused
    };
    if uri.query().is_some() {
        return Err(looked_at(Refused::request("parameters belong into the body, not into the URL")));
    }
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(looked_at(Refused { status: 401, error: "invalid_client", ..Refused::request(NO_CLIENT) }));
    }
    let body = whole(body).await.map_err(looked_at)?;
    let asked = Asked::read(headers, &body, &gate.audience()).map_err(looked_at)?;
    let now = clock::now();
    let judged = gate.proofs.judge(headers, "POST", uri.path(), None, now).inspect_err(|why| paid(why.cost()))?;
    let mut decided_on = 0;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            gate.app.await_what_is_newer(decided_on, attempt).await;
        }
        let in_force = gate.app.read_model.now();
        decided_on = in_force.revocation;
        let walk = Walk { gate, asked: &asked, judged: &judged, source, decision, in_force, now: clock::now() };
        if let Some(response) = walk.walk(attempt == 0).await? {
            return Ok(response);
        }
    }
    Err(Refused::unavailable())
}

/// One walk along the road, on one snapshot at one time.
struct Walk<'w> {
    gate: &'w Gate,
    asked: &'w Asked,
    judged: &'w Judged,
    source: Source,
    decision: DecisionId,
    in_force: Arc<InForce>,
    now: Timestamp,
}

impl Walk<'_> {
    /// `Ok(None)` when something was revoked on the way.
    async fn walk(&self, is_first: bool) -> Result<Option<TokenResponse>, Refused> {
        let app = &self.gate.app;
        let mut buffer = Buffer::default();
        let peeked = verify::read(&self.asked.token, &mut buffer).map_err(|fault| self.unverified(&fault, None))?;
        let candidates = provider::resolve(&self.in_force.world, self.asked.provider.as_deref(), None, &peeked)
            .map_err(|unknown| self.note_unverified(unknown.code, unknown.operator, unknown.hint, None))?;
        let mut candidates = offering(candidates).into_iter().peekable();
        if candidates.peek().is_none() {
            let operator = "nobody logs in by a provider of this issuer".to_owned();
            let hint = Some("an owner says `login` in the provider's spec".to_owned());
            return Err(self.note_unverified("login-not-offered", operator, hint, None));
        }
        while let Some((found, known, login)) = candidates.next() {
            let mut buffer = Buffer::default();
            let read = verify::read(&self.asked.token, &mut buffer).map_err(|fault| self.unverified(&fault, None))?;
            let keys = match app.keys_of(found, known).keys_for(read.key_id(), self.now).await {
                Ok(keys) => keys,
                Err(_) if candidates.peek().is_some() => continue,
                Err(unavailable) => {
                    let operator = unavailable.operator_text(found.name.as_str());
                    self.note_unverified("keys-unavailable", operator, unavailable.hint(), Some(found));
                    return Err(Refused::unavailable());
                }
            };
            let expected = verify::Expectations { audiences: &login.audiences, ..provider::expectations(known) };
            match verify::verify(read, &expected, &keys, self.now) {
                Ok(verified) => return self.decide(found, known, login, &verified, is_first).await,
                Err(rejected) if candidates.peek().is_some() && is_another_providers(rejected.fault.code()) => {}
                Err(rejected) => return Err(self.rejected(found, known, &rejected).await),
            }
        }
        Err(Refused::unavailable())
    }

    async fn decide(
        &self,
        found: &Resource,
        known: &Provider,
        login: &Login,
        verified: &Verified<'_>,
        is_first: bool,
    ) -> Result<Option<TokenResponse>, Refused> {
        self.pay(found, known, verified)?;
        let shown = Known { found, known, claims: verified.claims(), subject: Some(verified.subject()) };
        if let Some((code, operator, sentence)) = self.foreign(login, verified) {
            self.record_denied(shown, code, operator.to_owned(), None, Vec::new()).await;
            return Err(Refused { reason: Some(code), ..Refused::request(sentence) });
        }
        let world = &self.in_force.world;
        let verdict = {
            let facts = Facts::<Proved>::proved(known, verified);
            login::login(found, &facts, world, self.now).map_err(|why| (why, login::considered(found, &facts, world)))
        };
        match verdict {
            Ok(let_in) => {
                // Each walk of a request shows the same proof, which counts once.
                if is_first {
                    self.gate.proofs.spend(self.judged, self.now)?;
                }
                self.issue(found, known, verified, &let_in).await
            }
            Err((why, mut considered)) => {
                tell::redact(&mut considered, known);
                let (operator, hint) = why.operator(found, &considered);
                let code = why.code();
                let considered = considered.iter().map(tell::considered).collect();
                self.record_denied(shown, code, operator, hint, considered).await;
                Err(Refused { reason: Some(code), ..Refused::policy(why) })
            }
        }
    }

    /// An identity token that was got for another key or another client: whoever shows it did not log in with it.
    fn foreign(&self, login: &Login, verified: &Verified<'_>) -> Option<(&'static str, &'static str, &'static str)> {
        let client_id = login.client_id.as_deref().filter(|client_id| *client_id == verified.audience())?;
        let text = |name: &str| verified.claims().get(name).map(|value| value.as_str().unwrap_or_default());
        if text("azp").is_some_and(|party| party != client_id) {
            return Some((
                "other-client",
                "claim `azp` is another client's: the token was issued to that one",
                "the identity token was issued to another client",
            ));
        }
        let is_bound =
            |nonce: &str| nonce.strip_prefix(&self.judged.proof.thumbprint).is_some_and(|rest| rest.starts_with('.'));
        if text("nonce").is_some_and(|nonce| !is_bound(nonce)) {
            return Some((
                "other-key",
                "claim `nonce` does not begin with the thumbprint of the key that made the proof: the token was got for another key",
                "the identity token was got for another key",
            ));
        }
        None
    }

    /// Mints, signs, records, and only then answers.
    async fn issue(
        &self,
        found: &Resource,
        known: &Provider,
        verified: &Verified<'_>,
        let_in: &LetIn,
    ) -> Result<Option<TokenResponse>, Refused> {
        let app = &self.gate.app;
        let key = app.signing.internal(clock::now()).ok_or_else(Refused::unavailable)?;
        let (issuer, audience) = (self.gate.issuer(), self.gate.audience());
        let name = name_of(found, verified);
        let holder = Holder { subject: verified.subject(), name: &name, key: &self.judged.proof.thumbprint };
        let issuer = mint::Issuer { url: &issuer, key_id: key.id() };
        let unsigned = mint::admin_token(let_in, holder, issuer, &audience, self.decision, self.now);
        let access_token = key.sign(unsigned).map_err(|_| Refused::unavailable())?;
        let logged_in = LoggedIn {
            provider: found,
            known,
            token: verified,
            token_hash: sha256(self.asked.token.as_bytes()),
            name: &name,
            let_in,
            key: &self.judged.proof.thumbprint,
            source: self.source.0,
            at: self.now,
            world: &self.in_force.world,
        };
        let entry = Entry {
            id: *self.decision.bits(),
            record: record::logged_in(&logged_in),
            mark: None,
            proof: self.judged.claim(),
            if_replayed: None,
            pins: Vec::new(),
            rests_on: Vec::new(),
            decided_on: self.in_force.revocation,
        };
        let recorded = app.recorder.record(entry).await;
        if matches!(recorded, Ok(Recorded::Durably)) {
            app.metrics.exchanges.allowed("admin", found);
        }
        match recorded {
            Ok(Recorded::Durably) => Ok(Some(TokenResponse {
                access_token,
                issued_token_type: "urn:ietf:params:oauth:token-type:access_token".to_owned(),
                token_type: "DPoP".to_owned(),
                expires_in: u64::try_from(let_in.expires_at.seconds_since(self.now)).unwrap_or_default(),
                expires_at: let_in.expires_at.unix(),
                scope: None,
                decision_id: Some(self.decision.to_string()),
            })),
            Ok(Recorded::ProofShown) => Err(ProofRefused::Replayed.into()),
            Ok(Recorded::Stale) => Ok(None),
            Ok(Recorded::Replayed { .. }) => Err(Refused::unavailable()),
            Err(fault) => {
                tracing::warn!(event = "login-not-recorded", decision.id = %self.decision, "nobody logs in without a record: {fault}");
                Err(Refused::unavailable())
            }
        }
    }

    /// The token does not hold. Once its issuer has vouched for it, the refusal is a durable record.
    async fn rejected(&self, found: &Resource, known: &Provider, rejected: &Rejected<'_>) -> Refused {
        let fault = &rejected.fault;
        let Some(claims) = rejected.claims() else { return self.unverified(fault, Some(found)) };
        let (code, operator) = (fault.code(), fault.operator_text());
        // Anybody may have found it, so its subject does not pay.
        self.gate.app.budgets.failed(self.source.address(), Cost::Verification);
        let shown = Known { found, known, claims, subject: None };
        self.record_denied(shown, code, operator, fault.hint(), Vec::new()).await;
        let is_ours = !matches!(
            fault,
            TokenFault::AudienceMissing | TokenFault::AudienceMismatch { .. } | TokenFault::AudienceNotSingle { .. }
        );
        match is_ours {
            true => Refused { reason: Some(code), ..Refused::request(tell::caller_sentence(fault)) },
            false => Refused::request(UNACCEPTABLE),
        }
    }

    /// The evidence holds: from now on its subject pays, not the source; before it a token that may come again and again.
    fn pay(&self, found: &Resource, known: &Provider, verified: &Verified<'_>) -> Result<(), Refused> {
        let budgets = &self.gate.app.budgets;
        budgets
            .came_again(found.id, known.kind, verified.token_id(), &self.asked.token)
            .and_then(|()| budgets.verified(found.id, verified.subject()))
            .map_err(|spent| self.throttled(found, spent))
    }

    fn throttled(&self, found: &Resource, spent: Spent) -> Refused {
        self.gate.app.tally.count(Some(found.name.as_str()), RATE_LIMITED, self.source.address());
        self.gate.app.metrics.exchanges.refused("admin", Some(found), RATE_LIMITED);
        Refused::throttled(spent)
    }

    /// Past the budget of recorded refusals it is counted alone: whom a provider knows may be anybody.
    async fn record_denied(
        &self,
        Known { found, known, claims, subject }: Known<'_>,
        reason: &'static str,
        operator: String,
        hint: Option<String>,
        considered: Vec<accredit_api::admin::Considered>,
    ) {
        self.gate.app.metrics.exchanges.refused("admin", Some(found), reason);
        if !self.gate.app.budgets.refused(found.id, subject) {
            return self.count_alone(reason, operator, hint, Some(found));
        }
        let sequence = self.in_force.world.sequence;
        let explanation = accredit_api::admin::Explanation {
            decision: Some(self.decision.to_string()),
            reason: Some(reason.to_owned()),
            summary: operator,
            hint,
            considered,
            ..tell::blank(self.now, found, sequence)
        };
        let denied = NotLoggedIn {
            provider: found,
            known,
            claims,
            token_hash: sha256(self.asked.token.as_bytes()),
            reason,
            source: self.source.0,
            at: self.now,
            sequence,
            explanation: serde_json::to_value(explanation).unwrap_or_default(),
        };
        let content = record::not_logged_in(&denied);
        let record = accredit_store::audit::NewRecord { id: *self.decision.bits(), content };
        if let Err(fault) = self.gate.app.recorder.note(record).await {
            tracing::warn!(event = "refusal-not-recorded", decision.id = %self.decision, "a refusal could not be recorded: {fault}");
        }
    }

    fn unverified(&self, fault: &TokenFault, found: Option<&Resource>) -> Refused {
        self.note_unverified(fault.code(), fault.operator_text(), fault.hint(), found)
    }

    /// Nobody has vouched for this token: counted and explained for a while, not written.
    fn note_unverified(
        &self,
        code: &'static str,
        operator: String,
        hint: Option<String>,
        found: Option<&Resource>,
    ) -> Refused {
        self.gate.app.metrics.exchanges.refused("admin", found, code);
        self.gate.app.budgets.failed(self.source.address(), Cost::Verification);
        self.count_alone(code, operator, hint, found);
        Refused::request(UNACCEPTABLE)
    }

    /// Counts a refusal, and explains it for a while.
    fn count_alone(&self, code: &'static str, operator: String, hint: Option<String>, found: Option<&Resource>) {
        let provider = found.map(|found| found.name.to_string());
        self.gate.app.tally.count(provider.as_deref(), code, self.source.address());
        let sequence = self.in_force.world.sequence;
        let refused = record::Unverified {
            at: self.now,
            sequence,
            reason: code,
            operator,
            hint,
            provider,
            account: None,
            cluster: None,
        };
        self.gate.app.ring.push(self.decision, refused);
    }
}

/// A token that its provider has signed, and whom it is about where it was good.
#[derive(Clone, Copy)]
struct Known<'k> {
    found: &'k Resource,
    known: &'k Provider,
    claims: &'k Object<'k>,
    subject: Option<&'k str>,
}

/// Those by which somebody logs in.
fn offering(candidates: Vec<&Arc<Resource>>) -> Vec<(&Arc<Resource>, &Provider, &Login)> {
    let offered = candidates.into_iter().filter_map(|found| {
        let known = found.as_provider()?;
        Some((found, known, known.login.as_ref()?))
    });
    offered.collect()
}

/// What people and the audit log call somebody: the provider, and the mail address that it has verified, else the subject.
fn name_of(provider: &Resource, verified: &Verified<'_>) -> String {
    let claims = verified.claims();
    let is_verified = claims.get("email_verified").and_then(Claim::as_bool) == Some(true);
    let mail = claims.get("email").and_then(Claim::as_str).filter(|_| is_verified);
    let called: String = mail.unwrap_or(verified.subject()).chars().take(200).collect();
    format!("{}:{called}", provider.name)
}

const ATTEMPTS: u64 = 8;
