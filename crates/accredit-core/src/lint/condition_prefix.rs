//! A beginning that ends inside a name: `repo:acme` also begins `repo:acme-evil/` (F08, TP082).

use super::reading::{programs, provider_of};
use super::wildcard_in_name::is_choice_inside;
use super::{Check, Finding, Rule, Severity};
use crate::expr::{Demand, Test, claim_path};
use crate::model::{Provider, Resource};
use crate::providers::Standing;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "condition-prefix",
    sentence: "an expression tests a beginning that ends inside a name",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(provider) = provider_of(resource, world) else { return Vec::new() };
    let mut findings = Vec::new();
    for (field, what, program) in programs(resource) {
        for Demand { field: claim, test, negated, .. } in program.demands() {
            let Test::StartsWith(text) = test else { continue };
            let ends_inside = text.ends_with(char::is_alphanumeric);
            if negated || !ends_inside || is_choice_inside(&text) || is_choice(&claim, provider) {
                continue;
            }
            let message = format!("{what} takes any `{claim}` that begins with `{text}`");
            findings.push(Finding::new(field, message).fix(format!("end it at a delimiter: `startsWith('{text}/')`")));
        }
    }
    findings
}

fn is_choice(claim: &str, provider: &Provider) -> bool {
    let fact = provider.kind.claims.iter().find(|fact| claim_path(fact.name) == claim);
    fact.is_some_and(|fact| matches!(fact.standing, Standing::Chosen | Standing::Circumstance))
}
