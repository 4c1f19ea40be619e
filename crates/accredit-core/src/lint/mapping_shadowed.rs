//! A mapping all of whose tokens match a wider one too: each of them is refused as ambiguous (F21, TP110).

use super::{Check, Finding, Rule, Severity};
use crate::model::{Expected, Mapping, Resource, Scalar};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "mapping-shadowed",
    sentence: "every token that a mapping matches, a wider one matches as well, so it never allows anything",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(mapping) = resource.as_mapping().filter(|_| resource.enabled) else { return Vec::new() };
    let mut wider: Vec<&str> = world
        .neighbours(mapping)
        .into_iter()
        .filter(|other| other.id != resource.id && other.enabled)
        .filter(|other| other.as_mapping().is_some_and(|other| covers(other, mapping)))
        .map(|other| other.name.as_str())
        .collect();
    wider.sort_unstable();
    let finding = |other| {
        let message =
            format!("`{other}` matches every token of `{}`, which are all refused as ambiguous", resource.name);
        Finding::new("spec.match", message).fix("delete one of them, or narrow the wider one")
    };
    wider.into_iter().map(finding).collect()
}

/// Whether one mapping matches whatever the other does.
fn covers(wide: &Mapping, narrow: &Mapping) -> bool {
    let same_condition = match (&wide.condition, &narrow.condition) {
        (None, _) => true,
        (Some(wide), Some(narrow)) => wide.source() == narrow.source(),
        (Some(_), None) => false,
    };
    same_condition
        && wide.clauses.iter().all(|clause| {
            narrow
                .clauses
                .iter()
                .any(|other| other.claim == clause.claim && contains(&clause.expected, &other.expected))
        })
}

fn contains(wide: &Expected, narrow: &Expected) -> bool {
    let (Expected::OneOf(wide), Expected::OneOf(narrow)) = (wide, narrow) else { return wide == narrow };
    narrow.iter().all(|value| {
        wide.iter().any(|other| match (other, value) {
            (Scalar::Prefix(begin), Scalar::Prefix(text) | Scalar::Text(text)) => text.starts_with(&**begin),
            (other, value) => other == value,
        })
    })
}
