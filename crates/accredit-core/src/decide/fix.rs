//! The smallest edit that would allow what was refused, as a document that `accredit apply` takes.
//!
//! A fix never loosens whose token is trusted: a clause on a tenant or a permanent id stays as it is.

use std::sync::Arc;

use accredit_id::json::Json;
use serde_json::{Value, json};

use super::exchange::Ask;
use super::trace::{ClauseVerdict, MappingTrace};
use super::{Reason, near};
use crate::facts::Facts;
use crate::model::{Claim, Document, Expected, Kind, Resource, yaml};
use crate::providers::Standing;
use crate::world::World;

/// The fix, when there is one that is safe to propose.
pub(super) fn smallest<S>(
    reason: Reason,
    ask: &Ask<'_>,
    facts: &Facts<'_, S>,
    provider: &Resource,
    world: &World,
    nearby: &[(MappingTrace, &Arc<Resource>)],
) -> Option<String> {
    match reason {
        Reason::NoMappingMatched => match nearby.first() {
            Some((trace, resource)) if trace.distance() == 0 => Some(yaml::write(&Document { enabled: None, ..resource.document() })),
            Some((trace, resource)) => widened(trace, resource, facts),
            None => started(ask, facts, provider, world),
        },
        Reason::ScopeNotGranted => granted(ask, nearby, world),
        Reason::ProviderDisabled
        | Reason::ProofMissing
        | Reason::MappingUnknown
        | Reason::AccountUnknown
        | Reason::AccountDisabled
        | Reason::MappingsAmbiguous
        | Reason::AccountRequired
        | Reason::NothingGranted
        | Reason::TargetUnknown
        | Reason::TargetRequired
        | Reason::TargetReserved
        | Reason::TooLittleTimeLeft
        | Reason::TokenIdMissing
        | Reason::TokenReplayed => None,
    }
}

/// The nearest mapping with the seen values added to its lists.
fn widened<S>(trace: &MappingTrace, resource: &Resource, facts: &Facts<'_, S>) -> Option<String> {
    let mapping = resource.as_mapping()?;
    let mut document = resource.document();
    for (clause, traced) in mapping.clauses.iter().zip(&trace.clauses) {
        if traced.verdict == ClauseVerdict::Held {
            continue;
        }
        let Claim::Raw(name) = &clause.claim else { return None };
        let seen = facts.raw().get(name)?;
        let identifies = facts.provider().kind.claim(name).is_none_or(|fact| matches!(fact.standing, Standing::Permanent | Standing::Reassignable));
        if identifies && near::near(name, seen, &clause.expected, facts.provider().kind).is_none() {
            return None;
        }
        let Json::String(text) = seen else { return None };
        if text.contains('*') || text.len() > 200 || text.chars().any(char::is_control) {
            return None;
        }
        let Expected::OneOf(values) = &clause.expected else { return None };
        let mut list: Vec<Value> = values.iter().map(|value| json!(value.to_string())).collect();
        list.push(json!(text));
        let matches = document.spec.get_mut("match")?.as_object_mut()?;
        matches.insert(name.to_string(), Value::Array(list));
    }
    let conditions_hold = trace.clauses.iter().skip(mapping.clauses.len()).all(|clause| clause.verdict == ClauseVerdict::Held);
    conditions_hold.then(|| yaml::write(&document))
}

/// A first mapping, pinned by permanent ids, for a token that no mapping knows and an account that was named.
fn started<S>(ask: &Ask<'_>, facts: &Facts<'_, S>, provider: &Resource, world: &World) -> Option<String> {
    let account = world.find(Kind::ServiceAccount, ask.account?)?;
    let kind = facts.provider().kind;
    let mut matches = serde_json::Map::new();
    let mut take = |name: &str| {
        if let Some(Json::String(text)) = facts.raw().get(name)
            && !text.is_empty()
            && !text.contains('*')
            && text.len() <= 200
            && !text.chars().any(char::is_control)
        {
            matches.insert(name.to_owned(), json!(text));
        }
    };
    let permanent = kind.tenancy.iter().filter(|name| kind.claim(name).is_some_and(|fact| fact.standing == Standing::Permanent));
    permanent.for_each(|name| take(name));
    match kind.name {
        "github" => take("ref"),
        _ => take("sub"),
    }
    if matches.is_empty() {
        return None;
    }
    Some(yaml::write(&Document {
        kind: Kind::Mapping.document().to_owned(),
        name: format!("{}-new", account.name),
        id: None,
        enabled: None,
        spec: json!({"provider": provider.name.as_str(), "serviceAccount": account.name.as_str(), "match": matches}),
    }))
}

/// A grant of what was asked for and is known to the API.
fn granted(ask: &Ask<'_>, nearby: &[(MappingTrace, &Arc<Resource>)], world: &World) -> Option<String> {
    let mapping = nearby.iter().find(|(trace, _)| trace.matched)?.1.as_mapping()?;
    let account = world.by_id(mapping.account)?;
    let reach = world.reach(account.id);
    let api = match ask.api {
        Some(text) => Arc::clone(world.api_of_audience(text).or_else(|| world.find(Kind::Api, text))?),
        None => Arc::clone(reach.first()?.api),
    };
    let has = reach.iter().find(|reach| reach.api.id == api.id).map(|reach| reach.permissions.clone()).unwrap_or_default();
    let missing: Vec<_> = api.as_api()?.permissions.iter().filter(|permission| !has.contains(permission) && ask.scope.is_some_and(|scope| scope.split(' ').any(|word| word == permission.as_str()))).collect();
    if missing.is_empty() {
        return None;
    }
    let project = api.name.project()?;
    let name = format!("{project}/{}-{}-more", account.name.project()?, account.name.local());
    Some(yaml::write(&Document {
        kind: Kind::Grant.document().to_owned(),
        name,
        id: None,
        enabled: None,
        spec: json!({"api": api.name.as_str(), "permissions": missing, "to": account.name.as_str()}),
    }))
}
