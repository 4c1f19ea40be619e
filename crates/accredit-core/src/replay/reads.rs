//! Which claims the mappings of a provider read: what two tokens must have in common to be the same subject.

use std::collections::BTreeSet;

use crate::model::{Claim, Id};
use crate::providers::Standing;
use crate::world::World;

/// The claims that decide, in any of several worlds.
#[derive(Debug, Default)]
pub(super) struct Reads {
    names: BTreeSet<String>,
    /// A program counts or searches all of them.
    every: bool,
}

// === impl Reads ===

impl Reads {
    /// Of the mappings of a provider, its attributes among them.
    pub(super) fn of(provider: Id, worlds: [&World; 2]) -> Self {
        let mut reads = Self::default();
        for name in ALWAYS {
            reads.add(name);
        }
        for world in worlds {
            let known = world.by_id(provider).and_then(|resource| resource.as_provider());
            let standing = |name: &str| known.and_then(|known| known.kind.claim(name)).map(|fact| fact.standing);
            let mut names_matter = false;
            let mut conditions: BTreeSet<&str> = BTreeSet::new();
            for mapping in world.mappings_of(provider).filter_map(|resource| resource.as_mapping()) {
                for clause in &mapping.clauses {
                    if let Claim::Raw(name) = &clause.claim {
                        names_matter |= standing(name) == Some(Standing::Reassignable);
                        reads.add(name);
                    }
                }
                // A hundred thousand mappings may share one condition.
                if let Some(program) = &mapping.condition
                    && conditions.insert(program.source())
                {
                    program.claims().iter().for_each(|name| reads.add(name));
                }
            }
            // Where a name is trusted, one name with two ids is two subjects: it came to mean somebody else.
            for fact in known.into_iter().flat_map(|known| known.kind.claims).filter(|_| names_matter) {
                if fact.standing == Standing::Permanent {
                    reads.add(fact.name);
                }
            }
            for (_, program) in known.into_iter().flat_map(|known| &known.attributes) {
                program.claims().iter().for_each(|name| reads.add(name));
            }
        }
        reads
    }

    /// Whether a claim's value may decide.
    pub(super) fn has(&self, name: &str) -> bool {
        self.every || self.names.contains(name)
    }

    fn add(&mut self, name: &str) {
        match name {
            "*" => self.every = true,
            name if self.names.contains(name) => {}
            name => {
                self.names.insert(name.to_owned());
            }
        }
    }
}

/// Who it was, and what policy reads of every token.
const ALWAYS: [&str; 2] = ["cnf", "sub"];
