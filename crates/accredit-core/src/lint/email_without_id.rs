//! An account by its address: deleted and made again under the same address it is somebody else (F20, TP073).

use super::reading::{clause, mapping};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "email-without-id",
    sentence: "a mapping knows an account by its address and not by its permanent id",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, _)) = mapping(resource, world) else { return Vec::new() };
    let has = |claim| clause(mapping, claim).is_some();
    if !has("email") || has("sub") || has("oid") {
        return Vec::new();
    }
    let message = format!("`{}` knows the account by its address, which can be given to another", resource.name);
    vec![Finding::new("spec.match", message).fix("add `sub: \"...\"`, the account's unique id, to match")]
}
