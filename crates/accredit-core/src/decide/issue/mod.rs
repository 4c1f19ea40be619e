//! The decision of an issuance: which SPIFFE ID a workload has in a cluster, with which claims, for whom and until when.
//!
//! The cluster's base policy counts, or the first of its overrides that matches. What a policy names is read from verified
//! claims alone; nothing is guessed, and nothing lives longer than the token that it was made from.

mod admission;
mod explain;
mod fix;
mod operator;
mod reason;
mod terms;

use std::marker::PhantomData;

use accredit_id::json::Object;
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::time::Timestamp;
use serde_json::{Map, Value};

use super::bound::{self, Held};
use super::clause::{holds, is_expected};
use crate::evidence::Evidence;
use crate::facts::{Facts, Proved, Seen, TypedIn};
use crate::model::{AllowedIssuer, Cluster, Lifetime, Policy, Replay, Resource};
use crate::plan::Context;
use crate::template::{Attribute, PathTemplate, Rdn, RenderFault, Sources};
use crate::world::World;

pub use admission::admission;
pub use explain::{AttributeTrace, ExplainedIssue, PolicyTrace, explain_issue};
pub use operator::{OperatorAsk, issue_to_operator};
pub use reason::{IssueDenial, IssueReason};

/// What is asked for.
#[derive(Clone, Copy)]
pub struct IdentityAsk<'a> {
    /// The cluster.
    pub cluster: &'a Resource,
    /// On which way.
    pub path: Entrance,
    /// The SVIDs, 1 to 64, all of one identity.
    pub wanted: &'a [Wanted<'a>],
    /// The keys that the request proves to hold, for tokens that are bound to one.
    pub held: Held<'a>,
}

/// On which way a job comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// By itself, from anywhere.
    Direct,
    /// Through an agent of the cluster, whose socket is itself a boundary.
    Agent,
}

/// One SVID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// A JWT-SVID.
    Jwt {
        /// For whom.
        audiences: &'a [String],
        /// How long; absent means as long as the policy says.
        lifetime: Option<Lifetime>,
    },
    /// An X509-SVID.
    X509 {
        /// How long; absent means as long as the policy says.
        lifetime: Option<Lifetime>,
    },
}

/// A job's token, and the entry of `allowedIssuers` that takes it.
pub struct JobFacts<'j, S> {
    facts: Facts<'j, S>,
    issuer: &'j AllowedIssuer,
}

/// What policy allows. `S` says on whose word: only what rests on [`Proved`] can be minted.
#[derive(Clone, Debug)]
pub struct Identity<S = Proved> {
    /// Who it is.
    pub spiffe_id: SpiffeId,
    /// Which policy said so: `base`, `override 1`, ..., or `operators`.
    pub policy: String,
    /// The template of its path, as it was written.
    pub template: Box<str>,
    /// The SVIDs, in the order in which they were asked for.
    pub svids: Vec<SvidTerms>,
    /// What was read of the workload, each once.
    pub facts: Vec<Fact>,
    /// Whether the job's token may be shown again.
    pub replay: Replay,
    standing: PhantomData<S>,
}

/// What one SVID says.
#[derive(Clone, Debug, PartialEq)]
pub enum SvidTerms {
    /// A JWT-SVID.
    Jwt {
        /// Its `aud`.
        audiences: Vec<String>,
        /// Its `iat`.
        issued_at: Timestamp,
        /// Its `exp`.
        expires_at: Timestamp,
        /// Its claims beside the standard ones.
        claims: Map<String, Value>,
    },
    /// An X509-SVID.
    X509 {
        /// From when on it holds: a little before it was made, for clocks that are behind.
        not_before: Timestamp,
        /// Until when.
        expires_at: Timestamp,
        /// Its DNS names.
        dns_names: Vec<String>,
        /// Its subject, in the order of the certificate.
        subject: Vec<Rdn>,
    },
}

/// Something that was read of a workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// What: `jwt.claim.ref`, ...
    pub attribute: Attribute,
    /// Its value; `None` where there was none.
    pub value: Option<Value>,
    /// Who verified it.
    pub source: FactSource,
}

/// Who verified a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactSource {
    /// This server.
    Us,
    /// The agent of this node.
    Agent(String),
}

/// Decides an issuance. Pure: the same world, facts, question and time always give the same answer.
///
/// # Errors
/// The first reason to refuse, in the order of the road.
pub fn issue<S>(
    ask: &IdentityAsk<'_>,
    job: &JobFacts<'_, S>,
    world: &World,
    context: &Context<'_>,
    now: Timestamp,
) -> Result<Identity<S>, IssueDenial> {
    let cluster = in_force(ask.cluster, world)?;
    number(ask.wanted.len())?;
    admitted(ask, cluster, job, world)?;
    let sources = sources(cluster, job);
    let (name, policy) = applicable(cluster, &sources);
    let (template, spiffe_id) = named(ask.cluster, cluster, (&name, policy), &sources)?;
    let svids = terms::svids(ask, (&name, policy), cluster, &sources, job, context, now)?;
    let facts = read(cluster, policy, &sources);
    let (template, replay) = (template.source().into(), job.issuer.replay);
    Ok(Identity { spiffe_id, policy: name, template, svids, facts, replay, standing: PhantomData })
}

/// Who a job is, whatever is asked for.
pub(crate) fn identity<S>(
    ask: &IdentityAsk<'_>,
    job: &JobFacts<'_, S>,
    world: &World,
) -> Result<SpiffeId, IssueDenial> {
    let cluster = in_force(ask.cluster, world)?;
    admitted(ask, cluster, job, world)?;
    let sources = sources(cluster, job);
    let (name, policy) = applicable(cluster, &sources);
    named(ask.cluster, cluster, (&name, policy), &sources).map(|(_, id)| id)
}

fn named<'p, S>(
    resource: &Resource,
    cluster: &Cluster,
    (name, policy): (&str, &'p Policy),
    sources: &Sources<'_, S>,
) -> Result<(&'p PathTemplate, SpiffeId), IssueDenial> {
    let template = policy.path.as_ref().ok_or_else(|| no_path(resource, name))?;
    let unfit = |fault: RenderFault| IssueDenial::unfit(&fault, name, "pathTemplate");
    Ok((template, template.render(&cluster.trust_domain_name, sources).map_err(unfit)?))
}

// === impl JobFacts ===

impl<'j> JobFacts<'j, Proved> {
    /// The facts of a token that its issuer vouches for: it was verified against this entry's provider.
    pub fn verified(issuer: &'j AllowedIssuer, evidence: impl Into<Evidence<'j>>) -> Self {
        Self { facts: Facts::proved(&issuer.provider, evidence), issuer }
    }
}

impl<'j> JobFacts<'j, TypedIn> {
    /// Facts on nobody's word. `expires_at` is what they claim, if they do.
    pub fn typed_in(issuer: &'j AllowedIssuer, claims: &'j Object<'j>, expires_at: Option<Timestamp>) -> Self {
        Self { facts: Facts::typed_in(&issuer.provider, claims, expires_at), issuer }
    }
}

impl<'j, S> JobFacts<'j, S> {
    /// What the token says.
    pub fn facts(&self) -> &Facts<'j, S> {
        &self.facts
    }

    /// The entry that takes it.
    pub fn issuer(&self) -> &'j AllowedIssuer {
        self.issuer
    }
}

/// A cluster that counts, of a trust domain that does.
fn in_force<'c>(resource: &'c Resource, world: &World) -> Result<&'c Cluster, IssueDenial> {
    let name = &resource.name;
    let cluster = resource.as_cluster().ok_or_else(|| IssueDenial::unknown_cluster(name.as_str()))?;
    if world.enabled(resource.id).is_none() {
        return Err(IssueDenial::new(IssueReason::ClusterDisabled, format!("cluster `{name}` is disabled"))
            .hint(format!("accredit cluster enable {name}")));
    }
    if world.enabled(cluster.trust_domain).is_none() {
        let domain = world.by_id(cluster.trust_domain).map(|domain| domain.name.to_string()).unwrap_or_default();
        return Err(IssueDenial::new(IssueReason::ClusterDisabled, format!("trust domain `{domain}` is disabled"))
            .hint(format!("accredit trust-domain enable {domain}")));
    }
    Ok(cluster)
}

/// As many as are made under one proof.
fn number(wanted: usize) -> Result<(), IssueDenial> {
    match wanted {
        1..=MOST_SVIDS => Ok(()),
        other => Err(IssueDenial::new(
            IssueReason::SvidsTooMany,
            format!("{other} SVIDs are asked for, expected 1 to {MOST_SVIDS}"),
        )),
    }
}

/// Whether the cluster takes the job's token at all.
fn admitted<S>(
    ask: &IdentityAsk<'_>,
    cluster: &Cluster,
    job: &JobFacts<'_, S>,
    world: &World,
) -> Result<(), IssueDenial> {
    let (entry, name) = (job.issuer, &ask.cluster.name);
    let issuer = &entry.provider.issuer;
    if !world.allowed_issuers(cluster, issuer).any(|known| known.place == entry.place) {
        return Err(IssueDenial::new(
            IssueReason::IssuerNotAllowed,
            format!("tokens of `{issuer}` attest no job in cluster `{name}`"),
        )
        .hint("add it to `jwt.allowedIssuers` of its WorkloadAttestation, and `enabled: true`"));
    }
    if ask.path == Entrance::Direct && !entry.is_pinned {
        return Err(explain::tenant_not_pinned(ask.cluster, entry));
    }
    bound::proved(job.facts.raw(), ask.held, "token").map_err(|denial| IssueDenial {
        hint: denial.hint,
        ..IssueDenial::new(IssueReason::ProofMissing, denial.operator)
    })?;
    if let Some(clause) = entry.required.iter().find(|clause| !holds(clause, &job.facts)) {
        let line = super::explain::trace_clause(clause, &job.facts).line();
        return Err(IssueDenial::new(IssueReason::ClaimsRequired, format!("allowedIssuers[{}]: {line}", entry.place)));
    }
    let has_name = job.facts.raw().get("jti").and_then(|name| name.as_str()).is_some_and(|name| !name.is_empty());
    if entry.replay == Replay::Once && !has_name {
        return Err(IssueDenial::new(
            IssueReason::TokenIdMissing,
            format!("token has no `jti`, allowedIssuers[{}] says `replay: once`", entry.place),
        ));
    }
    Ok(())
}

fn sources<'s, S>(cluster: &'s Cluster, job: &'s JobFacts<'_, S>) -> Sources<'s, S> {
    Sources {
        cluster: cluster.name.as_str(),
        realm: cluster.realm.as_deref(),
        trust_domain: cluster.trust_domain_name.as_str(),
        job: Some(&job.facts),
    }
}

/// The first override of which every condition holds, or the base.
fn applicable<'c, S>(cluster: &'c Cluster, sources: &Sources<'_, S>) -> (String, &'c Policy) {
    let holds = |entry: &crate::model::Override| {
        entry.when.iter().all(|condition| is_expected(&condition.expected, sources.seen(&condition.attribute)))
    };
    match cluster.issuance.overrides.iter().position(holds) {
        Some(place) => (format!("override {}", place + 1), &cluster.issuance.overrides[place].policy),
        None => (BASE.to_owned(), &cluster.issuance.base),
    }
}

fn no_path(cluster: &Resource, policy: &str) -> IssueDenial {
    IssueDenial::new(
        IssueReason::PathMissing,
        format!("cluster `{}`, policy `{policy}`: jobs have no path by default", cluster.name),
    )
    .hint("set `policy.pathTemplate` of its SVIDIssuancePolicy")
}

/// What conditions, path and claims read, each once, in a stable order.
fn read<S>(cluster: &Cluster, policy: &Policy, sources: &Sources<'_, S>) -> Vec<Fact> {
    let conditions = cluster.issuance.overrides.iter().flat_map(|entry| &entry.when).map(|when| &when.attribute);
    let mut attributes: Vec<&Attribute> = conditions.chain(of_policy(policy)).collect();
    attributes.sort_unstable();
    attributes.dedup();
    let fact = |attribute: &Attribute| Fact {
        value: match sources.seen(attribute) {
            Seen::Absent | Seen::Fault(_) => None,
            Seen::Text(text) => Some(Value::from(text)),
            Seen::Raw(json) => serde_json::to_value(json).ok(),
        },
        attribute: attribute.clone(),
        source: FactSource::Us,
    };
    attributes.into_iter().map(fact).collect()
}

/// What path, claims and names of a policy read; also twice.
fn of_policy(policy: &Policy) -> impl Iterator<Item = &Attribute> {
    let path = policy.path.iter().flat_map(|path| path.attributes());
    let claims = policy.claims.iter().flat_map(|(_, value)| value.attributes());
    let subject = policy.subject.iter().flat_map(|part| part.attributes());
    path.chain(claims).chain(subject).chain(policy.dns_names.iter().flat_map(|name| name.attributes()))
}

/// As many SVIDs are made under one proof at most.
pub const MOST_SVIDS: usize = 64;
const BASE: &str = "base";
