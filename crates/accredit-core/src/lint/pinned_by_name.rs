//! A tenant pinned by a name that can be given up and taken by somebody else (F14, TP050).

use super::tenant_not_pinned::pin_of;
use super::{Finding, Rule, Severity};
use crate::model::Resource;
use crate::providers::Pin;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "pinned-by-name",
    sentence: "a tenant is pinned by a name, which can be reassigned, and not by a permanent id",
    severity: Severity::Warning,
    check,
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(mapping) = resource.as_mapping() else { return Vec::new() };
    let Some(provider) = world.by_id(mapping.provider).and_then(|provider| provider.as_provider()) else {
        return Vec::new();
    };
    if pin_of(mapping, provider) != Pin::ByName {
        return Vec::new();
    }
    let fix = match provider.kind.name {
        "github" => {
            "match `repository_id` and `repository_owner_id`: gh api repos/OWNER/REPO --jq '.id, .owner.id'".to_owned()
        }
        _ => "match the permanent id beside the name".to_owned(),
    };
    vec![Finding::new("spec.match", format!("mapping `{}` pins its tenant by name only", resource.name)).fix(fix)]
}
