//! A condition that nothing satisfies (G01, TP080).

use super::reading::dead_ways;
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
    let Some((dead, ways)) = dead_ways(resource, world) else { return Vec::new() };
    if dead < ways {
        return Vec::new();
    }
    let message = format!("condition of `{}` is never true beside its match", resource.name);
    vec![Finding::new("spec.condition", message).fix("remove the part that contradicts the rest")]
}
