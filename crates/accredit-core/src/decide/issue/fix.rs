//! The smallest edit that would allow what was refused, as a document of managed configuration.
//!
//! It is tried before it is proposed: with it in force, the same question must come out allowed. It takes nothing away.

use accredit_id::shown::Shown;
use accredit_id::time::Timestamp;
use serde_json::{Value, json};

use super::explain::configured;
use super::{IdentityAsk, IssueDenial, IssueReason, JobFacts, Wanted, applicable, issue, sources};
use crate::decide::clause::holds;
use crate::facts::Seen;
use crate::model::{Claim, Cluster, ConfigDocument, Document, Expected, Kind, Resource, Section, yaml};
use crate::plan::{self, Context};
use crate::providers::{Standing, tenancy_of};
use crate::template::{Attribute, RenderFault};
use crate::world::World;

/// The fix, when there is one that is safe to propose.
pub(super) fn smallest<S>(
    denial: &IssueDenial,
    ask: &IdentityAsk<'_>,
    job: &JobFacts<'_, S>,
    world: &World,
    context: &Context<'_>,
    now: Timestamp,
) -> Option<String> {
    let cluster = ask.cluster.as_cluster()?;
    let mut documents = configured(ask.cluster);
    let section = match denial.reason {
        IssueReason::TenantNotPinned | IssueReason::ClaimsRequired => Section::WorkloadAttestation,
        IssueReason::AttributeMissing | IssueReason::AttributeUnfit | IssueReason::AudienceNotAllowed => {
            Section::IssuancePolicy
        }
        IssueReason::ClusterUnknown
        | IssueReason::ClusterDisabled
        | IssueReason::SvidsTooMany
        | IssueReason::IssuerNotAllowed
        | IssueReason::ProofMissing
        | IssueReason::TokenIdMissing
        | IssueReason::PathMissing
        | IssueReason::AudienceRequired
        | IssueReason::AudienceReserved
        | IssueReason::TooLittleTimeLeft
        | IssueReason::OperatorNotAllowed => return None,
    };
    let place = documents.iter().position(|document| document.section == section.name())?;
    let spec = &mut documents[place].spec;
    match denial.reason {
        IssueReason::TenantNotPinned => pinned(spec, job)?,
        IssueReason::ClaimsRequired => widened(spec, job)?,
        IssueReason::AudienceNotAllowed => heard(spec, cluster, ask, job)?,
        _ => rewritten(spec, cluster, job)?,
    }
    let changed = with(ask.cluster, &documents)?;
    let allowed = || {
        let plan = plan::apply(world, &[changed], false, context, &mut || [0xff; 16]).ok()?;
        let cluster = plan.next.by_id(ask.cluster.id)?;
        let entry = plan.next.allowed_issuers(cluster.as_cluster()?, &job.issuer.provider.issuer);
        let entry = { entry }.find(|entry| entry.place == job.issuer.place)?;
        let again = JobFacts { facts: job.facts.again(), issuer: entry };
        issue(&IdentityAsk { cluster, ..*ask }, &again, &plan.next, context, now).ok()
    };
    allowed()?;
    Some(yaml::write_config(&documents[place..=place]))
}

/// The cluster's document with other managed configuration.
pub(super) fn with(cluster: &Resource, documents: &[ConfigDocument]) -> Option<Document> {
    debug_assert_eq!(cluster.kind(), Kind::Cluster);
    let mut document = cluster.document();
    document.spec.as_object_mut()?.insert("config".to_owned(), json!(documents));
    Some(document)
}

/// The entry with the permanent ids of whoever is seen.
pub(super) fn pinned<S>(spec: &mut Value, job: &JobFacts<'_, S>) -> Option<()> {
    let provider = &job.issuer.provider;
    let tenancy = tenancy_of(provider)?;
    let is_firm = |name: &&&str| match provider.kind.standing(&Claim::named(name)) {
        Some(standing) => standing == Standing::Permanent,
        None => name.ends_with("_id"),
    };
    let (name, seen) = tenancy.claims.iter().filter(is_firm).find_map(|name| Some((*name, writable(job, name)?)))?;
    required(spec, job)?.insert(name.to_owned(), json!(seen));
    Some(())
}

/// The entry with what was seen of claims that whoever starts a job chooses.
fn widened<S>(spec: &mut Value, job: &JobFacts<'_, S>) -> Option<()> {
    let provider = &job.issuer.provider;
    for clause in job.issuer.required.iter().filter(|clause| !holds(clause, &job.facts)) {
        let (Claim::Raw(name), Expected::OneOf(_)) = (&clause.claim, &clause.expected) else { return None };
        if provider.kind.claim(name)?.standing != Standing::Chosen {
            return None;
        }
        let seen = json!(writable(job, name)?);
        let required = required(spec, job)?;
        let values = match required.get(&**name)? {
            Value::Array(values) => values.iter().cloned().chain([seen]).collect(),
            value => vec![value.clone(), seen],
        };
        required.insert(name.to_string(), Value::Array(values));
    }
    Some(())
}

/// The policy's path with the claim that was meant, or with the value escaped.
fn rewritten<S>(spec: &mut Value, cluster: &Cluster, job: &JobFacts<'_, S>) -> Option<()> {
    let sources = sources(cluster, job);
    let (name, policy) = applicable(cluster, &sources);
    let path = policy.path.as_ref()?;
    let better = match path.render(&cluster.trust_domain_name, &sources).err()? {
        RenderFault::Absent { attribute, nearest: Some(meant) } => {
            path.rewritten(&attribute, &Attribute::parse(&meant).ok()?, false)
        }
        // In the last place it would give another name to everybody whose value has slashes.
        RenderFault::Unfit { attribute, .. } if path.attributes().last() != Some(&attribute) => {
            path.rewritten(&attribute, &attribute, true)
        }
        RenderFault::Absent { .. } | RenderFault::Unfit { .. } | RenderFault::Whole { .. } => return None,
    };
    // An override that takes its path over from the base has none of its own to mend.
    *written(spec, &name)?.get_mut("pathTemplate")? = json!(better);
    Some(())
}

/// The policy's list of audiences with those that were asked for. How many one SVID may have stays as it is.
fn heard<S>(spec: &mut Value, cluster: &Cluster, ask: &IdentityAsk<'_>, job: &JobFacts<'_, S>) -> Option<()> {
    let (name, policy) = applicable(cluster, &sources(cluster, job));
    let known = policy.audiences.as_ref()?;
    // An override that says nothing of them takes them over from the base.
    let own = written(spec, &name)?.pointer("/jwt/audiences").is_some();
    let policy = if own { written(spec, &name) } else { spec.get_mut("policy") };
    let listed = policy?.pointer_mut("/jwt/audiences")?.as_array_mut()?;
    let asked = ask.wanted.iter().flat_map(|wanted| match wanted {
        Wanted::Jwt { audiences, .. } => *audiences,
        Wanted::X509 { .. } => &[],
    });
    for audience in asked.filter(|audience| !known.iter().any(|known| known.takes(audience))) {
        let audience = json!(plain(audience)?);
        if !listed.contains(&audience) {
            listed.push(audience);
        }
    }
    Some(())
}

/// A policy as it is written down, by its name.
fn written<'v>(spec: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    match name.strip_prefix("override ").and_then(|number| number.parse::<usize>().ok()) {
        Some(number) => spec.get_mut("policyOverrides")?.get_mut(number.checked_sub(1)?)?.get_mut("policy"),
        None => spec.get_mut("policy"),
    }
}

fn required<'v, S>(spec: &'v mut Value, job: &JobFacts<'_, S>) -> Option<&'v mut serde_json::Map<String, Value>> {
    let entry = spec.get_mut("jwt")?.get_mut("allowedIssuers")?.get_mut(job.issuer.place)?.as_object_mut()?;
    entry.entry("requiredClaims").or_insert_with(|| json!({})).as_object_mut()
}

/// A claim's text, where it can stand in a document and be read for what it is.
fn writable<'f, S>(job: &'f JobFacts<'_, S>, name: &str) -> Option<&'f str> {
    let Seen::Raw(json) = job.facts.called(name) else { return None };
    plain(json.as_str()?)
}

/// A text that says in a document what it says here.
pub(super) fn plain(text: &str) -> Option<&str> {
    let is_plain =
        !text.is_empty() && text.len() <= Shown::LIMIT && !text.contains('*') && Shown::of(text).as_str() == text;
    is_plain.then_some(text)
}
