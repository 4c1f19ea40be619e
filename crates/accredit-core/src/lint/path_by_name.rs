//! A path made of a name that can be given up and taken by somebody else, where a permanent id stands beside it.

use super::configured::{claims, field, paths, providers};
use super::{Check, Finding, Rule, Severity};
use crate::model::{Resource, Section};
use crate::providers::Standing;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "path-by-name",
    sentence: "a SPIFFE ID is made of a name, which can be reassigned, and not of the permanent id beside it",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, _: &World) -> Vec<Finding> {
    let Some(cluster) = resource.as_cluster() else { return Vec::new() };
    let mut findings = Vec::new();
    for (within, path) in paths(cluster) {
        let claims = claims(path);
        for claim in &claims {
            let fact = providers(cluster).find_map(|provider| provider.kind.claim(claim));
            let Some(guard) = fact.filter(|fact| fact.standing == Standing::Reassignable).and_then(|fact| fact.guard)
            else {
                continue;
            };
            if guard.pairs().any(|pair| claims.contains(&pair.id)) {
                continue;
            }
            let message = format!("`jwt.claim.{claim}` is a name: whoever takes it over takes over the identity");
            let finding = Finding::new(field(resource, Section::IssuancePolicy, &within), message);
            findings.push(finding.fix(format!("write `{{{{jwt.claim.{}}}}}`", guard.whole.id)));
        }
    }
    findings
}
