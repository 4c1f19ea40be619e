//! Refusing: what is written of it, and what the caller is told.

use accredit_core::decide::{Denial, Reason};
use accredit_core::model::{DecisionId, Provider, Resource};
use accredit_id::digest::sha256;
use accredit_id::json::Object;
use accredit_id::verify::{Rejected, TokenFault};

use super::{Evident, Walk};
use crate::budget::Cost;
use crate::dpop::ProofRefused;
use crate::faces::{Cause, RequestFault};
use crate::gather::KeysUnavailable;
use crate::record::{self, Acted, Denied};
use crate::tell::{self, UNACCEPTABLE};

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

/// What is refused, of which its provider has signed the claims.
struct Fallen<'f> {
    provider: &'f Resource,
    known: &'f Provider,
    token: &'f str,
    claims: &'f Object<'f>,
    /// Of the key that it was verified under, where that is known.
    key_thumbprint: Option<&'f str>,
    actor: Option<Acted<'f>>,
}

impl<'f> Fallen<'f> {
    fn of(subject: &Evident<'f>) -> Self {
        let Evident { provider, known, token, evidence, actor } = *subject;
        Self { provider, known, token, claims: evidence.claims(), key_thumbprint: evidence.key_thumbprint(), actor }
    }
}

impl Walk<'_> {
    /// Refuses what no mapping had to do with.
    pub(super) async fn refused(&self, subject: Evident<'_>, denial: &Denial) -> Refused {
        let Evident { provider, evidence, .. } = subject;
        let told = || tell::refusal(denial, self.decision, self.now, provider, self.in_force.world.sequence);
        let explanation = self.pay_for_refusal(provider, Some(evidence)).then(told);
        self.denied(subject, denial, explanation).await
    }

    /// Policy refuses a token that verified: recorded, then answered.
    pub(super) async fn denied(
        &self,
        subject: Evident<'_>,
        denial: &Denial,
        explanation: Option<serde_json::Value>,
    ) -> Refused {
        let claims = subject.evidence.claims();
        self.record_denied(Fallen::of(&subject), denial.reason.code(), explanation).await;
        let told = self.request.client.as_ref().map(|client| client.told(denial.reason, claims));
        Refused::denied(self.decision, told.unwrap_or(denial.reason))
    }

    /// The token does not hold. Once its issuer has vouched for it, the refusal is a durable record.
    pub(super) async fn rejected(
        &self,
        provider: &Resource,
        known: &Provider,
        token: &str,
        rejected: &Rejected<'_>,
    ) -> Refused {
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
        let fallen = Fallen { provider, known, token, claims, key_thumbprint: rejected.key_thumbprint(), actor: None };
        self.record_denied(fallen, fault.code(), explanation).await;
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
    async fn record_denied(&self, fallen: Fallen<'_>, reason: &'static str, explanation: Option<serde_json::Value>) {
        let Fallen { provider, known, token, claims, key_thumbprint, actor } = fallen;
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
            source: self.source,
            key_thumbprint,
            actor,
            at: self.now,
            sequence: self.in_force.world.sequence,
            trace: self.app.traces.id(),
            explanation,
        };
        let content = record::denied(&denied);
        let record = accredit_store::audit::NewRecord { id: *self.decision.bits(), content };
        if let Err(fault) = self.app.recorder.note(record).await {
            tracing::warn!(event = "refusal-not-recorded", decision.id = %self.decision, "a refusal could not be recorded: {fault}");
        }
    }

    pub(super) fn unverified(&self, fault: &TokenFault, provider: Option<&Resource>) -> Refused {
        self.note_unverified(fault.code(), fault.operator_text(), fault.hint(), provider)
    }

    pub(super) fn keys_unavailable(&self, provider: &Resource, unavailable: &KeysUnavailable) -> Refused {
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
    pub(super) fn note_unverified(
        &self,
        code: &'static str,
        operator: String,
        hint: Option<String>,
        provider: Option<&Resource>,
    ) -> Refused {
        self.pay_for_failure(code);
        self.app.metrics.exchanges.refused(self.face.name, provider, code);
        self.count_alone(code, operator, hint, provider);
        Refused {
            decision: self.decision,
            cause: Cause::Token,
            sentence: UNACCEPTABLE,
            reason: None,
            retry_after: None,
        }
    }

    /// Counted, and explained for a while.
    pub(super) fn count_alone(
        &self,
        code: &'static str,
        operator: String,
        hint: Option<String>,
        provider: Option<&Resource>,
    ) {
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
            cluster: None,
        };
        self.app.ring.push(self.decision, refused);
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

    /// The request's proof cannot be remembered, so it could be shown again.
    pub(crate) fn no_memory(decision: DecisionId) -> Self {
        let RequestFault { cause, code, sentence } = ProofRefused::Unremembered.into();
        Self { decision, cause, sentence, reason: Some(code), retry_after: Some(1) }
    }

    pub(crate) fn unavailable(decision: DecisionId, cause: Cause, retry_after: u32) -> Self {
        let sentence = "no token can be issued at the moment";
        Self { decision, cause, sentence, reason: None, retry_after: Some(retry_after) }
    }
}
