//! One service account for workloads that have nothing to do with each other: what one of them needs, all of them may (TP106).

use std::collections::BTreeSet;

use super::reading::identifies;
use super::{Check, Finding, Rule, Severity};
use crate::model::{Kind, Mapping, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "account-shared",
    sentence: "many unrelated workloads become the same service account",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    if resource.as_service_account().is_none() {
        return Vec::new();
    }
    let mappings = world.referrers(resource.id).filter(|other| other.kind() == Kind::Mapping && other.enabled);
    let workloads: BTreeSet<String> =
        mappings.take(LOOKED_AT).filter_map(|other| workload(other.as_mapping()?, world)).collect();
    if workloads.len() <= MOST {
        return Vec::new();
    }
    let message = format!("`{}` is what {} different workloads become", resource.name, workloads.len());
    vec![Finding::new("spec", message).fix("give each workload an account of its own, and a role for what they share")]
}

/// Whose tokens a mapping takes, whatever branch or environment they are of.
fn workload(mapping: &Mapping, world: &World) -> Option<String> {
    let provider = world.by_id(mapping.provider)?.as_provider()?;
    let who = mapping.clauses.iter().filter(|clause| identifies(clause, provider));
    let who: Vec<String> = who.map(|clause| format!("{}={}", clause.claim, clause.expected)).collect();
    Some(format!("{} {}", mapping.provider_name, who.join(" ")))
}

const MOST: usize = 5;
const LOOKED_AT: usize = 256;
