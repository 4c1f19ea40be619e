//! The orchestrator of an exchange. This file alone knows the order of the road:
//! gather, verify, facts, decide, mint, sign, record.

mod aws_request;
mod budgeted;
mod genuine;
mod refusing;
mod spending;

pub(crate) use genuine::is_another_providers;
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
use crate::record::{self, Allowed, Recorded};
use crate::tell;
use crate::watch::Shown;
use crate::{chance, clock};
use genuine::{Buffers, Genuine, NotGenuine, Sought, genuine};

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
                self.decide(provider, known, token, Evidence::Token(&verified)).await
            }
            Err(NotGenuine::Malformed(fault)) => Err(self.unverified(&fault, None)),
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
}

const ATTEMPTS: u64 = 8;
