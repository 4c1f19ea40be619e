//! A part of a condition that nothing reaches (TP080).

use super::reading::dead_ways;
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
    let Some((dead, ways)) = dead_ways(resource, world) else { return Vec::new() };
    if dead == 0 || dead == ways {
        return Vec::new();
    }
    let message =
        format!("condition of `{}` names {ways} ways to be true, {dead} of which never come about", resource.name);
    vec![Finding::new("spec.condition", message).fix("remove the part that can never be true")]
}
