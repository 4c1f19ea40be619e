//! A tenant pinned by a name that can be given up and taken by somebody else (F14, TP050).

use super::tenant_not_pinned::pin_of;
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::providers::Pin;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "pinned-by-name",
    sentence: "a tenant is pinned by a name, which can be reassigned, and not by a permanent id",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(mapping) = resource.as_mapping() else { return Vec::new() };
    let Some(provider) = world.by_id(mapping.provider).and_then(|provider| provider.as_provider()) else {
        return Vec::new();
    };
    if pin_of(mapping, provider) != Pin::ByName {
        return Vec::new();
    }
    let finding = Finding::new("spec.match", format!("mapping `{}` pins its tenant by name only", resource.name));
    vec![finding.fix(provider.kind.pinning.by_id)]
}
