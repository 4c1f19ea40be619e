//! Refusing SVIDs: what is written of it, and what the caller is told.

use accredit_core::decide::issue::{
    Entrance, IdentityAsk, IssueDenial, IssueReason, JobFacts, Wanted, explain_issue, issue as decide,
};
use accredit_core::decide::{ClauseTrace, ClauseVerdict, Held};
use accredit_core::facts::Proved;
use accredit_core::model::{AllowedIssuer, DecisionId, Resource};
use accredit_id::digest::sha256;
use accredit_id::json::Object;
use accredit_id::svid::csr::RequestFault as CsrFault;
use accredit_id::verify::{Rejected, TokenFault};
use accredit_store::FirstUse;
use accredit_store::audit::NewRecord;

use super::{Evident, Walk, job};
use crate::budget::{Cost, Spent};
use crate::exchange::{RATE_LIMITED, replayed};
use crate::faces::{Cause, RequestFault};
use crate::gather::KeysUnavailable;
use crate::record::{self, Shown, Told};
use crate::tell::{self, UNACCEPTABLE};

/// A refusal as the caller may know it. Everything else of it is in the log or the ring.
#[derive(Debug)]
pub(crate) struct NotIssued {
    pub(crate) decision: DecisionId,
    pub(crate) fault: Fault,
    /// One sentence; it never repeats what was sent.
    pub(crate) sentence: &'static str,
    /// The reason's code, once signature and audience have verified.
    pub(crate) reason: Option<&'static str>,
    /// Seconds after which trying again makes sense.
    pub(crate) retry_after: Option<u32>,
}

/// Whose fault it is that there is no SVID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The request is not well formed.
    Request(Cause),
    /// The token is not acceptable, or nobody knows whose it is.
    Token,
    /// Policy refuses.
    Policy,
    /// A budget is spent.
    Throttled,
    /// We cannot now.
    Unavailable,
}

impl Walk<'_> {
    /// The evidence holds: from now on its subject pays, not the source; before it a token that may come again and again.
    pub(super) fn pay(&self, job: Evident<'_>) -> Result<(), NotIssued> {
        let issuer = job::issuer_id(&job.issuer.provider.issuer);
        let budgets = &self.app.budgets;
        budgets
            .came_again(issuer, job.issuer.provider.kind, job.verified.token_id(), self.asking.token)
            .and_then(|()| budgets.verified(issuer, job.verified.subject()))
            .map_err(|spent| self.throttled(job.cluster, spent))
    }

    /// The issuer's jobs have as many replay marks as one may have (I07).
    pub(super) fn no_room(&self, cluster: &Resource) -> NotIssued {
        self.throttled(cluster, Spent { retry_after: MARKS_WAIT })
    }

    fn throttled(&self, cluster: &Resource, spent: Spent) -> NotIssued {
        self.app.tally.count(None, RATE_LIMITED, self.asking.source);
        self.app.metrics.svids.refused(Some(cluster), RATE_LIMITED);
        NotIssued::throttled(self.decision, spent)
    }

    /// A refusal decided once more, with everything that was looked at, and without what the log may not keep.
    pub(super) fn explained(&self, ask: &IdentityAsk<'_>, facts: &JobFacts<'_, Proved>, denial: &IssueDenial) -> Told {
        let context = self.app.context();
        let mut explained = explain_issue(ask, facts, &self.in_force.world, &context, self.now);
        explained.redact(&|claim| facts.issuer().provider.audits(claim));
        let is_hidden = |clause: &ClauseTrace| clause.verdict != ClauseVerdict::Held && !clause.recorded;
        let hides = explained.required.iter().any(is_hidden);
        let operator = match hides && denial.reason == IssueReason::ClaimsRequired {
            true => "a claim is not what `requiredClaims` says".to_owned(),
            false => without_values(&denial.operator, |claim| facts.issuer().provider.audits(claim)),
        };
        let identity = tell::identity(&explained, vec![tell::taken(facts.issuer())], self.now);
        Told { operator, hint: denial.hint.clone(), identity: Some(identity), fix: explained.fix }
    }

    /// Policy refuses a job whose token verified: recorded, then answered.
    pub(super) async fn denied(&self, job: Evident<'_>, reason: IssueReason, told: Told) -> NotIssued {
        self.write_down(job, reason.code(), told).await;
        NotIssued {
            decision: self.decision,
            fault: Fault::Policy,
            sentence: reason.caller_sentence(),
            reason: Some(reason.caller_code()),
            retry_after: None,
        }
    }

    /// A certificate is asked for by something that none is signed for. It is the caller's own, so he is told what is wrong.
    pub(super) async fn csr_refused(&self, job: Evident<'_>, fault: &CsrFault) -> NotIssued {
        self.write_down(job, fault.code(), Told::plain(fault.to_string(), None)).await;
        NotIssued {
            decision: self.decision,
            fault: Fault::Policy,
            sentence: csr_sentence(fault),
            reason: Some(fault.code()),
            retry_after: None,
        }
    }

    /// The token was used before (L08).
    pub(super) async fn replayed(&self, job: Evident<'_>, first: Option<FirstUse>) -> NotIssued {
        let denial = replayed(first);
        let reason = denial.reason;
        self.write_down(job, reason.code(), Told::plain(denial.operator, denial.hint)).await;
        NotIssued {
            decision: self.decision,
            fault: Fault::Token,
            sentence: "the token was used already",
            reason: Some(reason.caller_code()),
            retry_after: None,
        }
    }

    /// The token does not hold. Once its issuer has vouched for it, the refusal is a durable record.
    pub(super) async fn rejected(
        &self,
        cluster: &Resource,
        issuer: &AllowedIssuer,
        rejected: &Rejected<'_>,
    ) -> NotIssued {
        let fault = &rejected.fault;
        let Some(claims) = rejected.claims() else {
            if let TokenFault::KeyNotFound { kid, .. } = fault {
                let keys = self.app.keys_of_job(&issuer.provider);
                let (operator, hint) = keys.lacking(&issuer.provider.issuer, kid.as_str(), self.now);
                return self.note_unverified(fault.code(), operator, hint, Some(cluster));
            }
            return self.unverified(fault, cluster);
        };
        self.app.budgets.failed(self.asking.source, Cost::Verification);
        let key = rejected.key_thumbprint().map(|thumbprint| ("", thumbprint));
        let token_hash = sha256(self.asking.token.as_bytes());
        let shown = Shown { known: &issuer.provider, claims, token_hash, key };
        let told = Told::plain(fault.operator_text(), fault.hint());
        self.record(cluster, shown, None, fault.code(), told).await;
        // Whoever shows a token for another audience learns nothing of ours.
        let is_ours = !matches!(
            fault,
            TokenFault::AudienceMissing | TokenFault::AudienceMismatch { .. } | TokenFault::AudienceNotSingle { .. }
        );
        NotIssued {
            decision: self.decision,
            fault: Fault::Token,
            sentence: if is_ours { tell::caller_sentence(fault) } else { UNACCEPTABLE },
            reason: is_ours.then(|| fault.code()),
            retry_after: None,
        }
    }

    async fn write_down(&self, job: Evident<'_>, reason: &'static str, told: Told) {
        self.record(job.cluster, self.shown(job), Some(job.verified.subject()), reason, told).await;
    }

    /// Past the budget of recorded refusals it is counted alone. `subject` is who pays, where the token was good.
    async fn record(
        &self,
        cluster: &Resource,
        shown: Shown<'_>,
        subject: Option<&str>,
        reason: &'static str,
        told: Told,
    ) {
        self.app.metrics.svids.refused(Some(cluster), reason);
        if !self.app.budgets.refused(job::issuer_id(&shown.known.issuer), subject) {
            self.app.tally.count(None, reason, self.asking.source);
            return;
        }
        let refused = record::SvidsRefused {
            decision: self.decision,
            cluster,
            shown,
            reason,
            told,
            source: self.asking.source,
            at: self.now,
            sequence: self.in_force.world.sequence,
            trace: self.app.traces.id(),
        };
        let record = NewRecord { id: *self.decision.bits(), content: record::svids_not_issued(refused) };
        if let Err(fault) = self.app.recorder.note(record).await {
            tracing::warn!(event = "refusal-not-recorded", decision.id = %self.decision, "a refusal could not be recorded: {fault}");
        }
    }

    pub(super) fn unverified(&self, fault: &TokenFault, cluster: &Resource) -> NotIssued {
        self.note_unverified(fault.code(), fault.operator_text(), fault.hint(), Some(cluster))
    }

    /// No such cluster, or none that lists the issuer: both look the same to the caller (H13).
    pub(super) fn unknown(&self, denial: &IssueDenial, cluster: Option<&Resource>) -> NotIssued {
        self.note_unverified(denial.reason.code(), denial.operator.clone(), denial.hint.clone(), cluster)
    }

    /// Whoever has an account at the issuer could ask: nothing is fetched for him, and nothing is recorded.
    pub(super) fn unpinned(&self, cluster: &Resource, issuer: &AllowedIssuer, claims: &Object<'_>) -> NotIssued {
        let wanted = [Wanted::X509 { lifetime: None }];
        let ask = IdentityAsk { cluster, path: Entrance::Direct, wanted: &wanted, held: Held::default() };
        let facts = JobFacts::typed_in(issuer, claims, None);
        match decide(&ask, &facts, &self.in_force.world, &self.app.context(), self.now) {
            Err(denial) => self.unknown(&denial, Some(cluster)),
            Ok(_) => NotIssued::internal(self.decision),
        }
    }

    pub(super) fn keys_unavailable(
        &self,
        cluster: &Resource,
        issuer: &AllowedIssuer,
        unavailable: &KeysUnavailable,
    ) -> NotIssued {
        let wait = unavailable.next_try.map_or(1, |next| next.seconds_since(self.now).clamp(1, 60));
        let operator = unavailable.operator_text(&issuer.provider.issuer);
        let refused = self.note_unverified(KEYS_UNAVAILABLE, operator, unavailable.hint(), Some(cluster));
        NotIssued {
            fault: Fault::Unavailable,
            sentence: "the keys of the token's issuer cannot be had at the moment",
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
        cluster: Option<&Resource>,
    ) -> NotIssued {
        match code {
            "bad-signature" => self.app.budgets.failed(self.asking.source, Cost::Verification),
            // Nothing that the caller could help.
            KEYS_UNAVAILABLE => {}
            _ => self.app.budgets.failed(self.asking.source, Cost::Look),
        }
        self.app.metrics.svids.refused(cluster, code);
        self.app.tally.count(None, code, self.asking.source);
        let refused = record::Unverified {
            at: self.now,
            sequence: self.in_force.world.sequence,
            reason: code,
            operator,
            hint,
            provider: None,
            account: None,
            cluster: cluster.map(|cluster| cluster.name.to_string()),
        };
        self.app.ring.push(self.decision, refused);
        let sentence = UNACCEPTABLE;
        NotIssued { decision: self.decision, fault: Fault::Token, sentence, reason: None, retry_after: None }
    }
}

impl NotIssued {
    /// The request itself is refused: nothing was looked up, nothing is recorded.
    pub(crate) fn request(decision: DecisionId, fault: &RequestFault) -> Self {
        let (cause, sentence, reason) = (Fault::Request(fault.cause), fault.sentence, Some(fault.code));
        Self { decision, fault: cause, sentence, reason, retry_after: None }
    }

    pub(crate) fn throttled(decision: DecisionId, spent: Spent) -> Self {
        Self {
            decision,
            fault: Fault::Throttled,
            sentence: "too many requests, or too many that failed: wait as long as Retry-After says",
            reason: Some(RATE_LIMITED),
            retry_after: Some(spent.retry_after),
        }
    }

    pub(crate) fn unavailable(decision: DecisionId, retry_after: u32) -> Self {
        let sentence = "no SVID can be issued at the moment";
        Self { decision, fault: Fault::Unavailable, sentence, reason: None, retry_after: Some(retry_after) }
    }

    pub(crate) fn internal(decision: DecisionId) -> Self {
        Self::unavailable(decision, 1)
    }
}

/// The same without the value of a claim that the log may not keep: what is said of it comes behind its name.
fn without_values(operator: &str, keep: impl Fn(&str) -> bool) -> String {
    let end_of = |at: usize| operator[at..].find('`').map_or(operator.len(), |end| at + end);
    let mut names = operator.match_indices(CLAIM).map(|(at, _)| (at + CLAIM.len(), end_of(at)));
    match names.find(|(from, to)| !keep(&operator[*from..*to])) {
        Some((_, to)) => format!("{}` does not fit, and its value is not recorded", &operator[..to]),
        None => operator.to_owned(),
    }
}

const fn csr_sentence(fault: &CsrFault) -> &'static str {
    match fault {
        CsrFault::TooLarge { .. } => "a certification request has more than 16 KiB",
        CsrFault::Malformed => "a certification request is not PKCS#10 in PEM",
        CsrFault::Key(_) => "the key of a certification request is not P-256, P-384 or RSA of 2048 to 4096 bits",
        CsrFault::Signature => "a certification request is not signed by its own key",
        CsrFault::Name { .. } => "a certification request asks for another name than policy gives",
    }
}

/// How templates, and what is said of them, name a claim of the job's token.
const CLAIM: &str = "jwt.claim.";
const KEYS_UNAVAILABLE: &str = "keys-unavailable";
/// Seconds in which some marks may have ended.
const MARKS_WAIT: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// L22: what the log may not keep stays out of its sentences, too.
    #[test]
    fn a_sentence_keeps_no_value_that_the_log_may_not() {
        let told = "policy `base`, pathTemplate: `jwt.claim.ref` is `refs/x`, which has 2 segments";
        assert_eq!(without_values(told, |claim| claim == "ref"), told);
        let kept = without_values(told, |claim| claim == "sub");
        assert_eq!(kept, "policy `base`, pathTemplate: `jwt.claim.ref` does not fit, and its value is not recorded");
        assert_eq!(without_values("no path", |_| false), "no path");
    }
}
