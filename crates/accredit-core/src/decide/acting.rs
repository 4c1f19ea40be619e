//! Acting: who may act for a subject, and what its token says of that (`act` and `may_act`, RFC 8693 sections 4.1 and 4.4).
//!
//! An actor is refused by the subject's own token, where that says who may act; by what he is to the subject; and by the
//! mapping, which lets nobody act whom it does not name. Whoever acts presents the request, so the token is bound to the keys
//! that he proves, and what his own token is bound to is among them.

use accredit_id::act::{Actor, MOST_ACTORS};
use accredit_id::json::{Json, Object};

use super::bound::{Held, proved};
use super::clause::holds;
use super::explain::trace_clause;
use super::trace::{ActorTrace, ClauseVerdict};
use super::{Denial, Reason};
use crate::facts::{Acting, Facts};
use crate::model::{Actors, Claim, Mapping, Provider, Resource};
use crate::world::World;

/// Whether an actor is looked at, whatever the mappings say: what his provider and the two tokens have to say about it.
pub(super) fn admissible<S>(
    subject: &Facts<'_, S>,
    held: Held<'_>,
    provider: &Resource,
    world: &World,
) -> Result<(), Denial> {
    let Some(acting) = subject.acting() else { return Ok(()) };
    if subject.raw().get("act").is_some() {
        let operator = "token has an `act` of its own issuer's, which is not carried on: its chain would be lost";
        return Err(Denial::new(Reason::ChainForeign, operator)
            .hint("exchange it without an actor token, or show a token of the subject itself"));
    }
    usable(acting, held, world)?;
    may_act(subject, provider, acting)?;
    let is_itself =
        acting.provider.id == provider.id && claim(subject.raw(), "sub") == claim(acting.facts.raw(), "sub");
    match is_itself {
        true => Err(Denial::new(Reason::ActorRepeated, "actor is the subject itself").hint("leave actor_token out")),
        false => Ok(()),
    }
}

/// Who acts once the mapping has its say, the present one first; empty where nobody does. `before` stands in the token that
/// is exchanged.
pub(super) fn actors<S>(
    acting: Option<&Acting<'_, S>>,
    before: Vec<Actor>,
    (resource, mapping): (&Resource, &Mapping),
) -> Result<Vec<Actor>, Denial> {
    let Some(acting) = acting else {
        return match mapping.actor_required && before.is_empty() {
            true => Err(Denial::new(
                Reason::ActorRequired,
                format!("mapping `{}` says `actorRequired`, and the request has no actor token", resource.name),
            )
            .hint("have whoever acts send its own token as actor_token")),
            false => Ok(before),
        };
    };
    let may = |entry: &&Actors| {
        entry.provider == acting.provider.id && entry.clauses.iter().all(|clause| holds(clause, &acting.facts))
    };
    let is_of_its_project = acting.provider.project.is_none() || acting.provider.project == resource.project;
    if !is_of_its_project || !mapping.actors.iter().any(|entry| may(&entry)) {
        return Err(not_allowed(acting, resource, mapping));
    }
    let actor = named(acting)?;
    if before.contains(&actor) {
        return Err(Denial::new(Reason::ActorRepeated, "actor acts in the token's `act` already")
            .hint("leave actor_token out to narrow a token"));
    }
    if before.len() >= MOST_ACTORS {
        let operator = format!("token has {} actors already, at most {MOST_ACTORS} are allowed", before.len());
        return Err(Denial::new(Reason::ChainTooLong, operator).hint("exchange the first evidence again"));
    }
    let mut chain = before;
    chain.insert(0, actor);
    Ok(chain)
}

/// Whether an actor's provider counts, and his token is his who shows it.
pub(super) fn usable<S>(acting: &Acting<'_, S>, held: Held<'_>, world: &World) -> Result<(), Denial> {
    if world.enabled(acting.provider.id).is_none() {
        let operator = format!("provider `{}` of the actor is disabled", acting.provider.name);
        return Err(Denial::new(Reason::ActorUnacceptable, operator));
    }
    let raw = acting.facts.raw();
    if raw.get("act").is_some() {
        let operator = "actor token has an `act`: who shows it is somebody else than whom it names";
        return Err(Denial::new(Reason::ChainForeign, operator).hint("show a token of the actor itself"));
    }
    proved(raw, held, "actor token").map_err(|denial| Denial { reason: Reason::ActorProofMissing, ..denial })
}

/// Whether every actor of a token may still be one, as far as his name tells: his provider counts and is named by the mapping,
/// and an entry's expectation of `sub` names him. An entry that expects no `sub` may mean him while the mapping is as it was
/// when it let him act: by one that was written since, somebody else might be meant.
pub(super) fn still_may(
    chain: &[Actor],
    decided_by: i64,
    (resource, mapping): (&Resource, &Mapping),
    world: &World,
) -> Result<(), Denial> {
    let is_as_it_was = decided_by == resource.revision;
    let may = |actor: &Actor| {
        mapping.actors.iter().any(|entry| {
            let known = world.enabled(entry.provider).and_then(|provider| provider.as_provider());
            known.is_some_and(|known| known.issuer == *actor.issuer && names(entry, actor, known, is_as_it_was))
        })
    };
    match chain.iter().all(may) {
        true => Ok(()),
        false => Err(Denial::new(
            Reason::ActorNotAllowed,
            format!("mapping `{}` does not let everybody act any more who stands in the token's `act`", resource.name),
        )),
    }
}

/// How the entries of a mapping fare with an actor.
pub(super) fn traces<S>(mapping: &Mapping, facts: &Facts<'_, S>) -> Vec<ActorTrace> {
    let Some(acting) = facts.acting() else { return Vec::new() };
    let trace = |entry: &Actors| {
        let is_its = entry.provider == acting.provider.id;
        let clauses: Vec<_> = match is_its {
            true => entry.clauses.iter().map(|clause| trace_clause(clause, &acting.facts)).collect(),
            // Claims of another provider say nothing.
            false => Vec::new(),
        };
        let matched = is_its && clauses.iter().all(|clause| clause.verdict == ClauseVerdict::Held);
        ActorTrace { provider: entry.provider_name.to_string(), of_its_provider: is_its, matched, clauses }
    };
    mapping.actors.iter().map(trace).collect()
}

/// What a token calls an actor. His `iss` is his provider's, as it was compared.
fn named<S>(acting: &Acting<'_, S>) -> Result<Actor, Denial> {
    let subject = claim(acting.facts.raw(), "sub").and_then(Json::as_str).filter(|subject| !subject.is_empty());
    let subject = subject.ok_or_else(|| Denial::new(Reason::ActorUnacceptable, "actor token has no `sub`"))?;
    Ok(Actor { issuer: acting.facts.provider().issuer.as_str().into(), subject: subject.into() })
}

/// `may_act` names who may act: each of its members must be the actor's own, and without `iss` he is one of the same issuer.
/// What names nobody lets nobody act. Values are not told, since records may not keep every claim's.
fn may_act<S>(subject: &Facts<'_, S>, provider: &Resource, acting: &Acting<'_, S>) -> Result<(), Denial> {
    let Some(claim) = subject.raw().get("may_act") else { return Ok(()) };
    let denial = |operator: String| {
        Err(Denial::new(Reason::ActorMismatch, operator).hint("show a token of whom the subject's token lets act"))
    };
    let Some(members) = claim.as_object().filter(|members| members.iter().len() > 0) else {
        return denial("`may_act` of the token names nobody: it is no object with members".to_owned());
    };
    if members.get("iss").is_none() && acting.provider.id != provider.id {
        return denial(format!(
            "`may_act` of the token names an actor of its own issuer, this one is of provider `{}`",
            acting.provider.name
        ));
    }
    let is_his = |name: &str, value: &Json<'_>| match (name, value) {
        ("iss", Json::String(issuer)) => *issuer == acting.facts.provider().issuer,
        (name, Json::String(_) | Json::Number(_) | Json::Bool(_)) => acting.facts.raw().get(name) == Some(value),
        _ => false,
    };
    match members.iter().find(|(name, value)| !is_his(name, value)) {
        None => Ok(()),
        Some((name, _)) => {
            let name = accredit_id::shown::Shown::of(name);
            denial(format!("`may_act` of the token expects another `{name}` than the actor's"))
        }
    }
}

fn not_allowed<S>(acting: &Acting<'_, S>, resource: &Resource, mapping: &Mapping) -> Denial {
    let (provider, name) = (&acting.provider.name, &resource.name);
    let operator = match mapping.actors.iter().any(|entry| entry.provider == acting.provider.id) {
        _ if mapping.actors.is_empty() => format!("mapping `{name}` has no `actors`: nobody may act for its subjects"),
        false => format!("mapping `{name}` lets no actor of provider `{provider}` act"),
        true => format!("mapping `{name}` lets other actors of provider `{provider}` act, not this one"),
    };
    Denial::new(Reason::ActorNotAllowed, operator).hint("say in its `actors` who may act, if this one may")
}

/// Whether an entry means an actor of whom nothing but the name is known; `otherwise` where it does not go by names.
fn names(entry: &Actors, actor: &Actor, known: &Provider, otherwise: bool) -> bool {
    let mut named = Object::new();
    named.insert("sub", Json::String((&*actor.subject).into()));
    let facts = Facts::<crate::facts::TypedIn>::typed_in(known, &named, None);
    let of_subject = |clause: &&crate::model::Clause| clause.claim == Claim::Raw("sub".into());
    let mut of_subject = entry.clauses.iter().filter(of_subject).peekable();
    match of_subject.peek() {
        None => otherwise,
        Some(_) => of_subject.all(|clause| holds(clause, &facts)),
    }
}

fn claim<'c>(claims: &'c Object<'c>, name: &str) -> Option<&'c Json<'c>> {
    claims.get(name)
}
