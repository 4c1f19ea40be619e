//! One uploaded key alone: the day it is replaced, every token is refused (TP017).

use serde_json::Value;

use super::{Check, Finding, Rule, Severity};
use crate::model::{KeysSpec, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "keys-single",
    sentence: "a provider has one uploaded key, so replacing it breaks whoever still uses it",
    severity: Severity::Note,
    check: Check::Resource(check),
};

fn check(resource: &Resource, _: &World) -> Vec<Finding> {
    let Some(provider) = resource.as_provider().filter(|provider| provider.next_keys.is_none()) else {
        return Vec::new();
    };
    let KeysSpec::Uploaded(set) = &provider.keys else { return Vec::new() };
    if set.get("keys").and_then(Value::as_array).is_none_or(|keys| keys.len() != 1) {
        return Vec::new();
    }
    let message = format!("`{}` has one uploaded key and none to change over to", resource.name);
    vec![
        Finding::new("spec.keys.uploaded", message)
            .fix("stage the next key as `nextKeys` before the issuer changes over"),
    ]
}
