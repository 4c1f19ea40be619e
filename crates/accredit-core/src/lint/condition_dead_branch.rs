//! A part of a condition that nothing reaches (TP080).

use super::reading::{demand, mapping};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "condition-dead-branch",
    sentence: "a part of a condition's `||` can never be true",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, _)) = mapping(resource, world) else { return Vec::new() };
    let Some(branches) = mapping.condition.as_ref().and_then(|condition| condition.branches()) else {
        return Vec::new();
    };
    let also: Vec<_> = mapping.clauses.iter().filter_map(demand).collect();
    let dead = branches.iter().filter(|branch| branch.is_dead(&also)).count();
    if dead == 0 || dead == branches.len() {
        return Vec::new();
    }
    let ways = branches.len();
    let message =
        format!("condition of `{}` names {ways} ways to be true, {dead} of which never come about", resource.name);
    vec![Finding::new("spec.condition", message).fix("remove the part that can never be true")]
}
