//! A platform that makes a new token for each request, whose tokens may be shown twice all the same (E11, TP104).

use super::reading::mapping;
use super::{Check, Finding, Rule, Severity};
use crate::model::{Replay, Resource};
use crate::providers::Caches;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "replay-open",
    sentence: "`replay: reuse` where each request makes a new token, so a stolen one works until it ends",
    severity: Severity::Note,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    if provider.kind.caches != Caches::Never || mapping.replay.unwrap_or(provider.default_replay()) == Replay::Once {
        return Vec::new();
    }
    let message = format!("a token that `{}` has taken can be shown again until it ends", resource.name);
    vec![Finding::new("spec.replay", message).fix("say `replay: once`; a job that needs another token asks for one")]
}
