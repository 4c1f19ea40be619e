//! Compiling a cluster: its managed configuration read, section by section.

mod agents;
mod attestation;
mod issuance;
mod section;

pub(super) use attestation::attests_jobs;

use self::section::Sections;
use super::rules::{Context, reference, within};
use crate::model::{Cluster, ClusterSpec, Fault, Id, Kind, Lifetime, Name};
use crate::world::World;

/// A cluster stays in its trust domain and in its realm: the identities that it issues lie there.
pub(super) fn compile(
    spec: &ClusterSpec,
    id: Id,
    name: &Name,
    world: &World,
    context: &Context<'_>,
) -> Result<Cluster, Fault> {
    let trust_domain = reference("spec.trustDomain", Kind::TrustDomain, &spec.trust_domain, world)?;
    if let Some(old) = world.by_id(id).and_then(|old| old.as_cluster()) {
        if old.trust_domain != trust_domain.id {
            return Err(
                Fault::at("spec.trustDomain", "a cluster never changes its trust domain").hint("make a new cluster")
            );
        }
        if old.realm.as_deref() != spec.realm.as_deref() {
            return Err(Fault::at("spec.realm", "a cluster never changes its realm").hint("make a new cluster"));
        }
    }
    let trust_domain_name = match trust_domain.as_trust_domain() {
        Some(known) => known.name.clone(),
        None => return Err(Fault::at("spec.trustDomain", "is no trust domain")),
    };
    if let Some(realm) = &spec.realm {
        realm_name("spec.realm", realm)?;
    }
    if let Some(longest) = spec.max_svid_lifetime {
        within("spec.maxSvidLifetime", longest, SHORTEST, LONGEST)?;
    }
    let sections = Sections::read(&spec.config)?;
    let mut cluster = Cluster {
        name: name.clone(),
        trust_domain: trust_domain.id,
        trust_domain_name,
        realm: spec.realm.as_deref().map(Into::into),
        max_svid_lifetime: spec.max_svid_lifetime,
        attestation: Default::default(),
        issuance: Default::default(),
        agents: Default::default(),
    };
    if let Some((at, spec)) = &sections.attestation {
        cluster.attestation = attestation::compile(spec, at, (id, &cluster), world, context)?;
    }
    if let Some((at, spec)) = &sections.issuance {
        cluster.issuance = issuance::compile(spec, at, cluster.realm.as_deref())?;
    }
    if let Some((at, spec)) = &sections.agents {
        cluster.agents = agents::compile(spec, at)?;
    }
    Ok(cluster)
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
