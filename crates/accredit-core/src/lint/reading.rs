//! What several rules ask of a mapping: whose tokens it reads, what it demands, whether that says who the workload is.

use crate::expr::{Demand, Program, Test, claim_path};
use crate::model::{
    Claim, Clause, Expected, Mapping, MappingPermissions, Permission, Provider, Replay, Resource, Scalar,
};
use crate::providers::{Caches, Standing};
use crate::world::World;

/// A mapping and its provider.
pub(super) fn mapping<'w>(resource: &'w Resource, world: &'w World) -> Option<(&'w Mapping, &'w Provider)> {
    let mapping = resource.as_mapping()?;
    Some((mapping, world.by_id(mapping.provider)?.as_provider()?))
}

/// A mapping of one of these kinds, by their names.
pub(super) fn of_kind<'w>(
    resource: &'w Resource,
    world: &'w World,
    kinds: &[&str],
) -> Option<(&'w Mapping, &'w Provider)> {
    mapping(resource, world).filter(|(_, provider)| kinds.contains(&provider.kind.name))
}

/// The provider of a mapping that lets each token be used once, where its platform caches so.
pub(super) fn says_once<'w>(resource: &'w Resource, world: &'w World, caches: Caches) -> Option<&'w Provider> {
    let (mapping, provider) = mapping(resource, world)?;
    (mapping.replay == Some(Replay::Once) && provider.kind.caches == caches).then_some(provider)
}

/// The clause on a claim, by its name as it is written.
pub(super) fn clause<'m>(mapping: &'m Mapping, name: &str) -> Option<&'m Clause> {
    mapping.clauses.iter().find(|clause| clause.claim.is_called(name))
}

/// Whether the mapping asks anything of a claim: in `match`, or as a must of its condition.
pub(super) fn looks_at(mapping: &Mapping, name: &str) -> bool {
    clause(mapping, name).is_some()
        || mapping.condition.as_ref().is_some_and(|condition| {
            let field = claim_path(name);
            condition.demands().iter().any(|demand| demand.required && demand.field == field)
        })
}

/// How many of the ways in which a mapping's condition could be true never come about beside its `match`, and how many there
/// are.
pub(super) fn dead_ways(resource: &Resource, world: &World) -> Option<(usize, usize)> {
    let (mapping, _) = mapping(resource, world)?;
    let branches = mapping.condition.as_ref()?.branches()?;
    let also: Vec<_> = mapping.clauses.iter().filter_map(demand).collect();
    Some((branches.iter().filter(|branch| branch.is_dead(&also)).count(), branches.len()))
}

/// The expected values of a clause that wants the claim to be one of them.
pub(super) fn values<'m>(mapping: &'m Mapping, name: &str) -> &'m [Scalar] {
    match clause(mapping, name).map(|clause| &clause.expected) {
        Some(Expected::OneOf(values)) => values,
        _ => &[],
    }
}

/// The text of an expected value, and whether any continuation of it will do.
pub(super) fn text(value: &Scalar) -> Option<(&str, bool)> {
    match value {
        Scalar::Text(text) => Some((text, false)),
        Scalar::Prefix(text) => Some((text, true)),
        Scalar::Bool(_) | Scalar::Int(_) => None,
    }
}

/// What is known of the standing of what a clause reads.
pub(super) fn standing(claim: &Claim, provider: &Provider) -> Option<Standing> {
    provider.kind.standing(claim)
}

/// Whether a clause says who the workload is: it is exact or nearly so, and nobody chooses the claim for a single job.
/// Of a claim that is not known, as of any issuer's own, the benefit of the doubt is given.
pub(super) fn identifies(clause: &Clause, provider: &Provider) -> bool {
    let is_one = matches!(clause.expected, Expected::OneOf(_));
    is_one && !matches!(standing(&clause.claim, provider), Some(Standing::Chosen | Standing::Circumstance))
}

/// What is demanded by a clause of `match`, in the words of an expression; `None` where those have none for it.
pub(super) fn demand(clause: &Clause) -> Option<Demand> {
    let (Claim::Raw(name), Expected::OneOf(values)) = (&clause.claim, &clause.expected) else { return None };
    let test = match &values[..] {
        [Scalar::Prefix(prefix)] => Test::StartsWith(prefix.to_string()),
        values if values.iter().any(|value| matches!(value, Scalar::Prefix(_))) => return None,
        values => Test::Equals(values.iter().map(Scalar::to_string).collect()),
    };
    Some(Demand { field: claim_path(name), test, negated: false, required: true })
}

/// A resource's expressions, each with its field and what it is called.
pub(super) fn programs(resource: &Resource) -> Vec<(&'static str, String, &Program)> {
    if let Some(condition) = resource.as_mapping().and_then(|mapping| mapping.condition.as_deref()) {
        return vec![("spec.condition", format!("condition of `{}`", resource.name), condition)];
    }
    let attributes = resource.as_provider().map(|provider| &provider.attributes[..]).unwrap_or_default();
    let named = |name: &str| format!("attribute `{name}` of `{}`", resource.name);
    attributes.iter().map(|(name, program)| ("spec.attributes", named(name), &**program)).collect()
}

/// The provider whose claims a resource's expressions read: of a mapping its own, of a provider itself.
pub(super) fn provider_of<'w>(resource: &'w Resource, world: &'w World) -> Option<&'w Provider> {
    mapping(resource, world).map(|(_, provider)| provider).or_else(|| resource.as_provider())
}

/// Whether tokens of a provider may lack the claim at a path.
pub(super) fn is_optional(field: &str, provider: &Provider) -> bool {
    let known: &[&str] = match provider.kind.name {
        "github" => &["enterprise", "enterprise_id", "environment", "environment_node_id", "issuer_scope"],
        "gitlab" => &[
            "ci_config_ref_uri",
            "ci_config_sha",
            "deployment_tier",
            "environment",
            "environment_action",
            "environment_protected",
            "groups_direct",
            "user_identities",
        ],
        "google" | "gcp" => &["email", "email_verified", "hd"],
        "azure" => &["azp", "appid", "email", "groups", "roles", "upn"],
        "buildkite" => &["build_tag", "cluster_id", "cluster_name", "queue_id", "queue_key"],
        "oidc" => &["azp", "email", "email_verified", "groups", "hd", "name", "preferred_username", "roles"],
        _ => &[],
    };
    known.contains(&field)
}

/// The permissions that tokens of a mapping can bear.
pub(super) fn permissions(mapping: &Mapping, world: &World) -> Vec<Permission> {
    let mut all: Vec<Permission> = Vec::new();
    for reach in world.reach(mapping.account) {
        let allowed = reach.permissions.iter().filter(|permission| mapping.permissions.allow(reach.api.id, permission));
        all.extend(allowed.cloned());
    }
    // A mapping may come into force before the grants that it narrows.
    match &mapping.permissions {
        MappingPermissions::All => {}
        MappingPermissions::Only(list) => all.extend(list.iter().cloned()),
        MappingPermissions::PerApi(apis) => all.extend(apis.iter().flat_map(|api| api.permissions.iter().cloned())),
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Words of permissions that read.
const READS: [&str; 8] = ["read", "get", "list", "view", "pull", "describe", "download", "readonly"];

/// Whether a permission, by its name, only reads. What cannot be told counts as more than that.
pub(super) fn only_reads(permission: &Permission) -> bool {
    const WRITES: [&str; 9] = ["write", "create", "update", "delete", "put", "push", "set", "admin", "manage"];
    let has = |known: &[&str]| words(permission).any(|word| known.contains(&word.as_str()));
    has(&READS) && !has(&WRITES)
}

/// Whether a permission, by its name, does more than reading beyond doubt.
pub(super) fn surely_writes(permission: &Permission) -> bool {
    const WRITES: [&str; 7] = ["admin", "create", "delete", "deploy", "manage", "publish", "write"];
    words(permission).any(|word| WRITES.contains(&word.as_str()))
        && !words(permission).any(|word| READS.contains(&word.as_str()))
}

/// The words of a permission's name.
pub(super) fn words(permission: &Permission) -> impl Iterator<Item = String> {
    let parts = permission.as_str().split(|letter: char| !letter.is_ascii_alphanumeric());
    parts.map(str::to_ascii_lowercase)
}
