//! Administration for everything that a tenant runs (TP101).

use super::reading::{mapping, permissions, words};
use super::tenant_wide::is_wide;
use super::{Check, Finding, Rule, Severity};
use crate::model::{Permission, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "admin-wide",
    sentence: "a mapping gives an administrator's permission to everything of a tenant",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    if !is_wide(mapping, provider) {
        return Vec::new();
    }
    let all = permissions(mapping, world);
    let governs = |permission: &&Permission| words(permission).any(|word| WORDS.contains(&word.as_str()));
    let Some(first) = all.iter().find(governs) else { return Vec::new() };
    let message = format!("`{}` gives `{first}` to everything of its tenant", resource.name);
    vec![Finding::new("spec.match", message).fix("match the one repository, project or workload that administers")]
}

const WORDS: [&str; 4] = ["admin", "administer", "owner", "root"];
