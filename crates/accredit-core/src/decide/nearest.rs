//! Which mappings a token comes nearest to, told without writing anything down.
//!
//! Whoever holds a valid token can be refused as often as he likes, so ranking must cost little: it counts, and only what
//! is kept is traced.

use std::sync::Arc;

use super::clause::holds;
use crate::facts::Facts;
use crate::model::{Mapping, Resource};

/// The nearest of the mappings offered, at most so many: by how many clauses do not hold, then by name.
pub(super) struct Nearest<'w> {
    most: usize,
    /// INVARIANT: sorted, and never more than `most`.
    kept: Vec<(usize, &'w Arc<Resource>)>,
}

// === impl Nearest ===

impl<'w> Nearest<'w> {
    /// Keeps at most `most`.
    pub(super) fn of(most: usize) -> Self {
        Self { most, kept: Vec::new() }
    }

    /// Looks at one more. What is no mapping is left out.
    pub(super) fn offer<S>(&mut self, resource: &'w Arc<Resource>, facts: &Facts<'_, S>) {
        let Some(mapping) = resource.as_mapping() else { return };
        let farthest = self.kept.last().filter(|_| self.kept.len() >= self.most);
        let bound = farthest.map_or(usize::MAX, |(distance, _)| *distance);
        let Some(distance) = distance(mapping, facts, bound) else { return };
        let key = (distance, &resource.name);
        if farthest.is_some_and(|(distance, other)| (*distance, &other.name) <= key) {
            return;
        }
        let place = self.kept.partition_point(|(distance, other)| (*distance, &other.name) < key);
        self.kept.insert(place, (distance, resource));
        self.kept.truncate(self.most);
    }

    /// The ones kept, nearest first, each with its distance.
    pub(super) fn kept(self) -> Vec<(usize, &'w Arc<Resource>)> {
        self.kept
    }
}

/// How many clauses of a mapping do not hold, its condition's among them; `None` when they are more than `bound`.
///
/// INVARIANT: the same as `MappingTrace::distance`, which counts the clauses of the trace.
fn distance<S>(mapping: &Mapping, facts: &Facts<'_, S>, bound: usize) -> Option<usize> {
    let fallen = mapping.clauses.iter().filter(|clause| !holds(clause, facts)).count();
    if fallen > bound {
        return None;
    }
    let distance = fallen + mapping.condition.as_ref().map_or(0, |program| program.fallen(facts.raw()));
    (distance <= bound).then_some(distance)
}
