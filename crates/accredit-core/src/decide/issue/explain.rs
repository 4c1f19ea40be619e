//! The same decision once more, with everything it looked at.

use accredit_id::json::Json;
use accredit_id::time::Timestamp;

use super::{
    BASE, Identity, IdentityAsk, IssueDenial, IssueReason, JobFacts, applicable, fix, is_expected, issue, of_policy,
    sources,
};
use crate::decide::explain::{shown, sources as claims_behind, trace_clause};
use crate::decide::near::near;
use crate::decide::trace::{ClauseTrace, ClauseVerdict};
use crate::facts::Seen;
use crate::model::{AllowedIssuer, Claim, Condition, Provider, Resource, Section, yaml};
use crate::plan::Context;
use crate::template::{Attribute, Sources};
use crate::world::World;

/// A decision with its trace.
#[derive(Debug)]
pub struct ExplainedIssue<S> {
    /// What was decided.
    pub verdict: Result<Identity<S>, IssueDenial>,
    /// How each of the claims that its issuer's entry requires fared.
    pub required: Vec<ClauseTrace>,
    /// The policies in the order in which they are tried, up to the one that counts.
    pub policies: Vec<PolicyTrace>,
    /// What the one that counts reads, in the order of its path, claims and names.
    pub attributes: Vec<AttributeTrace>,
    /// The smallest fix: a document for `accredit config set cluster --id`.
    pub fix: Option<String>,
}

/// One policy and how it fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTrace {
    /// `override 1`, ..., or `base`.
    pub policy: String,
    /// Whether it is the one that counts.
    pub counts: bool,
    /// Its conditions; the base has none.
    pub when: Vec<ClauseTrace>,
    /// The template of its path.
    pub template: Option<String>,
}

/// Something that a policy reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeTrace {
    /// What: `jwt.claim.ref`, ...
    pub attribute: String,
    /// Its value, control and direction characters escaped; `None` when there was none.
    pub seen: Option<String>,
    /// Whose values were seen, so that a record can leave out what it may not keep.
    pub claims: Vec<String>,
    /// Whether the seen value is here, if there was one.
    pub recorded: bool,
}

/// Decides again and tells everything. Issues nothing, spends nothing.
pub fn explain_issue<S>(
    ask: &IdentityAsk<'_>,
    job: &JobFacts<'_, S>,
    world: &World,
    context: &Context<'_>,
    now: Timestamp,
) -> ExplainedIssue<S> {
    let verdict = issue(ask, job, world, context, now);
    let required = job.issuer.required.iter().map(|clause| trace_clause(clause, &job.facts)).collect();
    let fix = match &verdict {
        Ok(_) => None,
        Err(denial) => fix::smallest(denial, ask, job, world, context, now),
    };
    let (policies, attributes) = (policies(ask.cluster, job), attributes(ask.cluster, job));
    ExplainedIssue { verdict, required, policies, attributes, fix }
}

impl<S> ExplainedIssue<S> {
    /// A sentence for the operator and at most one hint.
    pub fn summary(&self) -> (String, Option<String>) {
        match &self.verdict {
            Ok(identity) => (format!("policy `{}` gives `{}`", identity.policy, identity.spiffe_id), None),
            Err(denial) => (denial.operator.clone(), denial.hint.clone()),
        }
    }

    /// The same of a decision of the past, of which a log has kept some claims: what reads another one is not known, and what
    /// seems to be absent may have been there.
    pub fn forget(&mut self, is_kept: &dyn Fn(&str) -> bool) {
        self.fix = None;
        let of_policies = self.policies.iter_mut().flat_map(|policy| &mut policy.when);
        for clause in self.required.iter_mut().chain(of_policies) {
            if clause.claims.iter().any(|claim| !is_kept(claim)) {
                (clause.seen, clause.near, clause.recorded) = (None, None, false);
            }
        }
        for read in &mut self.attributes {
            if read.claims.iter().any(|claim| !is_kept(claim)) {
                (read.seen, read.recorded) = (None, false);
            }
        }
    }

    /// Takes out every seen value of a claim that may not be kept, and a fix that might repeat one.
    pub fn redact(&mut self, keep: &dyn Fn(&str) -> bool) {
        let of_policies = self.policies.iter_mut().flat_map(|policy| &mut policy.when);
        for clause in self.required.iter_mut().chain(of_policies) {
            if clause.claims.iter().any(|claim| !keep(claim)) && clause.seen.is_some() {
                (clause.seen, clause.near, clause.recorded) = (None, None, false);
                self.fix = None;
            }
        }
        for read in &mut self.attributes {
            if read.claims.iter().any(|claim| !keep(claim)) && read.seen.is_some() {
                (read.seen, read.recorded) = (None, false);
            }
        }
    }
}

/// An issuer that many share, without a word of whose tokens are meant, for a job that comes by itself (L27).
pub(super) fn tenant_not_pinned(cluster: &Resource, entry: &AllowedIssuer) -> IssueDenial {
    let pinning = entry.provider.kind.pinning;
    let whose = if entry.provider.kind.tenancy.is_empty() { "whose tokens are meant" } else { pinning.whose };
    let field = format!("jwt.allowedIssuers[{}]", entry.place);
    let line = yaml::config_line(&configured(cluster), Section::WorkloadAttestation.name(), &format!("spec.{field}"));
    let line = line.map_or_else(String::new, |line| {
        format!(", line {line} of `accredit config get cluster --id {}`", cluster.name)
    });
    let told = format!("{field} does not pin {whose}, and the job came without an agent{line}");
    let add = match entry.provider.kind.tenancy {
        [] => "add the claim that says whose they are to its `requiredClaims`".to_owned(),
        [first, ..] if entry.profile.is_some() => {
            format!("link a profile with `requiredClaims: {{{first}: \"...\"}}` instead of this one")
        }
        [first, ..] => format!("add `requiredClaims: {{{first}: \"...\"}}` to it"),
    };
    IssueDenial::new(IssueReason::TenantNotPinned, told).hint(add)
}

/// The documents of a cluster's managed configuration, as they are written down.
pub(super) fn configured(cluster: &Resource) -> Vec<crate::model::ConfigDocument> {
    serde_json::from_value(cluster.spec()["config"].clone()).unwrap_or_default()
}

fn policies<S>(cluster: &Resource, job: &JobFacts<'_, S>) -> Vec<PolicyTrace> {
    let Some(cluster) = cluster.as_cluster() else { return Vec::new() };
    let sources = sources(cluster, job);
    let mut traces = Vec::new();
    for (place, entry) in cluster.issuance.overrides.iter().enumerate() {
        let when: Vec<_> = entry.when.iter().map(|when| trace(when, &sources, &job.issuer.provider)).collect();
        let counts = when.iter().all(|clause| clause.verdict == ClauseVerdict::Held);
        let template = entry.policy.path.as_ref().map(|path| path.source().to_owned());
        traces.push(PolicyTrace { policy: format!("override {}", place + 1), counts, when, template });
        if counts || traces.len() >= MOST {
            return traces;
        }
    }
    let template = cluster.issuance.base.path.as_ref().map(|path| path.source().to_owned());
    traces.push(PolicyTrace { policy: BASE.to_owned(), counts: true, when: Vec::new(), template });
    traces
}

/// What the policy that counts reads, each once.
fn attributes<S>(cluster: &Resource, job: &JobFacts<'_, S>) -> Vec<AttributeTrace> {
    let Some(cluster) = cluster.as_cluster() else { return Vec::new() };
    let sources = sources(cluster, job);
    let (_, policy) = applicable(cluster, &sources);
    let mut traces: Vec<AttributeTrace> = Vec::new();
    for attribute in of_policy(policy) {
        let name = attribute.to_string();
        if traces.iter().all(|trace| trace.attribute != name) {
            let (seen, claims) = (seen(attribute, &sources), claims_of(attribute, &job.issuer.provider));
            traces.push(AttributeTrace { attribute: name, seen, claims, recorded: true });
        }
    }
    traces
}

fn trace<S>(condition: &Condition, sources: &Sources<'_, S>, provider: &Provider) -> ClauseTrace {
    let Condition { attribute, expected } = condition;
    let held = is_expected(expected, sources.seen(attribute));
    let near = match (attribute, sources.seen(attribute)) {
        (Attribute::Claim(claim), Seen::Raw(json)) => near(claim, json, expected, provider.kind),
        (other, Seen::Raw(json)) => near(&other.to_string(), json, expected, provider.kind),
        _ => None,
    };
    ClauseTrace {
        clause: attribute.to_string(),
        verdict: if held { ClauseVerdict::Held } else { ClauseVerdict::Failed },
        seen: seen(attribute, sources),
        claims: claims_of(attribute, provider),
        recorded: true,
        expected: Some(expected.to_string()),
        near: near.filter(|_| !held),
        pinned: false,
    }
}

fn seen<S>(attribute: &Attribute, sources: &Sources<'_, S>) -> Option<String> {
    match sources.seen(attribute) {
        Seen::Absent => None,
        Seen::Fault(fault) => Some(fault.operator_text()),
        Seen::Text(text) => Some(shown(&Json::String(text.into()))),
        Seen::Raw(json) => Some(shown(json)),
    }
}

/// What must be kept of the job's claims for the value to be kept.
fn claims_of(attribute: &Attribute, provider: &Provider) -> Vec<String> {
    match attribute {
        Attribute::Claim(name) => vec![name.to_string()],
        Attribute::Derived(name) => claims_behind(&Claim::Derived((**name).into()), provider),
        Attribute::Cluster | Attribute::Realm | Attribute::TrustDomain | Attribute::Told(_) => Vec::new(),
    }
}

/// An explanation shows so many overrides at most.
const MOST: usize = 16;
