//! Compiling a cluster: where it belongs, and its managed configuration.

mod agents;
mod attestation;
mod issuance;
mod profile;
mod section;

pub(super) use attestation::attests_jobs;
pub(super) use profile::profile;

use accredit_id::trust_domain::TrustDomain as TrustDomainName;

use self::section::{Sections, Written};
use super::rules::{Context, reference, within};
use crate::model::{Cluster, ClusterSpec, Fault, Faults, Id, Kind, Lifetime, Name};
use crate::world::World;

/// A cluster stays in its trust domain and in its realm: the identities that it issues lie there.
pub(super) fn compile(
    spec: &ClusterSpec,
    id: Id,
    name: &Name,
    world: &World,
    context: &Context<'_>,
) -> Result<Cluster, Faults> {
    let mut wrong = Faults::default();
    let domain = wrong.note(trust_domain(spec, id, world));
    wrong.note(realm(spec, id, world));
    if let Some(longest) = spec.max_svid_lifetime {
        wrong.note(within("spec.maxSvidLifetime", longest, SHORTEST, LONGEST));
    }
    let Sections { agents, attestation, issuance } = Sections::read(&spec.config, &mut wrong);
    let of_domain = domain.as_ref().map(|(_, name)| name.as_str()).unwrap_or_default();
    let whose = attestation::Whose { id, name, domain: of_domain };
    // In which trust domain it is decides what its jobs' tokens are for.
    let attestation = attestation.filter(|_| domain.is_some());
    let compiled = |jobs: &_, at: &str| attestation::compile(jobs, at, whose, world, context);
    let attestation = wrong.note(Written::judged(attestation, compiled)).unwrap_or_default();
    let compiled = |policy: &_, at: &str| issuance::compile(policy, at, spec.realm.as_deref());
    let issuance = wrong.note(Written::judged(issuance, compiled)).unwrap_or_default();
    let agents = wrong.note(Written::judged(agents, agents::compile)).unwrap_or_default();
    let Some((trust_domain, trust_domain_name)) = domain else { return Err(wrong) };
    wrong.unless(Cluster {
        name: name.clone(),
        trust_domain,
        trust_domain_name,
        realm: spec.realm.as_deref().map(Into::into),
        max_svid_lifetime: spec.max_svid_lifetime,
        attestation,
        issuance,
        agents,
    })
}

fn trust_domain(spec: &ClusterSpec, id: Id, world: &World) -> Result<(Id, TrustDomainName), Fault> {
    let field = "spec.trustDomain";
    let resource = reference(field, Kind::TrustDomain, &spec.trust_domain, world)?;
    let old = world.by_id(id).and_then(|old| old.as_cluster());
    if old.is_some_and(|old| old.trust_domain != resource.id) {
        return Err(Fault::at(field, "a cluster never changes its trust domain").hint("make a new cluster"));
    }
    match resource.as_trust_domain() {
        Some(known) => Ok((resource.id, known.name.clone())),
        None => Err(Fault::at(field, "is no trust domain")),
    }
}

/// A cluster stays in its realm.
fn realm(spec: &ClusterSpec, id: Id, world: &World) -> Result<(), Fault> {
    let old = world.by_id(id).and_then(|old| old.as_cluster());
    if old.is_some_and(|old| old.realm.as_deref() != spec.realm.as_deref()) {
        return Err(Fault::at("spec.realm", "a cluster never changes its realm").hint("make a new cluster"));
    }
    spec.realm.as_deref().map_or(Ok(()), |realm| realm_name("spec.realm", realm))
}

/// A realm is one segment of a path, written as names are.
pub(super) fn realm_name(field: &str, realm: &str) -> Result<(), Fault> {
    match realm.parse::<Name>() {
        Ok(name) if name.project().is_none() => Ok(()),
        _ => Err(Fault::at(field, format!("`{}` is not a realm, expected a name", realm.escape_debug()))
            .hint("a realm is one segment of a path: a-z, 0-9, `-`, `_` and `.`")),
    }
}

/// No SVID can be set to live shorter.
const SHORTEST: Lifetime = Lifetime::from_secs(60);
/// No SVID can be set to live longer: 168 hours.
const LONGEST: Lifetime = Lifetime::from_secs(7 * 86_400);
