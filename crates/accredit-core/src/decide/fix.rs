//! The smallest edit that would allow what was refused, as a document that `accredit apply` takes.
//!
//! A fix never loosens whose token is trusted, nor how it must have come about: only what whoever starts the job chooses
//! is added to. It takes nothing away. And it is tried before it is proposed: applied to the world, it must make the same
//! question come out allowed.

mod acting;

use std::sync::Arc;

use accredit_id::shown::Shown;
use accredit_id::time::Timestamp;
use serde_json::{Value, json};

use super::Reason;
use super::allowed::target;
use super::exchange::{Ask, Limits, exchange};
use super::trace::{ClauseVerdict, MappingTrace};
use crate::facts::{Facts, Seen};
use crate::model::{Claim, Document, Expected, Given, Kind, Name, Permission, Resource, yaml};
use crate::plan::{self, Context};
use crate::providers::Standing;
use crate::world::World;

/// The question that was refused.
pub(super) struct Asked<'a, S> {
    pub(super) ask: &'a Ask<'a>,
    pub(super) facts: &'a Facts<'a, S>,
    pub(super) provider: &'a Resource,
    pub(super) world: &'a World,
    pub(super) limits: &'a Limits,
    pub(super) now: Timestamp,
}

/// The fix, when there is one that is safe to propose.
pub(super) fn smallest<S>(
    reason: Reason,
    asked: &Asked<'_, S>,
    nearby: &[(MappingTrace, &Arc<Resource>)],
) -> Option<String> {
    let document = match reason {
        Reason::NoMappingMatched => match nearby.first() {
            Some((trace, resource)) if trace.distance() == 0 => enabled(resource),
            Some((trace, resource)) => widened(trace, resource, asked.facts),
            None => started(asked),
        },
        Reason::ScopeNotGranted => granted(asked, nearby),
        Reason::ActorNotAllowed => acting::let_act(asked, nearby),
        Reason::ProviderDisabled
        | Reason::ProofMissing
        | Reason::MappingUnknown
        | Reason::AccountUnknown
        | Reason::AccountDisabled
        | Reason::MappingsAmbiguous
        | Reason::PinMismatch
        | Reason::BindingRequired
        | Reason::ActorUnacceptable
        | Reason::ActorExpired
        | Reason::ActorProofMissing
        | Reason::ActorMismatch
        | Reason::ActorRepeated
        | Reason::ChainTooLong
        | Reason::ChainForeign
        | Reason::ActorRequired
        | Reason::AccountRequired
        | Reason::NothingGranted
        | Reason::TargetUnknown
        | Reason::TargetRequired
        | Reason::TargetReserved
        | Reason::TooLittleTimeLeft
        | Reason::TokenIdMissing
        | Reason::ClientMismatch
        | Reason::TokenInactive
        | Reason::TokenReplayed
        | Reason::ProofReplayed => None,
    }?;
    asked.is_allowed_with(&document).then(|| yaml::write(&document))
}

// === impl Asked ===

impl<S> Asked<'_, S> {
    /// Whether the same question is allowed once the document is in force.
    fn is_allowed_with(&self, document: &Document) -> bool {
        // Neither a mapping nor a grant depends on the context, and the world with this id in it is thrown away.
        let context = Context { public_url: "", reserved: &self.limits.reserved, plain_http: false, now: self.now };
        let plan = plan::apply(self.world, std::slice::from_ref(document), false, &context, &mut || [0xff; 16]);
        plan.is_ok_and(|plan| exchange(self.ask, self.facts, self.provider, &plan.next, self.limits, self.now).is_ok())
    }
}

/// The mapping, enabled.
fn enabled(resource: &Resource) -> Option<Document> {
    (!resource.enabled).then(|| Document { enabled: None, ..resource.document() })
}

/// The nearest mapping with the seen values added to its lists.
fn widened<S>(trace: &MappingTrace, resource: &Resource, facts: &Facts<'_, S>) -> Option<Document> {
    let mapping = resource.as_mapping()?;
    // What a condition refuses, no value in a list mends.
    if trace.clauses.iter().skip(mapping.clauses.len()).any(|clause| clause.verdict != ClauseVerdict::Held) {
        return None;
    }
    let mut document = resource.document();
    let matches = document.spec.get_mut("match")?.as_object_mut()?;
    let failed = mapping.clauses.iter().zip(&trace.clauses).filter(|(_, traced)| traced.verdict != ClauseVerdict::Held);
    for (clause, _) in failed {
        let (Claim::Raw(name), Expected::OneOf(_)) = (&clause.claim, &clause.expected) else { return None };
        if facts.provider().kind.claim(name)?.standing != Standing::Chosen {
            return None;
        }
        let seen = json!(writable(facts, &clause.claim)?);
        let values = match matches.get(&**name)? {
            Value::Array(values) => values.iter().cloned().chain([seen]).collect(),
            value => vec![value.clone(), seen],
        };
        matches.insert(name.to_string(), Value::Array(values));
    }
    Some(document)
}

/// A first mapping, pinned by permanent ids, for a token that no mapping knows and an account that was named.
fn started<S>(asked: &Asked<'_, S>) -> Option<Document> {
    let account = asked.world.find(Kind::ServiceAccount, asked.ask.account?)?;
    let kind = asked.facts.provider().kind;
    let mut matches = serde_json::Map::new();
    let is_permanent = |name: &&&str| kind.standing(&Claim::named(name)) == Some(Standing::Permanent);
    for name in kind.tenancy.iter().filter(is_permanent).chain(kind.narrow) {
        if let Some(text) = writable(asked.facts, &Claim::named(name)) {
            matches.insert((*name).to_owned(), json!(text));
        }
    }
    if matches.is_empty() {
        return None;
    }
    Some(Document {
        kind: Kind::Mapping.document().to_owned(),
        name: unused(Kind::Mapping, &format!("{}-new", account.name), asked.world)?,
        id: None,
        enabled: None,
        spec: json!({"provider": asked.provider.name.as_str(), "serviceAccount": account.name.as_str(), "match": matches}),
    })
}

/// A grant of what was asked for and is known to the API; one that exists already under its name gives more.
fn granted<S>(asked: &Asked<'_, S>, nearby: &[(MappingTrace, &Arc<Resource>)]) -> Option<Document> {
    let mapping = nearby.iter().find(|(trace, _)| trace.matched && trace.enabled)?.1.as_mapping()?;
    let account = asked.world.by_id(mapping.account)?;
    let reach = asked.world.reach(account.id);
    let reach = target(asked.ask, &reach, mapping, account, asked.limits).ok()?;
    let is_asked = |permission: &Permission| {
        asked.ask.scope.is_some_and(|scope| scope.split(' ').any(|word| word == permission.as_str()))
    };
    let known = reach.api.as_api()?.permissions.iter();
    let missing: Vec<_> =
        known.filter(|permission| is_asked(permission) && !reach.permissions.contains(permission)).collect();
    let base = format!("{}/{}-{}-more", reach.api.name.project()?, account.name.project()?, account.name.local());
    if let Some(existing) = asked.world.find(Kind::Grant, &base)
        && let Some(grant) = existing.as_grant().filter(|grant| grant.api == reach.api.id && grant.to == account.id)
        && let Given::Permissions(given) = &grant.given
    {
        let permissions: Vec<_> = given.iter().chain(missing).collect();
        let mut document = existing.document();
        *document.spec.get_mut("permissions")? = json!(permissions);
        return Some(document);
    }
    Some(Document {
        kind: Kind::Grant.document().to_owned(),
        name: unused(Kind::Grant, &base, asked.world)?,
        id: None,
        enabled: None,
        spec: json!({"api": reach.api.name.as_str(), "permissions": missing, "to": account.name.as_str()}),
    })
}

/// A claim's text, where it can stand in a mapping and be read for what it is.
fn writable<'f, S>(facts: &'f Facts<'_, S>, claim: &Claim) -> Option<&'f str> {
    let text = match facts.seen(claim) {
        Seen::Raw(value) => value.as_str()?,
        Seen::Text(text) => text,
        Seen::Absent | Seen::Fault(_) => return None,
    };
    let is_plain =
        !text.is_empty() && text.len() <= Shown::LIMIT && !text.contains('*') && Shown::of(text).as_str() == text;
    is_plain.then_some(text)
}

/// A name that nothing has yet: what was wished for, or the same with a number behind it.
fn unused(kind: Kind, wished: &str, world: &World) -> Option<String> {
    let others = (2..10).map(|number| format!("{wished}-{number}"));
    let mut free = std::iter::once(wished.to_owned()).chain(others).filter(|name| name.parse::<Name>().is_ok());
    free.find(|name| world.find(kind, name).is_none())
}
