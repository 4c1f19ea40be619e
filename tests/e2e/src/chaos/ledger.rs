//! What clients and operators were answered: what the judge holds the server to.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::claims::said;
use crate::http::Answer;

/// A token that a client received.
#[derive(Clone, Debug)]
pub(super) struct Received {
    /// The decision, as the answer names it.
    pub(super) decision: String,
    /// The access token.
    pub(super) token: String,
    /// The one mapping by which it can have been allowed.
    pub(super) mapping: &'static str,
}

/// Evidence that counts once, and what became of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    /// The subject token.
    pub(super) subject: String,
    /// The decisions that let it through.
    pub(super) accepted: Vec<String>,
    /// How often it was refused as used already.
    pub(super) used: usize,
    /// How often nobody knows: the answer was lost, or said that nothing could be written.
    pub(super) unclear: usize,
}

/// What an operator was told of things that he changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// The last generation of accounts that was acknowledged.
    pub(super) generation: u64,
    /// The last one that was tried.
    pub(super) tried: u64,
    /// Accounts whose creation was acknowledged.
    pub(super) created: Vec<String>,
    /// Accounts whose deletion was acknowledged.
    pub(super) deleted: Vec<String>,
    /// Tokens whose revocation was acknowledged.
    pub(super) revoked: Vec<String>,
    /// Orders to rotate that were acknowledged.
    pub(super) rotations: usize,
}

/// Everything that was seen.
#[derive(Default)]
pub(super) struct Ledger {
    received: Mutex<Vec<Received>>,
    once: Mutex<Vec<Evidence>>,
    changes: Mutex<Changes>,
    outcomes: Mutex<BTreeMap<String, u64>>,
    /// By their kind: the first of each, and how many.
    faults: Mutex<BTreeMap<String, (String, u64)>>,
    secrets: Mutex<HashSet<u64>>,
}

// === impl Ledger ===

impl Ledger {
    /// The tokens.
    pub(super) fn received(&self) -> MutexGuard<'_, Vec<Received>> {
        open(&self.received)
    }

    /// The evidence that counts once.
    pub(super) fn once(&self) -> MutexGuard<'_, Vec<Evidence>> {
        open(&self.once)
    }

    /// What operators were told.
    pub(super) fn changes(&self) -> MutexGuard<'_, Changes> {
        open(&self.changes)
    }

    /// How often each kind of request met each outcome.
    pub(super) fn outcomes(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        open(&self.outcomes)
    }

    /// What must not have happened: the first of each kind, and how many there were.
    pub(super) fn faults(&self) -> Vec<(String, u64)> {
        open(&self.faults).values().cloned().collect()
    }

    /// Puts down what must not have happened.
    pub(super) fn fault(&self, kind: &str, what: String) {
        open(&self.faults).entry(kind.to_owned()).or_insert((what, 0)).1 += 1;
    }

    /// Counts an outcome.
    pub(super) fn count(&self, kind: &str, outcome: &str) {
        *self.outcomes().entry(format!("{kind}: {outcome}")).or_default() += 1;
    }

    /// Keeps a token that was answered. Its `jti` is the decision's id.
    pub(super) fn receive(&self, answer: &Answer, mapping: &'static str) {
        let (token, decision) = (answer.access_token(), answer.decision());
        self.keep_secret(&token);
        if said(&token)["jti"].as_str() != Some(decision.as_str()) {
            self.fault("jti", format!("token of {decision} has another `jti`"));
        }
        self.received().push(Received { decision, token, mapping });
    }

    /// Remembers a token that must not be found in any log, by its signature.
    pub(super) fn keep_secret(&self, token: &str) {
        if let Some(signature) = token.rsplit('.').next() {
            open(&self.secrets).insert(print(signature));
        }
    }

    /// The first secret that stands in a text.
    pub(super) fn secret_in<'t>(&self, text: &'t str) -> Option<&'t str> {
        let secrets = open(&self.secrets);
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        text.split(|letter| !is_letter(letter)).find(|word| word.len() > 40 && secrets.contains(&print(word)))
    }
}

/// Signatures are long; their fingerprints are not.
fn print(signature: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    signature.hash(&mut hasher);
    hasher.finish()
}

fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_it_stands() {
        let ledger = Ledger::default();
        let signature = "x".repeat(86);
        ledger.keep_secret(&format!("a.b.{signature}"));
        assert_eq!(ledger.secret_in(&format!("2026 ERROR token=`a.b.{signature}`\n")), Some(signature.as_str()));
        assert_eq!(ledger.secret_in(&"y".repeat(86)), None);
    }
}
