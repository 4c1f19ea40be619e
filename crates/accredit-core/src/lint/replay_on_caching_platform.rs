//! One-time use of tokens that a platform hands out again to whoever asks (TP105).

use super::reading::says_once;
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::providers::Caches;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "once-on-caching-platform",
    sentence: "`replay: once` on a platform that hands the same token out again, so that honest callers are refused",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(provider) = says_once(resource, world, Caches::Always) else { return Vec::new() };
    let message =
        format!("a platform of kind `{}` hands the same token out until it is nearly over", provider.kind.name);
    vec![Finding::new("spec.replay", message).fix("use `replay: reuse`")]
}
