//! A condition that rules nothing out (G01, TP001, TP080).

use super::reading::mapping;
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "condition-always",
    sentence: "a condition is true whatever the claims say",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, _)) = mapping(resource, world) else { return Vec::new() };
    if !mapping.condition.as_ref().is_some_and(|condition| condition.is_always()) {
        return Vec::new();
    }
    let message = format!("condition of `{}` is true whatever the claims say", resource.name);
    vec![Finding::new("spec.condition", message).fix("remove it, or test what was meant")]
}
