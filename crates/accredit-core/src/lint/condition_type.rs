//! A comparison of a claim with what it never is: always false, always true, or always an error (F02, G01, TP084).

use super::reading::{programs, provider_of};
use super::{Check, Finding, Rule, Severity};
use crate::expr::{Kind, claim_path};
use crate::model::Resource;
use crate::providers::Shape;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "condition-type",
    sentence: "an expression compares a claim with a value of a type that it never has",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(provider) = provider_of(resource, world) else { return Vec::new() };
    let kind_of = |field: &str| {
        let fact = provider.kind.claims.iter().find(|fact| claim_path(fact.name) == field)?;
        (fact.shape == Shape::Text).then_some(Kind::String)
    };
    let mut findings = Vec::new();
    for (field, what, program) in programs(resource) {
        for sentence in program.mismatches(&kind_of) {
            let finding = Finding::new(field, format!("{what}: {sentence}"));
            findings.push(finding.fix("put the value into quotes, or convert the claim with `int()`"));
        }
    }
    findings
}
