//! A mapping without any clause on who the workload is: everything it matches is chosen by whoever starts the job (TP058).

use super::{Check, Finding, Rule, Severity};
use crate::model::{Claim, Resource};
use crate::providers::Standing;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "chosen-claims-only",
    sentence: "all that a mapping matches is chosen by whoever starts the job",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(mapping) = resource.as_mapping() else { return Vec::new() };
    let Some(provider) = world.by_id(mapping.provider).and_then(|provider| provider.as_provider()) else {
        return Vec::new();
    };
    let chosen =
        |claim: &Claim| matches!(provider.kind.standing(claim), Some(Standing::Chosen | Standing::Circumstance));
    if mapping.clauses.is_empty()
        || mapping.condition.is_some()
        || !mapping.clauses.iter().all(|clause| chosen(&clause.claim))
    {
        return Vec::new();
    }
    vec![
        Finding::new(
            "spec.match",
            format!("mapping `{}` matches nothing that says who the workload is", resource.name),
        )
        .fix("match a claim that identifies the workload, such as `sub`"),
    ]
}
