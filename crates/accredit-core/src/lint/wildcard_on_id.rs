//! A `*` after the digits of an id: ids that begin alike belong to strangers (F08, TP031).

use super::reading::{mapping, text};
use super::{Check, Finding, Rule, Severity};
use crate::model::{Expected, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "wildcard-on-id",
    sentence: "an id is matched by its first digits",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, _)) = mapping(resource, world) else { return Vec::new() };
    let mut findings = Vec::new();
    for clause in &mapping.clauses {
        let Expected::OneOf(values) = &clause.expected else { continue };
        let is_id = |name: &str| name.ends_with("_id") || name.ends_with("uid") || name == "oid" || name == "sub";
        let digits = values.iter().filter_map(text).find(|(text, open)| {
            *open && text.bytes().all(|byte| byte.is_ascii_digit()) && is_id(&clause.claim.to_string())
        });
        if let Some((digits, _)) = digits {
            let message =
                format!("`{}: {digits}*` of `{}` matches every id that begins so", clause.claim, resource.name);
            findings.push(Finding::new("spec.match", message).fix("write each id, as a list"));
        }
    }
    findings
}
