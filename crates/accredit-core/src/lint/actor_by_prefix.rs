//! Actors who are let in by the beginning of a name (F09).

use super::{Check, Finding, Rule, Severity};
use crate::model::{Resource, Scalar};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "actor-by-prefix",
    sentence: "an entry of `actors` expects the beginning of a value alone, so that whoever gets a name like it may act",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, _: &World) -> Vec<Finding> {
    let Some(mapping) = resource.as_mapping() else { return Vec::new() };
    let is_open = |value: &Scalar| matches!(value, Scalar::Prefix(_));
    let wide = mapping
        .actors
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.clauses.iter().all(|clause| clause.expected.values().iter().any(is_open)));
    wide.map(|(place, _)| {
        let message = format!("mapping `{}` lets whole ranges of names act for its subjects", resource.name);
        Finding::new(format!("spec.actors[{place}].match"), message).fix("name each actor: write its value without `*`")
    })
    .collect()
}
