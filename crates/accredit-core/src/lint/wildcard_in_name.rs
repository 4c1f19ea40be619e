//! A `*` in the middle of a name: `acme*` is also `acme-evil` (F08, TP031).

use super::reading::{mapping, standing, text};
use super::{Check, Finding, Rule, Severity};
use crate::model::{Expected, Resource};
use crate::providers::Standing;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "wildcard-in-name",
    sentence: "a `*` follows part of a name, so names that begin alike match as well",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    let mut findings = Vec::new();
    for clause in &mapping.clauses {
        // What whoever starts the job names is no name of anybody: `refs/tags/v*` is a choice among the owner's tags.
        let is_choice = matches!(standing(&clause.claim, provider), Some(Standing::Chosen | Standing::Circumstance));
        let Expected::OneOf(values) = &clause.expected else { continue };
        let begun =
            values.iter().filter_map(text).filter(|(text, open)| *open && text.ends_with(char::is_alphanumeric));
        // Digits are the business of `wildcard-on-id`.
        let begun = begun.filter(|(text, _)| !is_choice && !is_choice_inside(text));
        for (text, _) in begun.filter(|(text, _)| !text.bytes().all(|byte| byte.is_ascii_digit())) {
            let message = format!("`{}: {text}*` of `{}` ends inside a name", clause.claim, resource.name);
            let fix = "end it at a delimiter, such as `/` or `:`, or write the whole name";
            findings.push(Finding::new("spec.match", message).fix(fix));
        }
    }
    findings
}

/// A branch or tag inside a longer text is a choice too: `OWNER/REPO/FILE@refs/tags/v*`.
pub(super) fn is_choice_inside(text: &str) -> bool {
    text.contains("refs/") || text.contains(":ref:")
}
