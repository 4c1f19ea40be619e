//! Membership in a list as the only sign of who it is: whoever may edit the list decides (TP083).

use super::reading::{identifies, mapping};
use super::{Check, Finding, Rule, Severity};
use crate::expr::{Demand, Test, claim_path};
use crate::model::{Clause, Expected, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "list-alone",
    sentence: "a mapping knows who it is by an entry of a list alone, which others may edit",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    let is_list = |clause: &&Clause| matches!(clause.expected, Expected::Any(_) | Expected::All(_));
    let listed = mapping.clauses.iter().find(is_list).map(|clause| ("spec.match", clause.claim.to_string()));
    let demands = mapping.condition.as_ref().map(|condition| condition.demands()).unwrap_or_default();
    let holds = |demand: &&Demand| matches!(demand.test, Test::Holds(_)) && !demand.negated;
    let held = || demands.iter().find(holds).map(|demand| ("spec.condition", demand.field.clone()));
    let Some((field, list)) = listed.or_else(held) else { return Vec::new() };
    let named = |demand: &Demand| {
        demand.required
            && !demand.negated
            && matches!(demand.test, Test::Equals(_))
            && demand.field == claim_path("sub")
    };
    if mapping.clauses.iter().any(|clause| identifies(clause, provider)) || demands.iter().any(named) {
        return Vec::new();
    }
    let message = format!("`{}` trusts whoever is entered in `{list}`", resource.name);
    vec![Finding::new(field, message).fix("match who it is as well, such as `sub`")]
}
