//! One-time use of tokens that a job or its client may keep (TP105).

use super::reading::says_once;
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::providers::Caches;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "once-on-kept-tokens",
    sentence: "`replay: once` where a job has one token for all its steps, or its client keeps the one that it has",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(provider) = says_once(resource, world, Caches::Sometimes) else { return Vec::new() };
    let message =
        format!("tokens of kind `{}` may be shown again by honest clients until they expire", provider.kind.name);
    vec![
        Finding::new("spec.replay", message)
            .fix("use `replay: reuse`, unless each exchange has a token of its own here"),
    ]
}
