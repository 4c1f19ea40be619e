//! Machines of one's own keep what earlier jobs left on them (F12, TP065).

use super::reading::{looks_at, of_kind};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "runner-open",
    sentence: "a mapping does not rule out self-hosted runners, which keep what earlier jobs left",
    severity: Severity::Note,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = of_kind(resource, world, &["github", "gitlab"]) else { return Vec::new() };
    if looks_at(mapping, "runner_environment") {
        return Vec::new();
    }
    let hosted = format!("{}-hosted", provider.kind.name);
    let message = format!("`{}` takes jobs of any runner", resource.name);
    vec![Finding::new("spec.match", message).fix(format!("add `runner_environment: {hosted}` to match"))]
}
