//! A mapping that names a permission which no grant gives: a misspelling, or a grant that was forgotten.

use super::{Check, Finding, Rule, Severity};
use crate::model::{Id, MappingPermissions, Permission, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "permission-not-granted",
    sentence: "a mapping names a permission that no grant gives to its service account",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(mapping) = resource.as_mapping() else { return Vec::new() };
    let reach = world.reach(mapping.account);
    let given = |api: Option<Id>, permission: &Permission| {
        reach.iter().any(|reach| api.is_none_or(|api| reach.api.id == api) && reach.permissions.contains(permission))
    };
    let missing: Vec<&Permission> = match &mapping.permissions {
        MappingPermissions::All => Vec::new(),
        MappingPermissions::Only(list) => list.iter().filter(|permission| !given(None, permission)).collect(),
        MappingPermissions::PerApi(apis) => apis
            .iter()
            .flat_map(|of| of.permissions.iter().filter(|permission| !given(Some(of.api), permission)))
            .collect(),
    };
    let account = world.by_id(mapping.account).map(|account| account.name.to_string()).unwrap_or_default();
    missing
        .into_iter()
        .map(|permission| {
            Finding::new("spec.permissions", format!("permission `{permission}` is not granted to `{account}`"))
                .fix("its owner can: `accredit apply` a Grant for the API")
        })
        .collect()
}
