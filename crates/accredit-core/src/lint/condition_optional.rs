//! A claim that some tokens lack, asked for what it is not: a token without it is refused, not admitted (F01, TP085).

use super::reading::{is_optional, mapping};
use super::{Check, Finding, Rule, Severity};
use crate::expr::{Demand, Test};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "condition-optional",
    sentence: "a condition excludes a value of a claim that some tokens lack, and so those tokens as well",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    let demands = mapping.condition.as_ref().map(|condition| condition.demands()).unwrap_or_default();
    let is_asked = |field: &str| demands.iter().any(|demand| demand.field == field && demand.test == Test::Present);
    let bare = |demand: &&Demand| {
        demand.negated
            && demand.test != Test::Present
            && is_optional(&demand.field, provider)
            && !is_asked(&demand.field)
    };
    let finding = |Demand { field, .. }: &Demand| {
        let message = format!("condition of `{}` refuses tokens without `{field}` as well", resource.name);
        Finding::new("spec.condition", message)
            .fix(format!("write `!has(assertion.{field}) || ...` if they are meant to be admitted, `has(assertion.{field}) && ...` if not"))
    };
    demands.iter().filter(bare).map(finding).collect()
}
