//! Telling decisions: from the core's trace to what operators read, and to what records keep.

mod svid;

use accredit_api::admin::{Clause, Considered, ConsideredActor, Explanation, NearMiss, Outcome, Verdict};
use accredit_core::decide::{
    self, ActorTrace, Ask, ClauseTrace, ClauseVerdict, Denial, Explained, Limits, MappingTrace, Near, Terms,
};
use accredit_core::facts::Facts;
use accredit_core::model::{DecisionId, Provider, Resource};
use accredit_core::world::World;
use accredit_id::time::Timestamp;
use accredit_id::verify::TokenFault;
use serde_json::Value;

pub(crate) use svid::{explained_svid, identity, taken};

/// A decision made once more with its trace, in the words of the admin API.
pub(crate) struct Told<S> {
    explained: Explained<S>,
    empty: Explanation,
}

/// Explains a decision. Issues nothing, spends nothing, fetches nothing.
pub(crate) fn explain<S>(
    ask: &Ask<'_>,
    facts: &Facts<'_, S>,
    provider: &Resource,
    world: &World,
    limits: &Limits,
    now: Timestamp,
) -> Told<S> {
    let explained = decide::explain(ask, facts, provider, world, limits, now);
    let mut empty = blank(now, provider, world.sequence);
    empty.service_account = ask.account.map(|text| text.chars().take(130).collect());
    Told { explained, empty }
}

impl<S> Told<S> {
    /// For somebody who may see everything.
    pub(crate) fn shown(self) -> Explanation {
        let Told { explained, mut empty } = self;
        let (summary, hint) = explained.summary();
        empty.summary = summary;
        empty.hint = hint;
        empty.fix = explained.fix;
        empty.considered = explained.considered.iter().map(considered).collect();
        match &explained.verdict {
            Ok(terms) => {
                empty.verdict = Verdict::Allow;
                empty.service_account = Some(terms.account.name.to_string());
                empty.api = Some(terms.api.name.to_string());
                empty.permissions = terms.permissions.iter().map(ToString::to_string).collect();
                empty.lifetime = u64::try_from(terms.expires_at.seconds_since(terms.issued_at)).ok();
            }
            Err(denial) => empty.reason = Some(denial.reason.code().to_owned()),
        }
        empty
    }

    /// For the record: without the values of claims that it may not keep, and within what a record may hold.
    pub(crate) fn recorded(mut self, provider: &Provider, actors: Option<&Provider>, decision: DecisionId) -> Value {
        self.explained.redact(&|claim| provider.audits(claim));
        if let Some(actors) = actors {
            self.explained.redact_actor(&|claim| actors.audits(claim));
        }
        kept(Explanation { decision: Some(decision.to_string()), ..self.shown() })
    }
}

/// An explanation as a record may hold it: whoever writes mappings and clusters may say what they expect at any length, and one
/// caller's refusal must find room all the same.
pub(crate) fn kept(mut explanation: Explanation) -> Value {
    let told = serde_json::to_value(&explanation).unwrap_or_default();
    if told.to_string().len() <= MOST_RECORDED {
        return told;
    }
    explanation.considered.clear();
    (explanation.identity, explanation.fix) = (None, None);
    explanation.summary = explanation.summary.chars().take(SHORTENED).collect();
    explanation.hint = Some("ask `accredit explain`: the log has no room for all that is expected".to_owned());
    serde_json::to_value(explanation).unwrap_or_default()
}

/// A refusal that no mapping had to do with.
pub(crate) fn refusal(
    denial: &Denial,
    decision: DecisionId,
    now: Timestamp,
    provider: &Resource,
    sequence: i64,
) -> Value {
    let explanation = Explanation {
        decision: Some(decision.to_string()),
        reason: Some(denial.reason.code().to_owned()),
        summary: denial.operator.clone(),
        hint: denial.hint.clone(),
        ..blank(now, provider, sequence)
    };
    serde_json::to_value(explanation).unwrap_or_default()
}

/// A refusal of evidence that a mapping would have allowed, had it not been used before.
pub(crate) fn too_late<S>(
    denial: &Denial,
    terms: &Terms<S>,
    decision: DecisionId,
    provider: &Resource,
    sequence: i64,
) -> Value {
    let explanation = Explanation {
        decision: Some(decision.to_string()),
        reason: Some(denial.reason.code().to_owned()),
        summary: denial.operator.clone(),
        hint: denial.hint.clone(),
        service_account: Some(terms.account.name.to_string()),
        api: Some(terms.api.name.to_string()),
        ..blank(terms.issued_at, provider, sequence)
    };
    serde_json::to_value(explanation).unwrap_or_default()
}

/// A token that its issuer signed and that does not hold all the same.
pub(crate) fn token_fault(
    fault: &TokenFault,
    decision: Option<DecisionId>,
    now: Timestamp,
    provider: &Resource,
    sequence: i64,
) -> Explanation {
    Explanation {
        decision: decision.map(|decision| decision.to_string()),
        reason: Some(fault.code().to_owned()),
        summary: fault.operator_text(),
        hint: fault.hint(),
        ..blank(now, provider, sequence)
    }
}

/// What a caller whose token is meant for us is told about a fault of it.
pub(crate) const fn caller_sentence(fault: &TokenFault) -> &'static str {
    match fault {
        TokenFault::Expired { .. } => "the subject token has expired",
        TokenFault::NotYetValid { .. } | TokenFault::IssuedInFuture { .. } => "the subject token is not valid yet",
        TokenFault::LifetimeTooLong { .. } => "the subject token lives longer than is accepted here",
        TokenFault::TooOld { .. } => "the subject token was issued too long ago",
        TokenFault::SubjectMissing | TokenFault::ClaimMalformed { .. } | TokenFault::TimesInconsistent { .. } => {
            "a claim of the subject token is missing or not well formed"
        }
        TokenFault::Malformed { .. }
        | TokenFault::TokenTooLarge { .. }
        | TokenFault::AlgorithmNotAllowed { .. }
        | TokenFault::TypeNotAllowed { .. }
        | TokenFault::CriticalHeader { .. }
        | TokenFault::EmbeddedKey { .. }
        | TokenFault::KidMissing { .. }
        | TokenFault::KeyNotFound { .. }
        | TokenFault::KeyNotUsable { .. }
        | TokenFault::BadSignature { .. }
        | TokenFault::IssuerMismatch { .. }
        | TokenFault::AudienceMissing
        | TokenFault::AudienceMismatch { .. }
        | TokenFault::AudienceNotSingle { .. } => UNACCEPTABLE,
    }
}

/// What a caller is told while nobody has vouched for his token, whatever is wrong with it: he learns neither which
/// providers nor which names exist (H13).
pub(crate) const UNACCEPTABLE: &str = "the subject token is not acceptable";

/// Takes out every seen value of a claim that a record may not keep.
pub(crate) fn redact(considered: &mut [MappingTrace], provider: &Provider) {
    for clause in considered.iter_mut().flat_map(|mapping| &mut mapping.clauses) {
        if clause.claims.iter().any(|claim| !provider.audits(claim)) && clause.seen.is_some() {
            (clause.seen, clause.near, clause.recorded) = (None, None, false);
        }
    }
}

/// A denial of a provider's token, nothing said yet.
pub(crate) fn blank(now: Timestamp, provider: &Resource, sequence: i64) -> Explanation {
    Explanation { provider: Some(provider.name.to_string()), ..nameless(now, sequence) }
}

/// The same where no provider is known.
pub(crate) fn nameless(now: Timestamp, sequence: i64) -> Explanation {
    Explanation {
        decision: None,
        verdict: Verdict::Deny,
        reason: None,
        summary: String::new(),
        hint: None,
        at: now.to_string(),
        standing: "verified".to_owned(),
        provider: None,
        service_account: None,
        api: None,
        permissions: Vec::new(),
        lifetime: None,
        claims: serde_json::Map::new(),
        sequence,
        considered: Vec::new(),
        cluster: None,
        spiffe_id: None,
        identity: None,
        ranked: None,
        fix: None,
        actor: None,
    }
}

/// How one of them fared, in the words of the admin API.
pub(crate) fn considered(trace: &MappingTrace) -> Considered {
    Considered {
        mapping: trace.mapping.clone(),
        id: trace.id.clone(),
        provider: None,
        disabled: !trace.enabled,
        matched: trace.matched,
        clauses: trace.clauses.iter().map(clause).collect(),
        bound: trace.bound.map(|bound| bound.as_str().to_owned()),
        actors: trace.actors.iter().map(actor).collect(),
    }
}

fn actor(trace: &ActorTrace) -> ConsideredActor {
    let ActorTrace { provider, of_its_provider: _, matched, clauses } = trace;
    ConsideredActor { provider: provider.clone(), matched: *matched, clauses: clauses.iter().map(clause).collect() }
}

pub(crate) fn clause(trace: &ClauseTrace) -> Clause {
    let ClauseTrace { clause, verdict, seen, claims: _, recorded, expected, near, pinned } = trace;
    let outcome = match verdict {
        ClauseVerdict::Error => Outcome::Error,
        ClauseVerdict::Failed => Outcome::Failed,
        ClauseVerdict::Held => Outcome::Held,
    };
    Clause {
        clause: clause.clone(),
        outcome,
        seen: if *recorded { seen.clone() } else { Some("(not recorded)".to_owned()) },
        expected: expected.clone(),
        near: near.map(|near| match near {
            Near::Case => NearMiss::Case,
            Near::SubjectFormat => NearMiss::SubjectFormat,
            Near::TrailingSlash => NearMiss::TrailingSlash,
            Near::Type => NearMiss::Type,
            Near::WhiteSpace => NearMiss::WhiteSpace,
        }),
        pinned: *pinned,
    }
}

/// Bytes of an explanation in the log. INVARIANT: with a token's claims beside it, it stays below the store's bound for a
/// record (1 MiB); above, the refusal could not be recorded at all.
const MOST_RECORDED: usize = 256 * 1024;
/// What is left of a summary that was too long, in characters.
const SHORTENED: usize = 500;
