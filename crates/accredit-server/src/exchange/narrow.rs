//! The other orchestrator: an access token of ours in, a narrower one out (RFC 8693 with `subject_token_type`
//! access_token).
//!
//! The order is that of an exchange: verify, find where it comes from, decide, mint, sign, record, answer.

use std::net::IpAddr;

use accredit_api::token::TokenResponse;
use accredit_core::decide::{self, Ask, Denial, Terms};
use accredit_core::facts::Proved;
use accredit_core::mint;
use accredit_core::model::{DecisionId, Resource};
use accredit_id::digest::sha256;
use accredit_id::verify::{Buffer, TokenFault, Verified};
use accredit_store::Entry;
use accredit_store::audit::NewRecord;

use super::{Buffers, Genuine, NoActor, Refused, Walk, actor};
use crate::app::App;
use crate::budget::Cost;
use crate::faces::{Cause, Face, TokenRequest};
use crate::issued::{self, Origin};
use crate::record::{self, Acted, Narrowed, NotNarrowed, RecordFault, Recorded};
use crate::traces::Step;
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
        let road = Walk { app, face, request, source, decision, in_force, now: clock::now() };
        if let Some(response) = (Narrowing { road, token }).walk().await? {
            return Ok((decision, response));
        }
    }
    Err(Refused::unavailable(decision, Cause::StoreUnavailable, 1))
}

/// One walk along the shorter road.
struct Narrowing<'w> {
    road: Walk<'w>,
    token: &'w str,
}

/// What is known of a token that is not narrowed: nothing where it has ended.
#[derive(Clone, Copy, Default)]
struct Fallen<'f> {
    verified: Option<&'f Verified<'f>>,
    origin: Option<&'f Origin>,
    /// Who was to act.
    actor: Option<Acted<'f>>,
}

impl<'f> Fallen<'f> {
    fn of(verified: &'f Verified<'f>, origin: Option<&'f Origin>) -> Self {
        Self { verified: Some(verified), origin, actor: None }
    }
}

impl Narrowing<'_> {
    /// `Ok(None)` when something was revoked on the way.
    async fn walk(&self) -> Result<Option<TokenResponse>, Refused> {
        let token = self.token;
        let audience = issued::audience(token).map_err(|fault| self.unverified(&fault))?;
        let mut buffer = Buffer::default();
        let verifying = self.road.app.traces.step(Step::Verify);
        let verified = issued::genuine(self.road.app, token, &audience, &mut buffer, self.road.now);
        drop(verifying);
        let verified = match verified {
            Ok(verified) => verified,
            // A token that is declared to be an access token and is none, or somebody else's, is told so to the operator.
            Err((fault, false)) => return Err(self.unverified(&fault)),
            Err((fault, true)) => return Err(self.ended(&fault).await),
        };
        let store_unavailable = |fault| {
            tracing::warn!(event = "log-unread", decision.id = %self.road.decision, "the log cannot be read: {fault}");
            Refused::unavailable(self.road.decision, Cause::StoreUnavailable, 1)
        };
        let origin = match issued::origin(self.road.app, &verified).await.map_err(store_unavailable)? {
            Ok(origin) => origin,
            Err(denial) => return Err(self.denied(Fallen::of(&verified, None), &denial).await),
        };
        self.pay(&verified, &origin)?;
        if origin.ancestors.len() >= MOST_ANCESTORS {
            let denial = Denial::inactive(format!("token was narrowed {MOST_ANCESTORS} times already"));
            return Err(self.denied(Fallen::of(&verified, Some(&origin)), &denial).await);
        }
        let ask = Ask {
            account: self.road.request.account.as_deref(),
            api: self.road.request.api.as_deref(),
            scope: self.road.request.scope.as_deref(),
            held: self.road.request.keys.held(),
            ..Ask::default()
        };
        let Some(shown) = &self.road.request.actor else { return self.judge(&ask, &verified, &origin, None).await };
        let mut buffers = Buffers::default();
        match actor(self.road.app, &self.road.in_force.world, self.road.now, self.road.source, shown, &mut buffers)
            .await
        {
            Ok(Genuine { provider, known, verified: by }) => {
                let acted = Acted { provider, known, verified: &by, token: shown.token.0 };
                self.judge(&ask, &verified, &origin, Some(acted)).await
            }
            Err(NoActor::Denied(denial)) => Err(self.denied(Fallen::of(&verified, Some(&origin)), &denial).await),
            Err(NoActor::KeysUnavailable(provider, unavailable)) => {
                Err(self.road.keys_unavailable(provider, &unavailable))
            }
            Err(NoActor::Throttled(provider, spent)) => Err(self.road.throttled(Some(provider), spent)),
            Err(NoActor::Internal) => Err(Refused::unavailable(self.road.decision, Cause::Internal, 1)),
        }
    }

    async fn judge(
        &self,
        ask: &Ask<'_>,
        verified: &Verified<'_>,
        origin: &Origin,
        actor: Option<Acted<'_>>,
    ) -> Result<Option<TokenResponse>, Refused> {
        let (world, limits) = (&self.road.in_force.world, &self.road.app.limits);
        let decided = {
            let acting = actor.as_ref().map(Acted::acting);
            let decide =
                || decide::narrow(ask, verified, acting.as_ref(), &origin.issued, world, limits, self.road.now);
            self.road.app.traces.during(Step::Decide, decide)
        };
        match decided {
            Ok(terms) => self.issue(verified, origin, actor, terms).await,
            Err(denial) => Err(self.denied(Fallen { actor, ..Fallen::of(verified, Some(origin)) }, &denial).await),
        }
    }

    async fn issue(
        &self,
        verified: &Verified<'_>,
        origin: &Origin,
        actor: Option<Acted<'_>>,
        terms: Terms<Proved>,
    ) -> Result<Option<TokenResponse>, Refused> {
        let fallen = Fallen { actor, ..Fallen::of(verified, Some(origin)) };
        let proof = match self.road.request.keys.spend(&self.road.app.proofs, self.road.now) {
            Ok(proof) => proof,
            Err(why) => match why.denial() {
                Some(denial) => return Err(self.denied(fallen, &denial).await),
                None => return Err(Refused::no_memory(self.road.decision)),
            },
        };
        let internal = || Refused::unavailable(self.road.decision, Cause::Internal, 1);
        let parent: DecisionId = verified.token_id().and_then(|id| id.parse().ok()).ok_or_else(internal)?;
        let provider = self.road.in_force.world.by_id(origin.issued.provider).ok_or_else(internal)?;
        let silent = || Refused::unavailable(self.road.decision, Cause::StoreUnavailable, 5);
        let key = self.road.app.signer(terms.signing, self.road.now).await.ok_or_else(silent)?;
        let issuer = mint::Issuer { url: &self.road.app.public_url, key_id: key.id() };
        let traces = &self.road.app.traces;
        let unsigned = traces.during(Step::Mint, || mint::access_token(&terms, issuer, self.road.decision));
        let access_token = traces.during(Step::Sign, || key.sign(unsigned.signing_input)).map_err(|_| internal())?;
        let made_from = [origin.ancestors.as_slice(), &[parent]].concat();
        let narrowed = Narrowed {
            face: self.road.face.name,
            provider,
            token: verified,
            token_hash: sha256(self.token.as_bytes()),
            ancestors: &made_from,
            actor,
            limits_actors: origin.issued.limits_actors,
            terms: &terms,
            held: self.road.request.keys.held(),
            source: self.road.source,
            sequence: self.road.in_force.world.sequence,
            trace: traces.id(),
        };
        // Another server may have revoked one of them, and this one not have heard of it yet.
        let others = if self.road.app.store.is_shared() { made_from.as_slice() } else { &[] };
        let entry = Entry {
            id: *self.road.decision.bits(),
            record: record::narrowed(&narrowed),
            mark: None,
            pins: Vec::new(),
            rests_on: others.iter().map(|decision| *decision.bits()).collect(),
            proof,
            if_replayed: None,
            decided_on: self.road.in_force.revocation,
        };
        let recording = traces.step(Step::Record);
        let recorded = self.road.app.recorder.record(entry).await;
        drop(recording);
        match recorded {
            Ok(Recorded::Durably) => {
                self.road.app.budgets.served(self.road.source);
                self.road.app.metrics.exchanges.allowed(self.road.face.name, provider);
            }
            Ok(Recorded::ProofShown) => return Err(self.denied(fallen, &Denial::proof_replayed()).await),
            Ok(Recorded::Stale | Recorded::Replayed { .. }) => return Ok(None),
            Err(RecordFault::Proofs) => return Err(Refused::no_memory(self.road.decision)),
            Err(fault) => {
                tracing::warn!(event = "exchange-not-recorded", decision.id = %self.road.decision, "no token without its record: {fault}");
                return Err(Refused::unavailable(self.road.decision, Cause::StoreUnavailable, 1));
            }
        }
        // Whoever was told that the token is revoked before this answer must not see another one come of it.
        if made_from.iter().any(|decision| self.road.app.tokens.is_revoked(*decision)) {
            let denial = Denial::inactive("token was revoked while it was exchanged");
            return Err(Refused::denied(self.road.decision, denial.reason));
        }
        Ok(Some(TokenResponse {
            access_token,
            issued_token_type: "urn:ietf:params:oauth:token-type:access_token".to_owned(),
            token_type: terms.token_type().to_owned(),
            expires_in: u64::try_from(terms.expires_at.seconds_since(self.road.now)).unwrap_or_default(),
            expires_at: terms.expires_at.unix(),
            scope: Some(terms.scope()),
            decision_id: Some(self.road.decision.to_string()),
        }))
    }

    async fn denied(&self, fallen: Fallen<'_>, denial: &Denial) -> Refused {
        let told = (denial.reason.code(), denial.operator.clone(), denial.hint.clone());
        self.record_denied(fallen, told).await;
        Refused::denied(self.road.decision, denial.reason)
    }

    /// Ours, and past its time or otherwise no good.
    async fn ended(&self, fault: &TokenFault) -> Refused {
        self.record_denied(Fallen::default(), (fault.code(), fault.operator_text(), fault.hint())).await;
        Refused {
            decision: self.road.decision,
            cause: Cause::Token,
            sentence: crate::tell::caller_sentence(fault),
            reason: Some(fault.code()),
            retry_after: None,
        }
    }

    async fn record_denied(
        &self,
        Fallen { verified, origin, actor }: Fallen<'_>,
        (reason, operator, hint): (&'static str, String, Option<String>),
    ) {
        let Walk { app, face, decision, source, now, ref in_force, request } = self.road;
        let provider = self.provider(origin);
        app.metrics.exchanges.refused(face.name, provider, reason);
        if !self.pay_for_refusal(verified, origin) {
            return self.road.count_alone(reason, operator, hint, provider);
        }
        let refused = NotNarrowed {
            face: face.name,
            decision,
            provider,
            parent: verified.and_then(Verified::token_id),
            actor,
            held: request.keys.held(),
            source,
            token_hash: sha256(self.token.as_bytes()),
            reason,
            operator,
            hint,
            at: now,
            sequence: in_force.world.sequence,
            trace: app.traces.id(),
        };
        let record = NewRecord { id: *decision.bits(), content: record::not_narrowed(refused) };
        if let Err(fault) = app.recorder.note(record).await {
            tracing::warn!(event = "refusal-not-recorded", decision.id = %decision, "a refusal could not be recorded: {fault}");
        }
    }

    /// It stands: from now on whom it is about pays, at the provider by which it was issued.
    fn pay(&self, verified: &Verified<'_>, origin: &Origin) -> Result<(), Refused> {
        let paid = self.road.app.budgets.verified(origin.issued.provider, verified.subject());
        paid.map_err(|spent| self.road.throttled(self.provider(Some(origin)), spent))
    }

    /// Says whether the refusal is explained and recorded by itself. Of a token that has ended or was revoked the source pays:
    /// anybody may have found it.
    fn pay_for_refusal(&self, verified: Option<&Verified<'_>>, origin: Option<&Origin>) -> bool {
        let budgets = &self.road.app.budgets;
        match (verified, origin) {
            (Some(verified), Some(origin)) => budgets.refused(origin.issued.provider, Some(verified.subject())),
            _ => {
                budgets.failed(self.road.source, Cost::Verification);
                budgets.refused_of_ours()
            }
        }
    }

    /// Not ours, or nobody can tell: counted and explained for a while, not written.
    fn unverified(&self, fault: &TokenFault) -> Refused {
        let hint = fault.hint().or_else(|| Some(DECLARED.to_owned()));
        self.road.note_unverified(fault.code(), fault.operator_text(), hint, None)
    }

    fn provider(&self, origin: Option<&Origin>) -> Option<&Resource> {
        origin.and_then(|origin| self.road.in_force.world.by_id(origin.issued.provider)).map(|provider| &**provider)
    }
}

const DECLARED: &str = "it was declared as an access token of this server; a platform's token is declared as a jwt";
const ATTEMPTS: u64 = 8;
/// A token is narrowed at most so many times in a row (H05).
const MOST_ANCESTORS: usize = 8;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_core::model::{Id, Kind, Signing};
    use accredit_id::jose::jws::signing_input;
    use serde_json::json;

    use super::*;
    use crate::config::{Allowance, Config, LimitsConfig};
    use crate::faces::FALLBACK;

    /// J15, L21: a token of ours that has ended can be shown by whoever found it, as often as he likes: he pays, and fills no log.
    #[tokio::test]
    async fn j15_a_token_that_has_ended_is_paid_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::demo("127.0.0.1:7070".parse().unwrap(), folder.path());
        let allowance = |burst| Allowance { burst, per_second: 1 };
        config.limits =
            LimitsConfig { source: allowance(60), recorded_refusals: allowance(3), ..LimitsConfig::default() };
        let (app, writer) = App::start(&config).await.unwrap();
        let now = clock::now();
        let key = app.signer(Signing::Es256, now).await.unwrap();
        let (account, decision) = (Id::new(Kind::ServiceAccount, [7; 16]), DecisionId::new([7; 16]));
        let header = json!({"alg": "ES256", "kid": key.id(), "typ": "at+jwt"});
        let claims = json!({
            "iss": app.public_url, "aud": "https://payments.test", "sub": account.to_string(), "jti": decision.to_string(),
            "client_id": account.to_string(), "iat": now.unix() - 900, "exp": now.unix() - 300,
        });
        let token = key.sign(signing_input(&header.to_string(), &claims.to_string())).unwrap();
        let records = async || app.store.verify_audit(&[], |_| true).await.unwrap().records;
        let (source, before) = (IpAddr::from([192, 0, 2, 1]), records().await);
        let mut shown = 0;
        while app.budgets.admit(source).is_ok() {
            let request = TokenRequest::default();
            let refused = narrow(&app, FALLBACK, &token, &request, source).await.unwrap_err();
            assert_eq!(refused.reason, Some("expired"));
            shown += 1;
            assert!(shown < 40, "nobody pays");
        }
        assert!(shown >= 12, "{shown}");
        let written = records().await - before;
        assert!((3..12).contains(&written), "{written} records of {shown} refusals");
        app.recorder.close();
        writer.await.unwrap();
    }
}
