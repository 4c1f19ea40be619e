//! What fails on one side of an `||` is forgotten when the other side is true (G02).

use super::reading::{is_optional, programs, provider_of};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "condition-absorbs",
    sentence: "an `||` hides the failure of one of its sides",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(provider) = provider_of(resource, world) else { return Vec::new() };
    let mut findings = Vec::new();
    for (field, what, program) in programs(resource) {
        for fragile in program.absorbed(&|field| is_optional(field, provider)) {
            let message = format!("{what}: where {fragile} fails, the other side of `||` decides alone");
            findings.push(
                Finding::new(field, message)
                    .fix("ask first with `has(...) &&` or `size(...)`, or make two mappings of it"),
            );
        }
    }
    findings
}
