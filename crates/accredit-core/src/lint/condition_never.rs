//! A condition that nothing satisfies (G01, TP080).

use super::reading::{demand, mapping};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "condition-never",
    sentence: "a condition contradicts itself or `match`, so nothing ever satisfies it",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, _)) = mapping(resource, world) else { return Vec::new() };
    let Some(branches) = mapping.condition.as_ref().and_then(|condition| condition.branches()) else {
        return Vec::new();
    };
    let also: Vec<_> = mapping.clauses.iter().filter_map(demand).collect();
    if !branches.iter().all(|branch| branch.is_dead(&also)) {
        return Vec::new();
    }
    let message = format!("condition of `{}` is never true beside its match", resource.name);
    vec![Finding::new("spec.condition", message).fix("remove the part that contradicts the rest")]
}
