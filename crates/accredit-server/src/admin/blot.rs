//! Sentences about a plan or a finding name what stands in the way; what their reader may not know of is left out (L23).

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

    /// A sentence with the names left out of projects that its reader does not read.
    pub(super) fn text(&self, text: String) -> String {
        if self.actor.rights.reads_everything() || !text.contains('/') {
            return text;
        }
        // Names stand between backticks: every second piece.
        let pieces = text.split('`').enumerate().map(|(place, piece)| match place % 2 == 1 && self.hides(piece) {
            true => "…",
            false => piece,
        });
        pieces.collect::<Vec<_>>().join("`")
    }

    fn hides(&self, name: &str) -> bool {
        name.parse::<Name>().is_ok_and(|name| {
            let owner = name.project().and_then(|project| self.world.find(Kind::Project, project));
            owner.is_some_and(|owner| !self.actor.rights.reads_project(owner.id))
        })
    }
}
