//! A path made of a claim that the tokens do not bear.

use super::configured::{claims, field, paths, providers};
use super::{Check, Finding, Rule, Severity};
use crate::model::{Resource, Section};
use crate::nearest_name::nearest;
use crate::providers::is_listed;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "path-claim-unknown",
    sentence: "a SPIFFE ID is made of a claim that no allowed issuer is known to send",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, _: &World) -> Vec<Finding> {
    let Some(cluster) = resource.as_cluster() else { return Vec::new() };
    // Of issuers without a kind of their own nothing is known.
    let known: Vec<_> = providers(cluster).collect();
    if known.is_empty() || known.iter().any(|provider| !provider.kind.knows_its_tokens()) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (within, path) in paths(cluster) {
        for claim in claims(path) {
            if known.iter().any(|provider| is_listed(provider, claim)) {
                continue;
            }
            let message = format!("no allowed issuer is known to send `{claim}`");
            let finding = Finding::new(field(resource, Section::IssuancePolicy, &within), message);
            let names = known.iter().flat_map(|provider| provider.kind.claims).map(|fact| fact.name);
            findings.push(match nearest(claim, names) {
                Some(meant) => finding.fix(format!("write `{{{{jwt.claim.{meant}}}}}`")),
                None => finding,
            });
        }
    }
    findings
}
