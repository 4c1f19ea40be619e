//! A claim that its platform does not send, most often a misspelt one: nothing ever matches it (F05, TP044).

use std::collections::BTreeSet;

use super::reading::mapping;
use super::{Check, Finding, Rule, Severity};
use crate::expr::claim_path;
use crate::model::{Claim, Provider, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "claim-unknown",
    sentence: "a mapping names a claim that its kind of provider does not send",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    // Of an issuer of one's own only the standard claims are known, and it may send any other.
    if provider.kind.claims.len() < FEW {
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    for clause in &mapping.clauses {
        if let Claim::Raw(name) = &clause.claim {
            seen.insert(("spec.match", name.to_string()));
        }
    }
    if let Some(condition) = &mapping.condition {
        let plain = |field: &String| !field.contains(['.', '[']) && field != "*";
        seen.extend(condition.fields().into_iter().filter(plain).map(|field| ("spec.condition", field)));
    }
    let unknown = |name: &str| provider.kind.claim(name).is_none() && !provider.audits(name) && !is_property(name);
    seen.into_iter()
        .filter(|(_, name)| unknown(name))
        .map(|(field, name)| {
            let message = format!("`{name}` of `{}` is no claim of `{}`", resource.name, provider.kind.name);
            Finding::new(field, message).fix(match nearest(&name, provider) {
                Some(near) => format!("write `{near}`"),
                None => "list it in the provider's `audit` if the platform does send it".to_owned(),
            })
        })
        .collect()
}

/// Organisations on GitHub name such claims themselves.
fn is_property(name: &str) -> bool {
    name.starts_with("repo_property_")
}

/// The known claim that the name is a slip away from.
fn nearest(name: &str, provider: &Provider) -> Option<&'static str> {
    let names = provider.kind.claims.iter().map(|fact| fact.name);
    let close = names.map(|known| (distance(name, known), known)).min()?;
    (close.0 <= 2 || claim_path(close.1).eq_ignore_ascii_case(name)).then_some(close.1)
}

/// How many letters have to be put in, taken out or replaced (Levenshtein).
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (place, letter) in one.chars().take(MAX_NAME).enumerate() {
        let mut corner = row[0];
        row[0] = place + 1;
        for (column, other) in two.iter().enumerate() {
            let swapped = corner + usize::from(letter != *other);
            corner = row[column + 1];
            row[column + 1] = swapped.min(row[column] + 1).min(corner + 1);
        }
    }
    row[two.len()]
}

const FEW: usize = 12;
const MAX_NAME: usize = 64;
