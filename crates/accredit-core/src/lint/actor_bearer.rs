//! Tokens for actors that anybody who finds one may use (TP111).

use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "actor-bearer",
    sentence: "tokens with which somebody acts for others may be bearer tokens",
    severity: Severity::Note,
    check: Check::Resource(check),
};

fn check(resource: &Resource, _: &World) -> Vec<Finding> {
    let Some(mapping) = resource.as_mapping() else { return Vec::new() };
    if mapping.actors.is_empty() || mapping.bound.is_some() {
        return Vec::new();
    }
    let message = format!("whoever finds a token of `{}` acts for its subject as its actor does", resource.name);
    vec![Finding::new("spec.bound", message).fix("add `bound: dpop`, and have the actor prove a key of its own")]
}
