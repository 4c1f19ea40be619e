//! Sentences about a plan or a finding name what stands in the way; what their reader may not know of is left out (L23).

use accredit_core::decide::access::Subject;
use accredit_core::model::{Fault, Faults, Kind, Name};
use accredit_core::world::World;

use super::Actor;
use super::problem::AdminFault;

/// Whose eyes, and what there is.
pub(super) struct Blot<'b> {
    pub(super) actor: &'b Actor,
    pub(super) world: &'b World,
}

impl Blot<'_> {
    /// Faults as their reader may know them.
    pub(super) fn faults(&self, faults: Faults) -> AdminFault {
        if self.actor.rights.reads_everything() {
            return AdminFault::Documents(faults);
        }
        let faults = faults.0.into_iter().map(|fault| {
            // What somebody wrote himself is no news to him; only what he did not name is left out.
            let Fault { document, field, message, hint } = fault;
            Fault { document, field, message: self.text(message), hint: hint.map(|hint| self.text(hint)) }
        });
        AdminFault::Documents(Faults(faults.collect()))
    }

    /// A sentence with the names left out of what its reader does not read.
    pub(super) fn text(&self, text: String) -> String {
        if self.actor.rights.reads_everything() || !text.contains('`') {
            return text;
        }
        // Names stand between backticks: every second piece.
        let pieces: Vec<&str> = text.split('`').collect();
        let shown = |(place, piece): (usize, &&str)| match pieces.get(place.wrapping_sub(1)) {
            Some(before) if place % 2 == 1 && self.hides(before, piece) => "…".to_owned(),
            _ => (*piece).to_owned(),
        };
        pieces.iter().enumerate().map(shown).collect::<Vec<_>>().join("`")
    }

    /// What a project owns is known by its name; what the server owns, by the word for its kind before it.
    fn hides(&self, before: &str, name: &str) -> bool {
        let is_anothers = name.parse::<Name>().is_ok_and(|name| {
            let owner = name.project().and_then(|project| self.world.find(Kind::Project, project));
            owner.is_some_and(|owner| !self.actor.rights.reads_project(owner.id))
        });
        let before = before.trim_end();
        let called = |kind: &Kind| before.ends_with(kind.noun()) || before.ends_with(&kind.noun().replace('-', " "));
        let named = || Kind::ALL.into_iter().filter(called).find_map(|kind| self.world.find(kind, name));
        is_anothers || named().is_some_and(|resource| !self.actor.reads(&Subject::of(resource)))
    }
}
