//! A shared issuer whose tokens attest jobs in a cluster, without a word of whose are meant (L27).

use super::configured::field;
use super::{Check, Finding, Rule, Severity};
use crate::model::{Resource, Section};
use crate::providers::tenancy_of;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "cluster-tenant-not-pinned",
    sentence: "a cluster trusts a shared issuer without saying whose tokens it means",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, _: &World) -> Vec<Finding> {
    let Some(cluster) = resource.as_cluster() else { return Vec::new() };
    let open = cluster.attestation.jwt.allowed_issuers.iter().filter(|entry| !entry.is_pinned);
    let finding = |entry: &crate::model::AllowedIssuer| {
        let within = format!("jwt.allowedIssuers[{}]", entry.place);
        let claim = tenancy_of(&entry.provider).and_then(|tenancy| tenancy.claims.first().copied()).unwrap_or("sub");
        let message = format!(
            "everybody's tokens of `{}` attest jobs in cluster `{}`: those that come without an agent are refused",
            entry.provider.issuer, resource.name
        );
        Finding::new(field(resource, Section::WorkloadAttestation, &within), message).fix(match entry.profile {
            None => format!("add `requiredClaims: {{{claim}: \"...\"}}`"),
            // Such an entry says what its profile says.
            Some(_) => format!("link a profile with `requiredClaims: {{{claim}: \"...\"}}` instead"),
        })
    };
    open.map(finding).collect()
}
