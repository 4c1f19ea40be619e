//! An administrator that workloads with a mapping can be, so that they edit the policy that lets them in (K10).

use super::{Check, Finding, Rule, Severity};
use crate::model::{AdminRole, Administrator, Mapping, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "administrator-matches-workload",
    sentence: "a workload that a mapping lets in could be this administrator, and change that mapping",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(administrator) = resource.as_administrator() else { return Vec::new() };
    let writes = match administrator.role {
        AdminRole::Owner | AdminRole::Operator | AdminRole::ProjectAdmin => true,
        // A realm's write no mapping.
        AdminRole::Auditor | AdminRole::ProjectViewer | AdminRole::RealmAdmin | AdminRole::RealmViewer => false,
    };
    if !writes {
        return Vec::new();
    }
    let mut reached = world.mappings_of(administrator.provider).take(MAX_LOOKED_AT).filter(|other| {
        other.enabled
            && (administrator.project.is_none() || administrator.project == other.project)
            && other.as_mapping().is_some_and(|mapping| meet(administrator, mapping))
    });
    let first = reached.by_ref().min_by(|one, two| one.name.cmp(&two.name));
    first
        .map(|mapping| {
            Finding::new(
                "spec.match",
                format!(
                    "a token that matches mapping `{}` may match administrator `{}` too, who can change that mapping",
                    mapping.name, resource.name
                ),
            )
            .fix("match a claim that workloads do not have, or tell people and workloads by different providers")
        })
        .into_iter()
        .collect()
}

/// No claim that both look at rules one of them out.
fn meet(administrator: &Administrator, mapping: &Mapping) -> bool {
    administrator.clauses.iter().all(|clause| {
        mapping.clauses.iter().all(|other| clause.claim != other.claim || clause.expected.meets(&other.expected))
    })
}

/// Of a provider with more mappings, the rest is not looked at on each write.
const MAX_LOOKED_AT: usize = 4096;
