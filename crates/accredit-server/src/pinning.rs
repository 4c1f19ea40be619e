//! First-use pins between the core, which decides on them, and the store, which keeps them.

use accredit_core::decide::FirstUse;
use accredit_core::model::{DecisionId, Id};
use accredit_core::world::pins::{self, Pins};
use accredit_id::time::Timestamp;
use accredit_store::{NamePin, PinKey};

/// What a decision pins, to be written with its record.
pub(crate) fn of_first_uses(first: &[FirstUse], mapping: Id, decision: DecisionId, at: Timestamp) -> Vec<NamePin> {
    let pin = |first: &FirstUse| NamePin {
        key: PinKey { mapping: mapping.to_string(), claim: first.claim.to_owned(), name: first.name.clone() },
        id_claim: first.id_claim.to_owned(),
        id: first.id.clone(),
        decision: *decision.bits(),
        at: at.unix(),
    };
    first.iter().map(pin).collect()
}

/// Brings stored pins into force. One whose mapping has no readable id can belong to no mapping, and is passed over.
pub(crate) fn bring(pins: &mut Pins, stored: &[NamePin]) {
    for NamePin { key: PinKey { mapping, claim, name }, id_claim, id, decision, at } in stored {
        let Ok(mapping) = mapping.parse::<Id>() else { continue };
        let pin = pins::NamePin {
            claim: claim.as_str().into(),
            name: name.as_str().into(),
            id_claim: id_claim.as_str().into(),
            id: id.as_str().into(),
            decision: DecisionId::new(*decision),
            at: Timestamp::from_unix(*at),
        };
        pins.put(mapping, pin);
    }
}

/// A pin's key as the store has it.
pub(crate) fn stored_key(key: &pins::PinKey) -> PinKey {
    PinKey { mapping: key.mapping.to_string(), claim: key.claim.to_string(), name: key.name.to_string() }
}
