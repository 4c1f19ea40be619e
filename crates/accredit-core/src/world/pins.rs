//! First-use pins: whose a name was when a mapping first let it in.
//!
//! They are no resources: nobody writes them down, `export` leaves them out and `apply` leaves them alone. They are part of
//! the world all the same, because decisions rest on them.

use std::sync::Arc;

use accredit_id::time::Timestamp;

use super::shards::Shards;
use crate::model::{DecisionId, Expected, Id, Mapping, Provider, Scalar};
use crate::providers::{leads_to, unguarded};

/// A name of a mapping, and the permanent id that it had at its first use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePin {
    /// The claim with the name, e.g. `repository`.
    pub claim: Box<str>,
    /// The name, e.g. `acme/web`.
    pub name: Box<str>,
    /// The claim with the id, e.g. `repository_id`.
    pub id_claim: Box<str>,
    /// The id, e.g. `123`.
    pub id: Box<str>,
    /// The decision that let the name in first.
    pub decision: DecisionId,
    /// When.
    pub at: Timestamp,
}

/// Names one pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinKey {
    /// The mapping.
    pub mapping: Id,
    /// The claim with the name.
    pub claim: Box<str>,
    /// The name.
    pub name: Box<str>,
}

/// The pins of every mapping, copy on write.
#[derive(Clone, Debug, Default)]
pub struct Pins(Shards<Id, Arc<[NamePin]>>);

// === impl Pins ===

impl Pins {
    /// The pins of a mapping, by claim and name.
    pub fn of(&self, mapping: Id) -> &[NamePin] {
        self.0.get(&mapping).map_or(&[], |pins| pins)
    }

    /// What a name of a mapping is pinned to.
    pub fn find(&self, mapping: Id, claim: &str, name: &str) -> Option<&NamePin> {
        let pins = self.of(mapping);
        place(pins, claim, name).ok().and_then(|place| pins.get(place))
    }

    /// Pins a name, or pins it anew.
    pub fn put(&mut self, mapping: Id, pin: NamePin) {
        let mut pins = self.of(mapping).to_vec();
        match place(&pins, &pin.claim, &pin.name) {
            Ok(place) => pins[place] = pin,
            Err(place) => pins.insert(place, pin),
        }
        self.0.insert(mapping, pins.into());
    }

    /// Takes pins away; those that are not there make no difference.
    pub fn remove(&mut self, keys: &[PinKey]) {
        for key in keys {
            let pins = self.of(key.mapping);
            let Ok(place) = place(pins, &key.claim, &key.name) else { continue };
            let mut left = pins.to_vec();
            left.remove(place);
            if left.is_empty() {
                self.0.remove(&key.mapping);
            } else {
                self.0.insert(key.mapping, left.into());
            }
        }
    }

    /// The pins that a mapping has no more use for once it is written anew, or all of them once it is gone.
    ///
    /// A pin stays while the mapping still expects its name. Where the name is only part of what is expected, as in `sub`, it
    /// stays while the expectation does.
    pub fn outdated(&self, id: Id, old: &Mapping, new: Option<(&Mapping, &Provider)>) -> Vec<PinKey> {
        let is_expected = |pin: &NamePin| {
            new.is_some_and(|(new, provider)| {
                new.provider == old.provider
                    && unguarded(&new.clauses, provider).iter().any(|pair| *pair.name == *pin.claim)
                    && still_expects(old, new, provider, pin)
            })
        };
        let outdated = self.of(id).iter().filter(|pin| !is_expected(pin));
        outdated.map(|pin| PinKey { mapping: id, claim: pin.claim.clone(), name: pin.name.clone() }).collect()
    }
}

fn still_expects(old: &Mapping, new: &Mapping, provider: &Provider, pin: &NamePin) -> bool {
    new.clauses.iter().any(|clause| {
        if clause.claim.is_called(&pin.claim) {
            return matches!(&clause.expected, Expected::OneOf(values) if values.iter().any(|value| fits(value, &pin.name)));
        }
        leads_to(&clause.claim, provider, &pin.claim) && old.clauses.contains(clause)
    })
}

fn fits(expected: &Scalar, name: &str) -> bool {
    match expected {
        Scalar::Bool(_) | Scalar::Int(_) => false,
        Scalar::Prefix(prefix) => name.len() > prefix.len() && name.starts_with(&**prefix),
        Scalar::Text(text) => **text == *name,
    }
}

fn place(pins: &[NamePin], claim: &str, name: &str) -> Result<usize, usize> {
    pins.binary_search_by(|pin| (&*pin.claim, &*pin.name).cmp(&(claim, name)))
}
