//! A mapping on an issuer that many tenants share must say whose tokens it means (F17, TP002, TP003).

use super::{Finding, Rule, Severity};
use crate::model::{Clause, Expected, Mapping, Provider, Resource, Scalar};
use crate::providers::{Pin, tenancy_of};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "tenant-not-pinned",
    sentence: "a mapping on a shared issuer must pin whose tokens it means",
    severity: Severity::Error,
    check,
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(mapping) = resource.as_mapping() else { return Vec::new() };
    let Some(provider) = world.by_id(mapping.provider) else { return Vec::new() };
    let Some(provider) = provider.as_provider() else { return Vec::new() };
    let Some(tenancy) = tenancy_of(provider) else { return Vec::new() };
    if pin_of(mapping, provider) > Pin::Open {
        return Vec::new();
    }
    let who = match provider.kind.name {
        "github" => "who owns the repository".to_owned(),
        "spiffe" => "a SPIFFE ID or a path that ends with `/`".to_owned(),
        _ => format!("whose token of {} it means", tenancy.platform),
    };
    let first = tenancy.claims.first().copied().unwrap_or("sub");
    let fix = match provider.kind.name {
        "github" => "add `repository_owner_id: \"...\"` or `repository_id: \"...\"` to match".to_owned(),
        "spiffe" => "add `sub: spiffe://TRUST-DOMAIN/PATH` to match".to_owned(),
        _ => format!("add `{first}: \"...\"` to match"),
    };
    vec![Finding::new("spec.match", format!("mapping `{}` does not pin {who}", resource.name)).fix(fix)]
}

/// How firmly a mapping pins whose token it means: the firmest of its clauses, each as firm as its loosest value.
pub(super) fn pin_of(mapping: &Mapping, provider: &Provider) -> Pin {
    let Some(tenancy) = tenancy_of(provider) else { return Pin::Permanent };
    mapping.clauses.iter().map(|clause| pin(clause, provider, tenancy.claims)).max().unwrap_or(Pin::Open)
}

fn pin(clause: &Clause, provider: &Provider, tenancy: &[&str]) -> Pin {
    use crate::model::Claim;
    use crate::providers::Standing;
    let (Claim::Raw(name), Expected::OneOf(values)) = (&clause.claim, &clause.expected) else { return Pin::Open };
    if **name == *"sub" && !provider.kind.subject.formats.is_empty() {
        return values.iter().map(provider.kind.subject.pins).min().unwrap_or(Pin::Open);
    }
    if !tenancy.contains(&&**name) {
        return Pin::Open;
    }
    // Of a shared issuer without a kind of its own, only its claims of tenancy are known, and those that are ids say so.
    let fact = provider.kind.claim(name).filter(|_| !provider.kind.tenancy.is_empty());
    let by_name = fact.map_or(!name.ends_with("_id") && **name != *"sub", |fact| fact.standing != Standing::Permanent);
    let firm = |value: &Scalar| match value {
        Scalar::Text(_) | Scalar::Int(_) if by_name => Pin::ByName,
        Scalar::Text(_) | Scalar::Int(_) => Pin::Permanent,
        // `repository: acme/*` goes past the owner's delimiter, `acme*` does not.
        Scalar::Prefix(prefix) if by_name && prefix.ends_with('/') && prefix.len() > 1 => Pin::ByName,
        Scalar::Prefix(_) | Scalar::Bool(_) => Pin::Open,
    };
    values.iter().map(firm).min().unwrap_or(Pin::Open)
}
