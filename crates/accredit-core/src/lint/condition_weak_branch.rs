//! One side of an `||` says who it is and the other does not: the weaker one counts (TP081).

use super::reading::{identifies, mapping};
use super::{Check, Finding, Rule, Severity};
use crate::expr::{Branch, Demand, Test, claim_path};
use crate::model::{Provider, Resource};
use crate::providers::Standing;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "condition-weak-branch",
    sentence: "a condition is also true of tokens whose bearer it does not look at",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    if mapping.clauses.iter().any(|clause| identifies(clause, provider)) {
        return Vec::new();
    }
    let Some(branches) = mapping.condition.as_ref().and_then(|condition| condition.branches()) else {
        return Vec::new();
    };
    let names = |branch: &&Branch| branch.demands.iter().any(|demand| says_who(demand, provider));
    let strong = branches.iter().filter(names).count();
    if strong == 0 || strong == branches.len() {
        return Vec::new();
    }
    let message = format!("condition of `{}` is also true of tokens whose bearer it does not look at", resource.name);
    vec![Finding::new("spec.condition", message).fix("move what says who it is to `match`, where it always holds")]
}

fn says_who(demand: &Demand, provider: &Provider) -> bool {
    let fact = provider.kind.claims.iter().find(|fact| claim_path(fact.name) == demand.field);
    let is_chosen = fact.is_some_and(|fact| matches!(fact.standing, Standing::Chosen | Standing::Circumstance));
    !demand.negated && !is_chosen && !matches!(demand.test, Test::Present | Test::Other)
}
