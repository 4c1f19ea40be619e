//! A condition that only says who may not: everybody else may (TP042).

use super::reading::mapping;
use super::{Check, Finding, Rule, Severity};
use crate::expr::{Demand, Test};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "condition-excludes-only",
    sentence: "all that a mapping says is who may not, so everybody else may",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, _)) = mapping(resource, world) else { return Vec::new() };
    let branches = mapping.condition.as_ref().and_then(|condition| condition.branches());
    let Some(branches) = branches.filter(|_| mapping.clauses.is_empty()) else { return Vec::new() };
    let admits = |demand: &Demand| !demand.negated && demand.test != Test::Present;
    let is_open = branches.iter().any(|branch| !branch.demands.is_empty() && !branch.demands.iter().any(admits));
    if !is_open {
        return Vec::new();
    }
    let message = format!("`{}` says only who may not", resource.name);
    vec![
        Finding::new("spec.condition", message)
            .fix("say who may: match `sub`, or another claim that identifies the workload"),
    ]
}
