//! One token, several accounts: a caller that names none is refused as ambiguous (F21, L05, TP109).

use super::mappings_overlap::overlap;
use super::{Check, Finding, Rule, Severity};
use crate::model::{Mapping, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "mappings-compete",
    sentence: "a token can become several service accounts, so its bearer must say which",
    severity: Severity::Note,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(mapping) = resource.as_mapping().filter(|_| resource.enabled) else { return Vec::new() };
    let elsewhere = |other: &Mapping| other.account != mapping.account && overlap(mapping, other);
    let mut others: Vec<&Resource> = world
        .rivals(mapping)
        .into_iter()
        .filter(|other| other.enabled && other.as_mapping().is_some_and(elsewhere))
        .map(|other| &**other)
        .collect();
    others.sort_by(|one, two| one.name.cmp(&two.name));
    let Some(first) = others.first() else { return Vec::new() };
    let more = if others.len() > 1 { format!(" and {} more", others.len() - 1) } else { String::new() };
    // What another project calls its mappings is nobody else's business.
    let called = match first.project == resource.project {
        true => format!("`{}`", first.name),
        false => "one of another project".to_owned(),
    };
    let message =
        format!("tokens of `{}` may match {called}{more} as well, for another service account", resource.name);
    vec![Finding::new("spec.match", message).fix("have callers say `service_account_id`, or narrow one of them")]
}
