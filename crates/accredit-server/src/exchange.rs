//! The orchestrator of an exchange. This file alone knows the order of the road:
//! gather, verify, facts, decide, mint, sign, record.

mod acting;
mod aws_request;
mod budgeted;
mod genuine;
mod narrow;
mod refusing;
mod spending;

pub(crate) use acting::{NoActor, actor};
pub(crate) use genuine::{Buffers, Genuine, is_another_providers};
pub(crate) use narrow::narrow;
pub(crate) use refusing::Refused;
pub(crate) use spending::replayed;

use std::net::IpAddr;
use std::sync::Arc;

use accredit_api::token::TokenResponse;
use accredit_core::decide::{self, Ask, Denial, Terms};
use accredit_core::evidence::Evidence;
use accredit_core::facts::{Facts, Proved};
use accredit_core::mint;
use accredit_core::model::{DecisionId, Provider, Resource};
use accredit_id::digest::sha256;
use accredit_id::json::Object;
use accredit_id::time::Timestamp;
use accredit_id::verify::Verified;
use accredit_store::Entry;

use crate::app::App;
use crate::faces::{Cause, Face, Proof, TokenRequest};
use crate::pinning;
use crate::read_model::InForce;
use crate::record::{self, Acted, Allowed, RecordFault, Recorded};
use crate::tell;
use crate::traces::Step;
use crate::watch::Shown;
use crate::{chance, clock};
use genuine::{NotGenuine, Sought, genuine};

pub(crate) use budgeted::RATE_LIMITED;

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

/// What a request shows, once whoever stands for it has vouched.
#[derive(Clone, Copy)]
struct Evident<'e> {
    provider: &'e Resource,
    known: &'e Provider,
    token: &'e str,
    evidence: Evidence<'e>,
    /// Who acts for its subject.
    actor: Option<Acted<'e>>,
}

impl Walk<'_> {
    /// `Ok(None)` when something was revoked on the way.
    async fn walk(&self) -> Result<Option<TokenResponse>, Refused> {
        let token = match &self.request.proof {
            // One of ours is led past here; as anybody else's it is refused by its type.
            Proof::Jwt(token) | Proof::AccessToken(token) => token.0,
            Proof::AwsRequest(request) => return self.walk_aws_request(request).await,
        };
        let sought = Sought {
            token,
            provider: self.request.provider.as_deref(),
            mapping: self.request.mapping.as_deref(),
            client: self.request.client.as_ref(),
        };
        let mut buffers = Buffers::default();
        match genuine(self.app, &self.in_force.world, self.now, sought, &mut buffers).await {
            Ok(Genuine { provider, known, verified }) => {
                let evidence = Evidence::Token(&verified);
                self.decide(Evident { provider, known, token, evidence, actor: None }).await
            }
            Err(NotGenuine::Malformed(fault)) => Err(self.unverified(&fault, None)),
            Err(NotGenuine::LongOver(provider, fault)) => Err(self.unverified(&fault, provider)),
            Err(NotGenuine::Unknown(unknown)) => {
                Err(self.note_unverified(unknown.code, unknown.operator, unknown.hint, None))
            }
            Err(NotGenuine::KeysUnavailable(provider, unavailable)) => {
                Err(self.keys_unavailable(provider, &unavailable))
            }
            Err(NotGenuine::Rejected(provider, known, rejected)) => {
                Err(self.rejected(provider, known, token, &rejected).await)
            }
            Err(NotGenuine::Internal) => Err(Refused::unavailable(self.decision, Cause::Internal, 1)),
        }
    }

    /// With whoever acts for the subject, if the request shows somebody.
    async fn decide(&self, subject: Evident<'_>) -> Result<Option<TokenResponse>, Refused> {
        self.pay(subject)?;
        if let Evidence::Token(verified) = subject.evidence {
            self.watch(subject.provider, subject.known, verified).await;
        }
        let Some(shown) = &self.request.actor else { return self.judge(subject).await };
        let mut buffers = Buffers::default();
        match actor(self.app, &self.in_force.world, self.now, self.source, shown, &mut buffers).await {
            Ok(Genuine { provider, known, verified }) => {
                self.watch(provider, known, &verified).await;
                let acted = Acted { provider, known, verified: &verified, token: shown.token.0 };
                self.judge(Evident { actor: Some(acted), ..subject }).await
            }
            Err(NoActor::Denied(denial)) => Err(self.refused(subject, &denial).await),
            Err(NoActor::KeysUnavailable(provider, unavailable)) => Err(self.keys_unavailable(provider, &unavailable)),
            Err(NoActor::Throttled(provider, spent)) => Err(self.throttled(Some(provider), spent)),
            Err(NoActor::Internal) => Err(Refused::unavailable(self.decision, Cause::Internal, 1)),
        }
    }

    async fn judge(&self, subject: Evident<'_>) -> Result<Option<TokenResponse>, Refused> {
        let Evident { provider, known, evidence, .. } = subject;
        let world = &self.in_force.world;
        let ask = match self.asked(known, evidence.claims()) {
            Ok(ask) => ask,
            Err(denial) => return Err(self.refused(subject, &denial).await),
        };
        let decided = {
            let acting = subject.actor.as_ref().map(Acted::acting);
            let facts = Facts::<Proved>::proved(known, evidence).with_actor(acting.as_ref());
            let decide = || decide::exchange(&ask, &facts, provider, world, &self.app.limits, self.now);
            let verdict = self.app.traces.during(Step::Decide, decide);
            verdict.map_err(|denial| {
                let told = self.pay_for_refusal(provider, Some(evidence)).then(|| {
                    let told = tell::explain(&ask, &facts, provider, world, &self.app.limits, self.now);
                    told.recorded(known, subject.actor.map(|actor| actor.known), self.decision)
                });
                (denial, told)
            })
        };
        match decided {
            Ok(terms) => self.issue(subject, ask, terms).await,
            Err((denial, explanation)) => Err(self.denied(subject, &denial, explanation).await),
        }
    }

    /// Whatever is decided about it: a token that holds shows what its issuer sends by now.
    async fn watch(&self, provider: &Resource, known: &Provider, verified: &Verified<'_>) {
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
        subject: Evident<'_>,
        ask: Ask<'_>,
        terms: Terms<Proved>,
    ) -> Result<Option<TokenResponse>, Refused> {
        let Evident { provider, known, token, evidence, actor } = subject;
        let proof = match self.request.keys.spend(&self.app.proofs, self.now) {
            Ok(proof) => proof,
            Err(why) => match why.denial() {
                Some(denial) => return Err(self.refused(subject, &denial).await),
                None => return Err(Refused::no_memory(self.decision)),
            },
        };
        let internal = || Refused::unavailable(self.decision, Cause::Internal, 1);
        let silent = || Refused::unavailable(self.decision, Cause::StoreUnavailable, 5);
        let key = self.app.signer(terms.signing, self.now).await.ok_or_else(silent)?;
        let issuer = mint::Issuer { url: &self.app.public_url, key_id: key.id() };
        let traces = &self.app.traces;
        let unsigned = traces.during(Step::Mint, || mint::access_token(&terms, issuer, self.decision));
        let access_token = traces.during(Step::Sign, || key.sign(unsigned.signing_input)).map_err(|_| internal())?;
        let allowed = Allowed {
            face: self.face.name,
            provider,
            known,
            evidence,
            token_hash: sha256(token.as_bytes()),
            ask,
            context: self.request.context,
            actor,
            source: self.source,
            terms: &terms,
            sequence: self.in_force.world.sequence,
            trace: self.app.traces.id(),
        };
        let entry = Entry {
            id: *self.decision.bits(),
            record: record::allowed(&allowed),
            mark: self.spends(provider, known, evidence, &terms)?,
            proof,
            if_replayed: None,
            pins: pinning::of_first_uses(&terms.first_uses, terms.mapping.id, self.decision, self.now),
            rests_on: Vec::new(),
            decided_on: self.in_force.revocation,
        };
        let recording = traces.step(Step::Record);
        let recorded = self.app.recorder.record(entry).await;
        drop(recording);
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
                Err(self.denied(subject, &denial, explanation).await)
            }
            Ok(Recorded::ProofShown) => Err(self.refused(subject, &Denial::proof_replayed()).await),
            Ok(Recorded::Stale) => Ok(None),
            Err(RecordFault::Marks) => Err(self.no_room(provider)),
            Err(RecordFault::Proofs) => Err(Refused::no_memory(self.decision)),
            Err(fault) => {
                tracing::warn!(event = "exchange-not-recorded", decision.id = %self.decision, "no token without its record: {fault}");
                Err(Refused::unavailable(self.decision, Cause::StoreUnavailable, 1))
            }
        }
    }
}

const ATTEMPTS: u64 = 8;
