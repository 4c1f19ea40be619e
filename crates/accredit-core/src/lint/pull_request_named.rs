//! Writing, given to pull requests by name (F12, TP061).

use super::pull_request_writes::{Reach, reach};
use super::reading::{of_kind, permissions, surely_writes};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "pull-request-named",
    sentence: "a mapping that names pull requests gives a permission that writes",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = of_kind(resource, world, &["github", "gitlab"]) else { return Vec::new() };
    if reach(mapping, provider) != Reach::Named {
        return Vec::new();
    }
    let all = permissions(mapping, world);
    let Some(writing) = all.iter().find(|permission| surely_writes(permission)) else { return Vec::new() };
    let message = format!("`{}` is for pull requests, and gives `{writing}`", resource.name);
    let fix = "name what only reads in `permissions`, or match what was merged, in a mapping of its own";
    vec![Finding::new("spec.match", message).fix(fix)]
}
