//! What several rules ask about the managed configuration of a cluster.

use crate::model::{Cluster, Policy, Provider, Resource, Section};
use crate::template::{Attribute, PathTemplate};

/// The path of a field of a section, as the cluster's document has it.
pub(super) fn field(resource: &Resource, section: Section, within: &str) -> String {
    let spec = resource.spec();
    let documents = spec["config"].as_array().map(Vec::as_slice).unwrap_or_default();
    let place = documents.iter().position(|document| document["section"] == *section.name()).unwrap_or_default();
    format!("spec.config[{place}].spec.{within}")
}

/// The templates of a cluster's paths, each with the field where it is written; what an override takes over is not looked at
/// again.
pub(super) fn paths(cluster: &Cluster) -> Vec<(String, &PathTemplate)> {
    let issuance = &cluster.issuance;
    let own = |policy: &Policy| policy.path != issuance.base.path;
    let overrides = issuance.overrides.iter().enumerate().filter(|(_, entry)| own(&entry.policy));
    let of_overrides = overrides
        .map(|(place, entry)| (format!("policyOverrides[{place}].policy.pathTemplate"), entry.policy.path.as_ref()));
    let all = std::iter::once(("policy.pathTemplate".to_owned(), issuance.base.path.as_ref())).chain(of_overrides);
    all.filter_map(|(field, path)| Some((field, path?))).collect()
}

/// The claims that a template reads, each once.
pub(super) fn claims(path: &PathTemplate) -> Vec<&str> {
    let mut claims: Vec<&str> = Vec::new();
    for attribute in path.attributes() {
        if let Attribute::Claim(name) = attribute {
            claims.push(name);
        }
    }
    claims.sort_unstable();
    claims.dedup();
    claims
}

/// Whose tokens attest jobs in a cluster.
pub(super) fn providers(cluster: &Cluster) -> impl Iterator<Item = &Provider> {
    cluster.attestation.jwt.allowed_issuers.iter().map(|entry| &*entry.provider)
}
