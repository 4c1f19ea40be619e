//! A mapping that gives as a bearer token what another one binds to a key (I10, TP111).

use super::{Check, Finding, Rule, Severity};
use crate::model::{Mapping, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "binding-avoided",
    sentence: "a mapping gives bearer tokens of a service account whose tokens another mapping binds to a key",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(mapping) = resource.as_mapping().filter(|mapping| mapping.bound.is_none()) else { return Vec::new() };
    let binds = |other: &Mapping| other.bound.is_some();
    let mut others = world
        .route(mapping.provider, mapping.account)
        .take(MAX_LOOKED_AT)
        .filter(|other| other.id != resource.id && other.enabled && other.as_mapping().is_some_and(binds));
    let first = others.by_ref().min_by(|one, two| one.name.cmp(&two.name));
    first
        .map(|other| {
            let message = format!(
                "mapping `{}` binds tokens of `{}` to a key, mapping `{}` does not",
                other.name, mapping.account_name, resource.name
            );
            Finding::new("spec.bound", message)
                .fix("add `bound` here too, or let them lead to different service accounts")
        })
        .into_iter()
        .collect()
}

/// Of a provider with more mappings to one account, the rest is not looked at on each write.
const MAX_LOOKED_AT: usize = 512;
