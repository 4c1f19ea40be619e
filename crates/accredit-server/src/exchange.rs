//! The orchestrator of an exchange. This file alone knows the order of the road:
//! gather, verify, facts, decide, mint, sign, record.

mod aws_request;
mod budgeted;
mod spending;

pub(crate) use spending::replayed;

use std::net::IpAddr;
use std::sync::Arc;

use accredit_api::token::TokenResponse;
use accredit_core::decide::{self, Ask, Denial, Reason, Terms};
use accredit_core::evidence::Evidence;
use accredit_core::facts::{Facts, Proved};
use accredit_core::mint;
use accredit_core::model::{DecisionId, Provider, Resource};
use accredit_id::digest::sha256;
use accredit_id::json::Object;
use accredit_id::time::Timestamp;
use accredit_id::verify::{self, Buffer, Rejected, TokenFault};
use accredit_store::Entry;

use crate::app::App;
use crate::budget::Cost;
use crate::client::Client;
use crate::faces::{Cause, Face, Proof, TokenRequest};
use crate::gather::KeysUnavailable;
use crate::pinning;
use crate::provider;
use crate::read_model::InForce;
use crate::record::{self, Allowed, Denied, Recorded};
use crate::tell::{self, UNACCEPTABLE};
use crate::watch::Shown;
use crate::{chance, clock};

pub(crate) use budgeted::RATE_LIMITED;

/// A refusal as the caller may know it. Everything else of it is in the log or the ring.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) decision: DecisionId,
    pub(crate) cause: Cause,
    /// One sentence, in the character set of RFC 6749 section 5.2.
    pub(crate) sentence: &'static str,
    /// The reason's code, once signature and audience have verified.
    pub(crate) reason: Option<&'static str>,
    /// Seconds after which trying again makes sense.
    pub(crate) retry_after: Option<u32>,
}

/// Exchanges evidence for an access token, or says why not.
pub(crate) async fn exchange(
    app: &App,
    face: &'static Face,
    request: &TokenRequest<'_>,
    source: IpAddr,
) -> Result<(DecisionId, TokenResponse), Refused> {
    let decision = DecisionId::new(chance::bits());
    let mut last = None;
    let mut decided_on = 0;
    // A decision on resources that were revoked meanwhile is made again, on what is in force by then.
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            app.await_what_is_newer(decided_on, attempt).await;
        }
        let walk = Walk { app, face, request, source, decision, in_force: app.read_model.now(), now: clock::now() };
        decided_on = walk.in_force.revocation;
        match walk.walk().await {
            Ok(Some(response)) => return Ok((decision, response)),
            Ok(None) => last = Some(Refused::unavailable(decision, Cause::StoreUnavailable, 1)),
            Err(refused) => return Err(refused),
        }
    }
    Err(last.unwrap_or_else(|| Refused::unavailable(decision, Cause::Internal, 1)))
}

/// One walk along the road, on one snapshot at one time.
struct Walk<'w> {
    app: &'w App,
    face: &'static Face,
    request: &'w TokenRequest<'w>,
    source: IpAddr,
    decision: DecisionId,
    in_force: Arc<InForce>,
    now: Timestamp,
}

impl Walk<'_> {
    /// `Ok(None)` when something was revoked on the way.
    async fn walk(&self) -> Result<Option<TokenResponse>, Refused> {
        let token = match &self.request.proof {
            // One of ours is led past here; as anybody else's it is refused by its type.
            Proof::Jwt(token) | Proof::AccessToken(token) => token.0,
            Proof::AwsRequest(request) => return self.walk_aws_request(request).await,
        };
        let mut peeking = Buffer::default();
        let unverified = verify::read(token, &mut peeking).map_err(|fault| self.unverified(&fault, None))?;
        let named = self.request.provider.as_deref();
        let mut candidates =
            provider::resolve(&self.in_force.world, named, self.request.mapping.as_deref(), &unverified)
                .map_err(|unknown| self.note_unverified(unknown.code, unknown.operator, unknown.hint, None))?;
        // Nearly always there is one. Where an issuer serves several providers, the audience tells them apart; those whose
        // keys are at hand come first, so that nobody waits for keys that he may not need.
        if candidates.len() > 1 {
            candidates.sort_by_cached_key(|provider| !self.has_keys(provider));
        }
        let mut unverified = Some(unverified);
        let mut again;
        let mut unreachable = None;
        let mut candidates = candidates.into_iter().peekable();
        while let Some(provider) = candidates.next() {
            let token_now = match unverified.take() {
                Some(first) => first,
                None => {
                    again = Buffer::default();
                    verify::read(token, &mut again).map_err(|fault| self.unverified(&fault, None))?
                }
            };
            let known =
                provider.as_provider().ok_or_else(|| Refused::unavailable(self.decision, Cause::Internal, 1))?;
            let keys = match self.app.keys_of(provider, known).keys_for(token_now.key_id(), self.now).await {
                Ok(keys) => keys,
                Err(unavailable) => {
                    unreachable.get_or_insert((provider, unavailable));
                    continue;
                }
            };
            let audiences;
            let mut expected = provider::expectations(known);
            if let Some(client) = &self.request.client {
                audiences = Client::audiences(known, &self.app.public_url);
                expected = client.expectations(expected, &audiences);
            }
            match verify::verify(token_now, &expected, &keys, self.now) {
                Ok(verified) => return self.decide(provider, known, token, Evidence::Token(&verified)).await,
                Err(rejected) => {
                    let is_the_last = candidates.peek().is_none() && unreachable.is_none();
                    if is_the_last || !is_another_providers(rejected.fault.code()) {
                        return Err(self.rejected(provider, known, token, &rejected).await);
                    }
                }
            }
        }
        match unreachable {
            Some((provider, unavailable)) => Err(self.keys_unavailable(provider, &unavailable)),
            None => Err(Refused::unavailable(self.decision, Cause::Internal, 1)),
        }
    }

    fn has_keys(&self, provider: &Resource) -> bool {
        provider.as_provider().is_some_and(|known| self.app.keys_of(provider, known).current(self.now).is_some())
    }

    async fn decide(
        &self,
        provider: &Resource,
        known: &Provider,
        token: &str,
        evidence: Evidence<'_>,
    ) -> Result<Option<TokenResponse>, Refused> {
        self.pay(provider, evidence)?;
        if let Evidence::Token(verified) = evidence {
            self.watch(provider, known, verified).await;
        }
        let world = &self.in_force.world;
        let ask = match self.asked(known, evidence.claims()) {
            Ok(ask) => ask,
            Err(denial) => {
                let told = || tell::refusal(&denial, self.decision, self.now, provider, world.sequence);
                let explanation = self.pay_for_refusal(provider, Some(evidence)).then(told);
                return Err(self.denied(provider, known, token, evidence, &denial, explanation).await);
            }
        };
        let facts = Facts::<Proved>::proved(known, evidence);
        let verdict = decide::exchange(&ask, &facts, provider, world, &self.app.limits, self.now);
        let refused = verdict.map_err(|denial| {
            let told = self.pay_for_refusal(provider, Some(evidence)).then(|| {
                let told = tell::explain(&ask, &facts, provider, world, &self.app.limits, self.now);
                told.recorded(known, self.decision)
            });
            (denial, told)
        });
        drop(facts);
        match refused {
            Ok(terms) => self.issue(provider, known, token, evidence, ask, terms).await,
            Err((denial, explanation)) => {
                Err(self.denied(provider, known, token, evidence, &denial, explanation).await)
            }
        }
    }

    /// Whatever is decided about it: a token that holds shows what its issuer sends by now.
    async fn watch(&self, provider: &Resource, known: &Provider, verified: &verify::Verified<'_>) {
        let token = Shown { provider, known, claims: verified.claims(), decision: self.decision, at: self.now };
        self.app.watch.look(&self.app.recorder, &self.in_force.world, &token).await;
    }

    /// What the request asks for.
    fn ask(&self) -> Ask<'_> {
        Ask {
            account: self.request.account.as_deref(),
            mapping: self.request.mapping.as_deref(),
            api: self.request.api.as_deref(),
            scope: self.request.scope.as_deref(),
            lifetime: None,
            held: self.request.keys.held(),
        }
    }

    /// The same, where a client's assertion has a say in it: `client_id` may be the account that is asked for.
    fn asked(&self, known: &Provider, claims: &Object<'_>) -> Result<Ask<'_>, Denial> {
        let ask = self.ask();
        let Some(client) = &self.request.client else { return Ok(ask) };
        Ok(Ask { account: client.account(ask.account, known, claims, &self.in_force.world)?, ..ask })
    }

    /// Mints, signs, records, and only then answers.
    async fn issue(
        &self,
        provider: &Resource,
        known: &Provider,
        token: &str,
        evidence: Evidence<'_>,
        ask: Ask<'_>,
        terms: Terms<Proved>,
    ) -> Result<Option<TokenResponse>, Refused> {
        if let Err(why) = self.request.keys.spend(&self.app.proofs, self.now) {
            let Some(denial) = why.denial() else {
                return Err(Refused::unavailable(self.decision, Cause::StoreUnavailable, 1));
            };
            let told = || tell::refusal(&denial, self.decision, self.now, provider, self.in_force.world.sequence);
            let explanation = self.pay_for_refusal(provider, Some(evidence)).then(told);
            return Err(self.denied(provider, known, token, evidence, &denial, explanation).await);
        }
        let internal = || Refused::unavailable(self.decision, Cause::Internal, 1);
        let silent = || Refused::unavailable(self.decision, Cause::StoreUnavailable, 5);
        let key = self.app.signer(terms.signing, self.now).await.ok_or_else(silent)?;
        let issuer = mint::Issuer { url: &self.app.public_url, key_id: key.id() };
        let unsigned = mint::access_token(&terms, issuer, self.decision);
        let access_token = key.sign(unsigned.signing_input).map_err(|_| internal())?;
        let allowed = Allowed {
            face: self.face.name,
            provider,
            known,
            evidence,
            token_hash: sha256(token.as_bytes()),
            ask,
            context: self.request.context,
            terms: &terms,
            sequence: self.in_force.world.sequence,
        };
        let entry = Entry {
            id: *self.decision.bits(),
            record: record::allowed(&allowed),
            mark: self.spends(provider, known, evidence, &terms)?,
            if_replayed: None,
            pins: pinning::of_first_uses(&terms.first_uses, terms.mapping.id, self.decision, self.now),
            decided_on: self.in_force.revocation,
        };
        let recorded = self.app.recorder.record(entry).await;
        self.count(&recorded, provider);
        match recorded {
            Ok(Recorded::Durably) => Ok(Some(TokenResponse {
                access_token,
                issued_token_type: "urn:ietf:params:oauth:token-type:access_token".to_owned(),
                token_type: terms.token_type().to_owned(),
                expires_in: u64::try_from(terms.expires_at.seconds_since(self.now)).unwrap_or_default(),
                expires_at: terms.expires_at.unix(),
                scope: Some(terms.scope()),
                decision_id: Some(self.decision.to_string()),
            })),
            Ok(Recorded::Replayed { first }) => {
                let (denial, told) = self.replayed(provider, &terms, first);
                let explanation = self.pay_for_refusal(provider, Some(evidence)).then_some(told);
                Err(self.denied(provider, known, token, evidence, &denial, explanation).await)
            }
            Ok(Recorded::Stale) => Ok(None),
            Err(fault) => {
                tracing::warn!(decision.id = %self.decision, "no token without its record: {fault}");
                Err(Refused::unavailable(self.decision, Cause::StoreUnavailable, 1))
            }
        }
    }

    /// Policy refuses a token that verified: recorded, then answered.
    async fn denied(
        &self,
        provider: &Resource,
        known: &Provider,
        token: &str,
        evidence: Evidence<'_>,
        denial: &Denial,
        explanation: Option<serde_json::Value>,
    ) -> Refused {
        self.record_denied(provider, known, token, evidence.claims(), denial.reason.code(), explanation).await;
        let told = self.request.client.as_ref().map(|client| client.told(denial.reason, evidence.claims()));
        Refused::denied(self.decision, told.unwrap_or(denial.reason))
    }

    /// The token does not hold. Once its issuer has vouched for it, the refusal is a durable record.
    async fn rejected(&self, provider: &Resource, known: &Provider, token: &str, rejected: &Rejected<'_>) -> Refused {
        let Some(claims) = rejected.claims() else {
            if let TokenFault::KeyNotFound { kid, .. } = &rejected.fault {
                let (operator, hint) =
                    self.app.keys_of(provider, known).lacking(provider.name.as_str(), kid.as_str(), self.now);
                return self.note_unverified(rejected.fault.code(), operator, hint, Some(provider));
            }
            return self.unverified(&rejected.fault, Some(provider));
        };
        self.app.budgets.failed(self.source, Cost::Verification);
        let fault = &rejected.fault;
        let explanation =
            tell::token_fault(fault, Some(self.decision), self.now, provider, self.in_force.world.sequence);
        let is_recorded = self.pay_for_refusal(provider, None);
        let explanation = is_recorded.then(|| serde_json::to_value(explanation).unwrap_or_default());
        self.record_denied(provider, known, token, claims, fault.code(), explanation).await;
        // Whoever shows a token for another audience learns nothing of ours.
        let is_ours = !matches!(
            fault,
            TokenFault::AudienceMissing | TokenFault::AudienceMismatch { .. } | TokenFault::AudienceNotSingle { .. }
        );
        Refused {
            decision: self.decision,
            cause: Cause::Token,
            sentence: if is_ours { tell::caller_sentence(fault) } else { UNACCEPTABLE },
            reason: is_ours.then(|| fault.code()),
            retry_after: None,
        }
    }

    /// Without an explanation the refusal is counted alone.
    async fn record_denied(
        &self,
        provider: &Resource,
        known: &Provider,
        token: &str,
        claims: &Object<'_>,
        reason: &'static str,
        explanation: Option<serde_json::Value>,
    ) {
        self.app.metrics.exchanges.refused(self.face.name, Some(provider), reason);
        let Some(explanation) = explanation else {
            return self.count_unrecorded(provider, reason);
        };
        let denied = Denied {
            face: self.face.name,
            provider,
            known,
            claims,
            token_hash: sha256(token.as_bytes()),
            reason,
            ask: self.asked(known, claims).unwrap_or_else(|_| self.ask()),
            context: self.request.context,
            at: self.now,
            sequence: self.in_force.world.sequence,
            explanation,
        };
        let content = record::denied(&denied);
        let record = accredit_store::audit::NewRecord { id: *self.decision.bits(), content };
        if let Err(fault) = self.app.recorder.note(record).await {
            tracing::warn!(decision.id = %self.decision, "a refusal could not be recorded: {fault}");
        }
    }

    fn unverified(&self, fault: &TokenFault, provider: Option<&Resource>) -> Refused {
        self.note_unverified(fault.code(), fault.operator_text(), fault.hint(), provider)
    }

    fn keys_unavailable(&self, provider: &Resource, unavailable: &KeysUnavailable) -> Refused {
        let wait = unavailable.next_try.map_or(1, |next| next.seconds_since(self.now).clamp(1, 60));
        let refused = self.note_unverified(
            "keys-unavailable",
            unavailable.operator_text(provider.name.as_str()),
            unavailable.hint(),
            Some(provider),
        );
        Refused {
            cause: Cause::KeysUnavailable,
            sentence: "the provider's keys cannot be had at the moment",
            retry_after: u32::try_from(wait).ok(),
            ..refused
        }
    }

    /// Nobody has vouched for this token: counted and explained for a while, not written.
    fn note_unverified(
        &self,
        code: &'static str,
        operator: String,
        hint: Option<String>,
        provider: Option<&Resource>,
    ) -> Refused {
        self.pay_for_failure(code);
        self.app.metrics.exchanges.refused(self.face.name, provider, code);
        let provider = provider.map(|provider| provider.name.to_string());
        self.app.tally.count(provider.as_deref(), code, self.source);
        let refused = record::Unverified {
            at: self.now,
            sequence: self.in_force.world.sequence,
            reason: code,
            operator,
            hint,
            provider,
            account: self.request.account.as_deref().map(|text| text.chars().take(130).collect()),
        };
        self.app.ring.push(self.decision, refused);
        Refused {
            decision: self.decision,
            cause: Cause::Token,
            sentence: UNACCEPTABLE,
            reason: None,
            retry_after: None,
        }
    }
}

impl Refused {
    /// Policy refuses, and what the caller may know of it.
    pub(crate) fn denied(decision: DecisionId, reason: Reason) -> Self {
        Self {
            decision,
            cause: Cause::Policy(reason),
            sentence: reason.caller_sentence(),
            reason: Some(reason.caller_code()),
            retry_after: None,
        }
    }

    pub(crate) fn unavailable(decision: DecisionId, cause: Cause, retry_after: u32) -> Self {
        let sentence = "no token can be issued at the moment";
        Self { decision, cause, sentence, reason: None, retry_after: Some(retry_after) }
    }
}

/// Whether another provider of the same issuer might still know a token that is refused with this code.
pub(crate) fn is_another_providers(code: &str) -> bool {
    matches!(
        code,
        "audience-mismatch"
            | "audience-not-single"
            | "bad-signature"
            | "issuer-mismatch"
            | "key-not-found"
            | "key-not-usable"
    )
}

const ATTEMPTS: u64 = 8;
