//! Who may act on a shared issuer must be said as firmly as whose tokens count: the same rule as a mapping's (F17, H04).

use super::tenant_not_pinned::pin_of_clauses;
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::providers::{Pin, tenancy_of};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "actor-tenant-not-pinned",
    sentence: "an entry of `actors` on a shared issuer must pin whose tokens it means",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(mapping) = resource.as_mapping() else { return Vec::new() };
    let open = mapping.actors.iter().enumerate().filter_map(|(place, entry)| {
        let provider = world.by_id(entry.provider)?.as_provider()?;
        let tenancy = tenancy_of(provider)?;
        if pin_of_clauses(&entry.clauses, provider) > Pin::Open {
            return None;
        }
        let first = tenancy.claims.first().copied().unwrap_or("sub");
        let message = format!("mapping `{}` does not pin whose token of {} may act", resource.name, tenancy.platform);
        Some(
            Finding::new(format!("spec.actors[{place}].match"), message)
                .fix(format!("add `{first}: \"...\"` to match")),
        )
    });
    open.collect()
}
