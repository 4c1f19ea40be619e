//! A mapping on an issuer that many tenants share must say whose tokens it means (F17, TP002, TP003).

use super::{Check, Finding, Rule, Severity};
use crate::model::{Clause, Expected, Mapping, Provider, Resource, Scalar};
use crate::providers::{Pin, tenancy_of};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "tenant-not-pinned",
    sentence: "a mapping on a shared issuer must pin whose tokens it means",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(mapping) = resource.as_mapping() else { return Vec::new() };
    let Some(provider) = world.by_id(mapping.provider) else { return Vec::new() };
    let Some(provider) = provider.as_provider() else { return Vec::new() };
    let Some(tenancy) = tenancy_of(provider) else { return Vec::new() };
    if pin_of(mapping, provider) > Pin::Open {
        return Vec::new();
    }
    let (who, fix) = if provider.kind.tenancy.is_empty() {
        let first = tenancy.claims.first().copied().unwrap_or("sub");
        (format!("whose token of {} it means", tenancy.platform), format!("add `{first}: \"...\"` to match"))
    } else {
        (provider.kind.pinning.whose.to_owned(), provider.kind.pinning.add.to_owned())
    };
    vec![Finding::new("spec.match", format!("mapping `{}` does not pin {who}", resource.name)).fix(fix)]
}

/// How firmly a mapping pins whose token it means: the firmest of its clauses, each as firm as its loosest value.
pub(super) fn pin_of(mapping: &Mapping, provider: &Provider) -> Pin {
    pin_of_clauses(&mapping.clauses, provider)
}

/// The same, of whatever has clauses.
pub(crate) fn pin_of_clauses(clauses: &[Clause], provider: &Provider) -> Pin {
    let Some(tenancy) = tenancy_of(provider) else { return Pin::Permanent };
    clauses.iter().map(|clause| pin(clause, provider, tenancy.claims)).max().unwrap_or(Pin::Open)
}

fn pin(clause: &Clause, provider: &Provider, tenancy: &[&str]) -> Pin {
    use crate::providers::Standing;
    let Expected::OneOf(values) = &clause.expected else { return Pin::Open };
    let name = clause.claim.to_string();
    if name == "sub" && !provider.kind.subject.formats.is_empty() {
        return values.iter().map(provider.kind.subject.pins).min().unwrap_or(Pin::Open);
    }
    if !tenancy.contains(&name.as_str()) {
        return Pin::Open;
    }
    // Of a shared issuer without a kind of its own, only its claims of tenancy are known, and those that are ids say so.
    let standing = provider.kind.standing(&clause.claim).filter(|_| !provider.kind.tenancy.is_empty());
    let by_name = standing.map_or(!name.ends_with("_id") && name != "sub", |standing| standing != Standing::Permanent);
    let firm = |value: &Scalar| match value {
        Scalar::Text(_) | Scalar::Int(_) if by_name => Pin::ByName,
        Scalar::Text(_) | Scalar::Int(_) => Pin::Permanent,
        // `repository: acme/*` goes past the owner's delimiter, `acme*` does not.
        Scalar::Prefix(prefix) if by_name && prefix.ends_with('/') && prefix.len() > 1 => Pin::ByName,
        Scalar::Prefix(_) | Scalar::Bool(_) => Pin::Open,
    };
    values.iter().map(firm).min().unwrap_or(Pin::Open)
}
