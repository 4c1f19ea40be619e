//! A path made of what a stranger chooses: the branch of his pull request, his own name.

use super::configured::{claims, field, paths};
use super::{Check, Finding, Rule, Severity};
use crate::model::{Resource, Section};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "path-chosen",
    sentence: "a SPIFFE ID is made of a claim that strangers choose",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, _: &World) -> Vec<Finding> {
    let Some(cluster) = resource.as_cluster() else { return Vec::new() };
    let mut findings = Vec::new();
    for (within, path) in paths(cluster) {
        for claim in claims(path).into_iter().filter(|claim| CHOSEN.contains(claim)) {
            let message = format!("`jwt.claim.{claim}` is chosen by whoever opens a pull request or starts a job");
            let finding = Finding::new(field(resource, Section::IssuancePolicy, &within), message);
            findings.push(finding.fix("take it out of the path"));
        }
    }
    findings
}

/// Claims that say what somebody calls himself or his branch, whatever repository lets him in.
static CHOSEN: &[&str] =
    &["actor", "head_ref", "name", "nickname", "preferred_username", "triggering_actor", "user_email", "user_login"];
