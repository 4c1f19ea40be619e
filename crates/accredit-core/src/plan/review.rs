//! A set of documents by itself: what the linter says of all that is understood, and what is not.

use super::rules::Context;
use super::{Draft, parse_all};
use crate::lint::{Found, lint};
use crate::model::{Document, Fault, Kind};
use crate::world::World;

/// What is to be said of a set of documents.
#[derive(Debug)]
pub struct Review {
    /// What is wrong with documents themselves: their form, a reference to what is not in the set.
    pub faults: Vec<Fault>,
    /// What the linter found in the others.
    pub findings: Vec<Found>,
}

/// Looks at a set of documents as if it were all that there is. Unlike [`super::apply`] it goes on where one of them has a
/// fault. `random` gives ids.
pub fn review(documents: &[Document], context: &Context<'_>, random: &mut dyn FnMut() -> [u8; 16]) -> Review {
    let nothing = World::default();
    let mut draft = Draft::new(&nothing);
    let parsed = parse_all(documents, &mut draft.faults);
    for kind in Kind::ALL {
        for (place, document) in parsed.iter().filter(|(_, document)| document.kind == kind) {
            draft.bring(*place, document, context, random);
        }
    }
    draft.drop_what_follows(documents);
    let mut named: Vec<_> = draft.places.iter().map(|(id, place)| (*place, *id)).collect();
    named.sort_unstable();
    let understood = named.iter().filter_map(|(_, id)| draft.next.by_id(*id));
    let findings = understood.flat_map(|resource| lint(resource, &draft.next, context.now)).collect();
    draft.faults.sort_by_key(|fault| fault.document);
    Review { faults: draft.faults, findings }
}
