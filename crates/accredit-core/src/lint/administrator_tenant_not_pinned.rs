//! An administrator on a shared issuer must say whose tokens it means: the same rule as a mapping's (F17, K10).

use super::tenant_not_pinned::pin_of_clauses;
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::providers::{Pin, tenancy_of};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "administrator-tenant-not-pinned",
    sentence: "an administrator on a shared issuer must pin whose tokens it means",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(administrator) = resource.as_administrator() else { return Vec::new() };
    let Some(provider) = world.by_id(administrator.provider).and_then(|provider| provider.as_provider()) else {
        return Vec::new();
    };
    let Some(tenancy) = tenancy_of(provider) else { return Vec::new() };
    if pin_of_clauses(&administrator.clauses, provider) > Pin::Open {
        return Vec::new();
    }
    let first = tenancy.claims.first().copied().unwrap_or("sub");
    vec![
        Finding::new(
            "spec.match",
            format!("administrator `{}` does not pin whose token of {} it means", resource.name, tenancy.platform),
        )
        .fix(format!("add `{first}: \"...\"` to match")),
    ]
}
