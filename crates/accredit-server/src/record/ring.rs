//! Refusals of tokens that nobody has vouched for: explained for a while, never written to disk one by one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use accredit_core::model::DecisionId;
use accredit_id::time::Timestamp;

/// The last refusals before a signature verified, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Ring(Mutex<VecDeque<(DecisionId, Unverified)>>);

/// What is remembered of one.
#[derive(Clone, Debug)]
pub(crate) struct Unverified {
    /// When.
    pub(crate) at: Timestamp,
    /// The store's sequence.
    pub(crate) sequence: i64,
    /// The reason's code.
    pub(crate) reason: &'static str,
    /// Seen and expected, for the operator.
    pub(crate) operator: String,
    /// At most one action.
    pub(crate) hint: Option<String>,
    /// The provider, when one was found.
    pub(crate) provider: Option<String>,
    /// The service account asked for.
    pub(crate) account: Option<String>,
    /// The cluster asked for, when it was found.
    pub(crate) cluster: Option<String>,
}

impl Ring {
    pub(crate) fn push(&self, id: DecisionId, refused: Unverified) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() >= CAPACITY {
            ring.pop_front();
        }
        ring.push_back((id, refused));
    }

    pub(crate) fn find(&self, id: DecisionId) -> Option<Unverified> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.iter().rev().find(|(other, _)| *other == id).map(|(_, refused)| refused.clone())
    }
}

/// So many explanations, of a few hundred bytes each.
const CAPACITY: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way() {
        let ring = Ring::default();
        let id = |number: usize| DecisionId::new((number as u128).to_be_bytes());
        for number in 0..CAPACITY + 10 {
            let refused = Unverified {
                at: Timestamp::from_unix(0),
                sequence: 0,
                reason: "malformed",
                operator: String::new(),
                hint: None,
                provider: None,
                account: None,
                cluster: None,
            };
            ring.push(id(number), refused);
        }
        assert!(ring.find(id(9)).is_none() && ring.find(id(10)).is_some() && ring.find(id(CAPACITY + 9)).is_some());
    }
}
