//! An address that nobody has checked: whoever types it in has it (F18, TP055).

use super::reading::{clause, looks_at, mapping};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "email-unverified",
    sentence: "a mapping matches `email` without `email_verified`",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, _)) = mapping(resource, world) else { return Vec::new() };
    let firm = |claim| clause(mapping, claim).is_some();
    if !firm("email") || looks_at(mapping, "email_verified") || firm("sub") || firm("oid") {
        return Vec::new();
    }
    let message = format!("`{}` believes an `email` that may not have been verified", resource.name);
    vec![Finding::new("spec.match", message).fix("add `email_verified: true` to match, or match `sub`")]
}
