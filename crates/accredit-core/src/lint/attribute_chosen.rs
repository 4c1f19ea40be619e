//! An attribute that is computed from what whoever starts the job says, as the only sign of who it is (TP087).

use super::reading::mapping;
use super::{Check, Finding, Rule, Severity};
use crate::expr::claim_path;
use crate::model::{Claim, Clause, Provider, Resource};
use crate::providers::Standing;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "attribute-chosen",
    sentence: "a mapping rests on a derived attribute that is computed from chosen claims alone",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    let derived = |clause: &&Clause| matches!(clause.claim, Claim::Derived(_));
    let Some(first) = mapping.clauses.iter().find(derived) else { return Vec::new() };
    if !mapping.clauses.iter().all(|clause| is_chosen(&clause.claim, provider)) || mapping.condition.is_some() {
        return Vec::new();
    }
    let message =
        format!("`{}` of `{}` is computed from what whoever starts the job chooses", first.claim, resource.name);
    vec![Finding::new("spec.match", message).fix("match a claim that identifies the workload, such as `sub`")]
}

fn is_chosen(claim: &Claim, provider: &Provider) -> bool {
    let said = |name: &str| {
        provider
            .kind
            .claims
            .iter()
            .find(|fact| claim_path(fact.name) == name)
            .is_some_and(|fact| matches!(fact.standing, Standing::Chosen | Standing::Circumstance))
    };
    match claim {
        Claim::Raw(name) => said(&claim_path(name)),
        Claim::Derived(name) => {
            let program = provider.attributes.iter().find(|(known, _)| known == name);
            program.is_some_and(|(_, program)| program.fields().iter().all(|field| said(field)))
        }
    }
}
