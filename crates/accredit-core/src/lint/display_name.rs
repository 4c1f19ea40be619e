//! A name that people give themselves as the only sign of who they are (F15, TP057).

use super::reading::{clause, identifies, mapping};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "display-name",
    sentence: "a mapping knows who it is by a display name or login, which its bearer can change",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    let Some(name) = NAMES.iter().find(|name| clause(mapping, name).is_some()) else { return Vec::new() };
    let others = |clause: &&crate::model::Clause| !NAMES.contains(&clause.claim.to_string().as_str());
    if mapping.clauses.iter().filter(others).any(|clause| identifies(clause, provider)) {
        return Vec::new();
    }
    let message = format!("`{}` knows its bearer by `{name}` alone, which can be changed", resource.name);
    vec![Finding::new("spec.match", message).fix("match `sub`, or another id that is never used again")]
}

const NAMES: &[&str] = &[
    "display_name",
    "family_name",
    "given_name",
    "login",
    "name",
    "nickname",
    "preferred_username",
    "unique_name",
    "upn",
    "user_login",
    "username",
];
