//! Two mappings that provably match the same token; such a token is refused as ambiguous (F21, L05, TP109).

use super::{Check, Finding, Rule, Severity};
use crate::model::{Mapping, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "mappings-overlap",
    sentence: "two enabled mappings can match the same token, which is then refused as ambiguous",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    overlapping(resource, world)
        .into_iter()
        .map(|other| {
            Finding::new(
                "spec.match",
                format!(
                    "mapping `{}` overlaps with `{}`: a token that matches both is refused",
                    resource.name, other.name
                ),
            )
            .fix("narrow one of them, or disable it")
        })
        .collect()
}

/// The enabled mappings to the same account that provably match some of the same tokens, by name.
pub(crate) fn overlapping<'w>(resource: &Resource, world: &'w World) -> Vec<&'w Resource> {
    let Some(mapping) = resource.as_mapping().filter(|_| resource.enabled) else { return Vec::new() };
    let mut others: Vec<&Resource> = world
        .neighbours(mapping)
        .into_iter()
        .filter(|other| other.id != resource.id && other.enabled)
        .filter(|other| {
            other.as_mapping().is_some_and(|other| other.account == mapping.account && overlap(mapping, other))
        })
        .map(|other| &**other)
        .collect();
    others.sort_by(|one, two| one.name.cmp(&two.name));
    others
}

/// Provable means: no claim that both look at rules one of them out, and there is no condition that might.
pub(super) fn overlap(one: &Mapping, two: &Mapping) -> bool {
    let conditions_agree = match (&one.condition, &two.condition) {
        (None, None) => true,
        (Some(one), Some(two)) => one.source() == two.source(),
        _ => true,
    };
    one.provider == two.provider
        && conditions_agree
        && one.clauses.iter().all(|clause| {
            two.clauses.iter().all(|other| clause.claim != other.claim || clause.expected.meets(&other.expected))
        })
}
