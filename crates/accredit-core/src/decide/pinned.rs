//! First-use pinning: a name that a mapping trusts without its permanent id goes on meaning whom it meant at first.

use accredit_id::json::{Json, Number};
use accredit_id::shown::Shown;

use super::explain::shown;
use super::trace::{ClauseTrace, ClauseVerdict};
use super::{Denial, Reason};
use crate::facts::Facts;
use crate::model::{Mapping, Resource};
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
        seen: facts.raw().get(&pin.id_claim).map(shown),
        claims: vec![pin.id_claim.to_string()],
        recorded: true,
        expected: Some(Shown::of(&pin.id).to_string()),
        near: None,
        pinned: true,
    };
    pinned.map(trace).collect()
}

/// The names that the token bears, of those that the mapping trusts.
fn names<'f, S>(mapping: &Mapping, facts: &'f Facts<'_, S>) -> impl Iterator<Item = (&'static NamedId, &'f str)> {
    let pairs = unguarded(&mapping.clauses, facts.provider().kind).into_iter();
    pairs.filter_map(|pair| Some((pair, facts.raw().get(pair.name)?.as_str()?)))
}

fn holds<S>(pin: &NamePin, facts: &Facts<'_, S>) -> bool {
    id(&pin.id_claim, facts).is_some_and(|id| *id == *pin.id)
}

/// An id as text: issuers write the same one as a string or as a number, but never change between the two for one claim.
fn id<S>(claim: &str, facts: &Facts<'_, S>) -> Option<String> {
    match facts.raw().get(claim)? {
        Json::String(text) if !text.is_empty() => Some(text.to_string()),
        Json::Number(Number::Int(number)) => Some(number.to_string()),
        _ => None,
    }
}

fn mismatch<S>(resource: &Resource, pin: &NamePin, facts: &Facts<'_, S>) -> Denial {
    let seen = facts.raw().get(&pin.id_claim).map_or_else(|| "absent".to_owned(), |seen| format!("`{}`", shown(seen)));
    let (claim, pinned) = (&pin.id_claim, Shown::of(&pin.id));
    Denial::new(Reason::PinMismatch, format!("`{claim}` is {seen}, pinned to `{pinned}`"))
        .hint(format!("the name was reused; if that is right: `accredit mapping repin {} --reason ...`", resource.name))
}
