//! One-time use of tokens that a platform hands out more than once (TP105).

use super::{Check, Finding, Rule, Severity};
use crate::model::{Replay, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "once-on-caching-platform",
    sentence: "`replay: once` on a platform that hands the same token out again breaks honest callers",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(mapping) = resource.as_mapping().filter(|mapping| mapping.replay == Some(Replay::Once)) else {
        return Vec::new();
    };
    let Some(provider) = world.by_id(mapping.provider).and_then(|provider| provider.as_provider()) else {
        return Vec::new();
    };
    if !provider.kind.caches {
        return Vec::new();
    }
    vec![
        Finding::new(
            "spec.replay",
            format!("tokens of kind `{}` are shown again by honest clients until they expire", provider.kind.name),
        )
        .fix("use `replay: reuse`, unless this issuer makes a new token for each request"),
    ]
}
