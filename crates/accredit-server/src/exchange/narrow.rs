//! The other orchestrator: an access token of ours in, a narrower one out (RFC 8693 with `subject_token_type`
//! access_token).
//!
//! The order is that of an exchange: verify, find where it comes from, decide, mint, sign, record, answer.

use std::net::IpAddr;
use std::sync::Arc;

use accredit_api::token::TokenResponse;
use accredit_core::decide::{self, Ask, Denial, Terms};
use accredit_core::facts::Proved;
use accredit_core::mint;
use accredit_core::model::DecisionId;
use accredit_id::digest::sha256;
use accredit_id::time::Timestamp;
use accredit_id::verify::{Buffer, TokenFault, Verified};
use accredit_store::Entry;
use accredit_store::audit::NewRecord;

use super::{Buffers, Genuine, NoActor, Refused, actor};
use crate::app::App;
use crate::budget::Cost;
use crate::faces::{Cause, Face, TokenRequest};
use crate::issued::{self, Origin};
use crate::read_model::InForce;
use crate::record::{self, Acted, Narrowed, NotNarrowed, Recorded};
use crate::tell::UNACCEPTABLE;
use crate::{chance, clock};

/// Exchanges an access token of ours for a narrower one, or says why not.
pub(crate) async fn narrow(
    app: &App,
    face: &'static Face,
    token: &str,
    request: &TokenRequest<'_>,
    source: IpAddr,
) -> Result<(DecisionId, TokenResponse), Refused> {
    let decision = DecisionId::new(chance::bits());
    let mut decided_on = 0;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            app.await_what_is_newer(decided_on, attempt).await;
        }
        let in_force = app.read_model.now();
        decided_on = in_force.revocation;
        let walk = Walk { app, face, token, request, source, decision, in_force, now: clock::now() };
        if let Some(response) = walk.walk().await? {
            return Ok((decision, response));
        }
    }
    Err(Refused::unavailable(decision, Cause::StoreUnavailable, 1))
}

struct Walk<'w> {
    app: &'w App,
    face: &'static Face,
    token: &'w str,
    request: &'w TokenRequest<'w>,
    source: IpAddr,
    decision: DecisionId,
    in_force: Arc<InForce>,
    now: Timestamp,
}

impl Walk<'_> {
    /// `Ok(None)` when something was revoked on the way.
    async fn walk(&self) -> Result<Option<TokenResponse>, Refused> {
        let token = self.token;
        let audience = issued::audience(token).map_err(|fault| self.unverified(&fault))?;
        let mut buffer = Buffer::default();
        let verified = match issued::genuine(self.app, token, &audience, &mut buffer, self.now) {
            Ok(verified) => verified,
            // A token that is declared to be an access token and is none, or somebody else's, is told so to the operator.
            Err((fault, false)) => return Err(self.unverified(&fault)),
            Err((fault, true)) => return Err(self.ended(token, &fault).await),
        };
        let store_unavailable = |fault| {
            tracing::warn!(event = "log-unread", decision.id = %self.decision, "the log cannot be read: {fault}");
            Refused::unavailable(self.decision, Cause::StoreUnavailable, 1)
        };
        let origin = match issued::origin(self.app, &verified).await.map_err(store_unavailable)? {
            Ok(origin) => origin,
            Err(denial) => return Err(self.denied(token, &verified, None, &denial).await),
        };
        if origin.ancestors.len() >= MOST_ANCESTORS {
            let denial = Denial::inactive(format!("token was narrowed {MOST_ANCESTORS} times already"));
            return Err(self.denied(token, &verified, Some(&origin), &denial).await);
        }
        let ask = Ask {
            account: self.request.account.as_deref(),
            api: self.request.api.as_deref(),
            scope: self.request.scope.as_deref(),
            held: self.request.keys.held(),
            ..Ask::default()
        };
        let Some(shown) = &self.request.actor else { return self.judge(&ask, &verified, &origin, None).await };
        let mut buffers = Buffers::default();
        match actor(self.app, &self.in_force.world, self.now, self.source, shown, &mut buffers).await {
            Ok(Genuine { provider, known, verified: by }) => {
                let acted = Acted { provider, known, verified: &by, token: shown.token.0 };
                self.judge(&ask, &verified, &origin, Some(acted)).await
            }
            Err(NoActor::Denied(denial)) => Err(self.denied(token, &verified, Some(&origin), &denial).await),
            Err(NoActor::KeysUnavailable(_, unavailable)) => {
                let wait = unavailable.next_try.map_or(1, |next| next.seconds_since(self.now).clamp(1, 60));
                let wait = u32::try_from(wait).unwrap_or(1);
                Err(Refused::unavailable(self.decision, Cause::KeysUnavailable, wait))
            }
            Err(NoActor::Throttled(_, spent)) => Err(Refused::throttled(self.decision, spent)),
            Err(NoActor::Internal) => Err(Refused::unavailable(self.decision, Cause::Internal, 1)),
        }
    }

    async fn judge(
        &self,
        ask: &Ask<'_>,
        verified: &Verified<'_>,
        origin: &Origin,
        actor: Option<Acted<'_>>,
    ) -> Result<Option<TokenResponse>, Refused> {
        let (world, limits) = (&self.in_force.world, &self.app.limits);
        let decided = {
            let acting = actor.as_ref().map(Acted::acting);
            decide::narrow(ask, verified, acting.as_ref(), &origin.issued, world, limits, self.now)
        };
        match decided {
            Ok(terms) => self.issue(verified, origin, actor, terms).await,
            Err(denial) => Err(self.denied(self.token, verified, Some(origin), &denial).await),
        }
    }

    async fn issue(
        &self,
        verified: &Verified<'_>,
        origin: &Origin,
        actor: Option<Acted<'_>>,
        terms: Terms<Proved>,
    ) -> Result<Option<TokenResponse>, Refused> {
        let token = self.token;
        if let Err(why) = self.request.keys.spend(&self.app.proofs, self.now) {
            return Err(match why.denial() {
                Some(denial) => self.denied(token, verified, Some(origin), &denial).await,
                None => Refused::unavailable(self.decision, Cause::StoreUnavailable, 1),
            });
        }
        let internal = || Refused::unavailable(self.decision, Cause::Internal, 1);
        let parent: DecisionId = verified.token_id().and_then(|id| id.parse().ok()).ok_or_else(internal)?;
        let provider = self.in_force.world.by_id(origin.issued.provider).ok_or_else(internal)?;
        let silent = || Refused::unavailable(self.decision, Cause::StoreUnavailable, 5);
        let key = self.app.signer(terms.signing, self.now).await.ok_or_else(silent)?;
        let issuer = mint::Issuer { url: &self.app.public_url, key_id: key.id() };
        let unsigned = mint::access_token(&terms, issuer, self.decision);
        let access_token = key.sign(unsigned.signing_input).map_err(|_| internal())?;
        let narrowed = Narrowed {
            face: self.face.name,
            provider,
            token: verified,
            token_hash: sha256(token.as_bytes()),
            ancestors: &[origin.ancestors.as_slice(), &[parent]].concat(),
            actor,
            limits_actors: origin.issued.limits_actors,
            terms: &terms,
            sequence: self.in_force.world.sequence,
        };
        let entry = Entry {
            id: *self.decision.bits(),
            record: record::narrowed(&narrowed),
            mark: None,
            pins: Vec::new(),
            if_replayed: None,
            decided_on: self.in_force.revocation,
        };
        match self.app.recorder.record(entry).await {
            Ok(Recorded::Durably) => self.app.metrics.exchanges.allowed(self.face.name, provider),
            Ok(Recorded::Stale | Recorded::Replayed { .. }) => return Ok(None),
            Err(fault) => {
                tracing::warn!(event = "exchange-not-recorded", decision.id = %self.decision, "no token without its record: {fault}");
                return Err(Refused::unavailable(self.decision, Cause::StoreUnavailable, 1));
            }
        }
        // Whoever was told that the token is revoked before this answer must not see another one come of it.
        if std::iter::once(&parent).chain(&origin.ancestors).any(|decision| self.app.tokens.is_revoked(*decision)) {
            let denial = Denial::inactive("token was revoked while it was exchanged");
            return Err(Refused::denied(self.decision, denial.reason));
        }
        Ok(Some(TokenResponse {
            access_token,
            issued_token_type: "urn:ietf:params:oauth:token-type:access_token".to_owned(),
            token_type: terms.token_type().to_owned(),
            expires_in: u64::try_from(terms.expires_at.seconds_since(self.now)).unwrap_or_default(),
            expires_at: terms.expires_at.unix(),
            scope: Some(terms.scope()),
            decision_id: Some(self.decision.to_string()),
        }))
    }

    async fn denied(&self, token: &str, verified: &Verified<'_>, origin: Option<&Origin>, denial: &Denial) -> Refused {
        let told = (denial.reason.code(), denial.operator.clone(), denial.hint.clone());
        self.record_denied(token, verified.token_id(), origin, told).await;
        Refused::denied(self.decision, denial.reason)
    }

    /// Ours, and past its time or otherwise no good.
    async fn ended(&self, token: &str, fault: &TokenFault) -> Refused {
        self.record_denied(token, None, None, (fault.code(), fault.operator_text(), fault.hint())).await;
        Refused {
            decision: self.decision,
            cause: Cause::Token,
            sentence: crate::tell::caller_sentence(fault),
            reason: Some(fault.code()),
            retry_after: None,
        }
    }

    async fn record_denied(
        &self,
        token: &str,
        parent: Option<&str>,
        origin: Option<&Origin>,
        (reason, operator, hint): (&'static str, String, Option<String>),
    ) {
        let world = &self.in_force.world;
        let refused = NotNarrowed {
            face: self.face.name,
            decision: self.decision,
            provider: origin.and_then(|origin| world.by_id(origin.issued.provider)).map(|provider| &**provider),
            parent,
            token_hash: sha256(token.as_bytes()),
            reason,
            operator,
            hint,
            at: self.now,
            sequence: world.sequence,
        };
        self.app.metrics.exchanges.refused(self.face.name, refused.provider, reason);
        let record = NewRecord { id: *self.decision.bits(), content: record::not_narrowed(refused) };
        if let Err(fault) = self.app.recorder.note(record).await {
            tracing::warn!(event = "refusal-not-recorded", decision.id = %self.decision, "a refusal could not be recorded: {fault}");
        }
    }

    /// Not ours, or nobody can tell: counted and explained for a while, not written.
    fn unverified(&self, fault: &TokenFault) -> Refused {
        self.app.budgets.failed(self.source, Cost::Verification);
        self.app.metrics.exchanges.refused(self.face.name, None, fault.code());
        self.app.tally.count(None, fault.code(), self.source);
        let refused = record::Unverified {
            at: self.now,
            sequence: self.in_force.world.sequence,
            reason: fault.code(),
            operator: fault.operator_text(),
            hint: fault.hint().or_else(|| Some(DECLARED.to_owned())),
            provider: None,
            account: self.request.account.as_deref().map(|text| text.chars().take(130).collect()),
        };
        self.app.ring.push(self.decision, refused);
        let sentence = UNACCEPTABLE;
        Refused { decision: self.decision, cause: Cause::Token, sentence, reason: None, retry_after: None }
    }
}

const DECLARED: &str = "it was declared as an access token of this server; a platform's token is declared as a jwt";
const ATTEMPTS: u64 = 8;
/// A token is narrowed at most so many times in a row (H05).
const MOST_ANCESTORS: usize = 8;
