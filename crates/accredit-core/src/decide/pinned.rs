//! First-use pinning: a name that a mapping trusts without its permanent id goes on meaning whom it meant at first.

use accredit_id::json::{Json, Number};
use accredit_id::shown::Shown;

use super::explain::{shown, sources};
use super::trace::{ClauseTrace, ClauseVerdict};
use super::{Denial, Reason};
use crate::facts::{Facts, Seen};
use crate::model::{Claim, Mapping, Resource};
use crate::providers::{NamedId, unguarded};
use crate::world::World;
use crate::world::pins::NamePin;

/// A name that is let in for the first time, to be pinned when the decision is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstUse {
    /// The claim with the name.
    pub claim: &'static str,
    /// The name.
    pub name: String,
    /// The claim with the permanent id.
    pub id_claim: &'static str,
    /// The id.
    pub id: String,
}

/// What is to be pinned, when every name that is pinned already still means whom it meant.
///
/// A token that bears a name without its id has nothing to pin; where the name is pinned already, it is refused.
pub(super) fn first_uses<S>(
    resource: &Resource,
    mapping: &Mapping,
    facts: &Facts<'_, S>,
    world: &World,
) -> Result<Vec<FirstUse>, Denial> {
    // Mappings that rest on permanent ids have nothing to do with all this.
    if !mapping.trusts_names {
        return Ok(Vec::new());
    }
    let mut first = Vec::new();
    for (pair, name) in names(mapping, facts) {
        match world.pins.find(resource.id, pair.name, name) {
            Some(pin) => holds(pin, facts).then_some(()).ok_or_else(|| mismatch(resource, pin, facts))?,
            None => {
                if let Some(id) = id(pair.id, facts) {
                    first.push(FirstUse { claim: pair.name, name: name.to_owned(), id_claim: pair.id, id });
                }
            }
        }
    }
    Ok(first)
}

/// How the names that are pinned fare, a clause each.
pub(super) fn traces<S>(
    resource: &Resource,
    mapping: &Mapping,
    facts: &Facts<'_, S>,
    world: &World,
) -> Vec<ClauseTrace> {
    if !mapping.trusts_names {
        return Vec::new();
    }
    let pinned = names(mapping, facts).filter_map(|(pair, name)| world.pins.find(resource.id, pair.name, name));
    let trace = |pin: &NamePin| ClauseTrace {
        clause: pin.id_claim.to_string(),
        verdict: if holds(pin, facts) { ClauseVerdict::Held } else { ClauseVerdict::Failed },
        seen: seen(pin, facts),
        claims: sources(&Claim::named(&pin.id_claim), facts.provider()),
        recorded: true,
        expected: Some(Shown::of(&pin.id).to_string()),
        near: None,
        pinned: true,
    };
    pinned.map(trace).collect()
}

/// The names that the token bears, of those that the mapping trusts.
fn names<'f, S>(mapping: &Mapping, facts: &'f Facts<'_, S>) -> impl Iterator<Item = (&'static NamedId, &'f str)> {
    let name = |pair: &'static NamedId| match facts.called(pair.name) {
        Seen::Raw(json) => Some((pair, json.as_str()?)),
        Seen::Text(text) => Some((pair, text)),
        Seen::Absent | Seen::Fault(_) => None,
    };
    unguarded(&mapping.clauses, facts.provider()).into_iter().filter_map(name)
}

fn holds<S>(pin: &NamePin, facts: &Facts<'_, S>) -> bool {
    id(&pin.id_claim, facts).is_some_and(|id| *id == *pin.id)
}

/// An id as text: issuers write the same one as a string or as a number, but never change between the two for one claim.
fn id<S>(claim: &str, facts: &Facts<'_, S>) -> Option<String> {
    match facts.called(claim) {
        Seen::Raw(Json::String(text)) if !text.is_empty() => Some(text.to_string()),
        Seen::Raw(Json::Number(Number::Int(number))) => Some(number.to_string()),
        Seen::Text(text) if !text.is_empty() => Some(text.to_owned()),
        Seen::Absent | Seen::Fault(_) | Seen::Raw(_) | Seen::Text(_) => None,
    }
}

/// What stands where the id is looked for; nothing that cannot be derived.
fn seen<S>(pin: &NamePin, facts: &Facts<'_, S>) -> Option<String> {
    match facts.called(&pin.id_claim) {
        Seen::Raw(json) => Some(shown(json)),
        Seen::Text(text) => Some(Shown::of(text).to_string()),
        Seen::Absent | Seen::Fault(_) => None,
    }
}

fn mismatch<S>(resource: &Resource, pin: &NamePin, facts: &Facts<'_, S>) -> Denial {
    let seen = seen(pin, facts).map_or_else(|| "absent".to_owned(), |seen| format!("`{seen}`"));
    let (claim, pinned) = (&pin.id_claim, Shown::of(&pin.id));
    Denial::new(Reason::PinMismatch, format!("`{claim}` is {seen}, pinned to `{pinned}`"))
        .hint(format!("the name was reused; if that is right: `accredit mapping repin {} --reason ...`", resource.name))
}
