//! Which key sets providers were seen to have: the answer to "which key vouched for this".
//!
//! Each distinct set of a provider is one audit record, with every thumbprint, and one row that tells when it was seen first
//! and last. The row is a sighting with the code [`CODE`]; the log keeps what it was.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use accredit_core::model::{DecisionId, Id};
use accredit_core::world::World;
use accredit_id::base64url;
use accredit_id::digest::sha256;
use accredit_id::jose::jwk::{KeySet, PublicKey};
use accredit_id::time::Timestamp;
use accredit_store::{Sighting, SightingDeed};
use serde_json::{Value, json};

use crate::chance;
use crate::gather::SeenSet;
use crate::record::{self, Recorder, StoreWork};

/// A set that was seen.
#[derive(Clone, Debug)]
pub(crate) struct SeenRow {
    /// Its own name: a digest of its keys and of where they came from.
    pub(crate) set: String,
    /// The audit record of the first look.
    pub(crate) record: [u8; 16],
    /// When it was seen first.
    pub(crate) first: Timestamp,
    /// When it was seen last.
    pub(crate) last: Timestamp,
    id: String,
    written: Timestamp,
}

/// The sets of every provider.
pub(crate) struct KeyHistory(Mutex<HashMap<String, Vec<SeenRow>>>);

/// The code of sightings that are key sets.
pub(crate) const CODE: &str = "key-set";

// === impl KeyHistory ===

impl KeyHistory {
    /// What the store knows, from sightings of [`CODE`].
    pub(crate) fn restored(sightings: impl IntoIterator<Item = Sighting>) -> Self {
        let history = Self(Mutex::default());
        history.hear(sightings);
        history
    }

    /// What another server has put down.
    pub(crate) fn hear(&self, sightings: impl IntoIterator<Item = Sighting>) {
        let mut rows = self.rows();
        for Sighting { provider, thing, id, first_seen, last_seen, decision, .. } in sightings {
            let (first, last) = (Timestamp::from_unix(first_seen), Timestamp::from_unix(last_seen));
            let row = SeenRow { set: thing, record: decision, first, last, id, written: last };
            let known = rows.entry(provider).or_default();
            // What is stored is whose the first look was, whatever this server thought.
            match known.iter_mut().find(|known| known.set == row.set) {
                Some(known) => *known = SeenRow { last: row.last.max(known.last), ..row },
                None => known.push(row),
            }
        }
    }

    /// Puts down what was seen. A set that is known is only seen again; one that cannot be written will be seen anew.
    pub(crate) async fn put_down(&self, seen: Vec<SeenSet>, recorder: &Recorder, world: &World, now: Timestamp) {
        for SeenSet { provider, at, set, location } in seen {
            // A provider that is gone has no history to add to.
            let Some(resource) = world.by_id(provider) else { continue };
            let (at, name) = (at.unwrap_or(now), set_name(&set, &location));
            if self.see_again(provider, &name, at) {
                continue;
            }
            let detail = json!({
                "provider": resource.name.as_str(), "providerId": provider.to_string(), "set": name,
                "location": location, "keys": set.keys().map(described).collect::<Vec<_>>(),
            });
            let act = record::admin_act("provider-keys-seen", at, "server", world.sequence, &detail);
            let id = DecisionId::new(chance::bits()).to_string().replacen("dec_", "keys_", 1);
            let sighting = Sighting {
                provider: provider.to_string(),
                code: CODE.to_owned(),
                thing: name.clone(),
                id: id.clone(),
                alarm: false,
                first_seen: at.unix(),
                last_seen: at.unix(),
                decision: act.id,
                acknowledged: None,
            };
            let row = SeenRow { set: name, record: act.id, first: at, last: at, id, written: at };
            let deed = SightingDeed { sighted: vec![sighting], acknowledged: None, records: vec![act] };
            match recorder.work(StoreWork::Sight(deed)).await {
                Ok(_) => self.rows().entry(provider.to_string()).or_default().push(row),
                Err(fault) => {
                    tracing::warn!(event = "key-set-not-recorded", provider.name = %resource.name, "a key set that was seen cannot be written: {fault}");
                }
            }
        }
    }

    /// Rows whose last sight is to be written, by their ids.
    pub(crate) fn unwritten(&self) -> Vec<(String, i64)> {
        let mut rows = self.rows();
        let late = rows.values_mut().flatten().filter(|row| row.last.seconds_since(row.written) >= WRITTEN_EVERY);
        late.map(|row| {
            row.written = row.last;
            (row.id.clone(), row.last.unix())
        })
        .collect()
    }

    /// The sets of a provider, newest first.
    pub(crate) fn of(&self, provider: Id) -> Vec<SeenRow> {
        let mut rows = self.rows().get(&provider.to_string()).cloned().unwrap_or_default();
        rows.sort_by_key(|row| std::cmp::Reverse((row.last, row.first)));
        rows
    }

    /// Forgets providers that are not kept.
    pub(crate) fn retain(&self, mut keep: impl FnMut(&str) -> bool) {
        self.rows().retain(|provider, _| keep(provider));
    }

    fn see_again(&self, provider: Id, set: &str, at: Timestamp) -> bool {
        let mut rows = self.rows();
        let known = rows.entry(provider.to_string()).or_default();
        match known.iter_mut().find(|row| row.set == set) {
            Some(row) => row.last = row.last.max(at),
            // Who changes his keys that often keeps no history.
            None => return known.len() >= MOST,
        }
        true
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<String, Vec<SeenRow>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rows whose sets may have counted at a time: those that were seen before and after it, and the last one before it.
pub(crate) fn at(rows: Vec<SeenRow>, time: Timestamp) -> Vec<SeenRow> {
    let latest_before = rows.iter().filter(|row| row.last <= time).map(|row| row.last).max();
    let counted = |row: &SeenRow| row.first <= time && (row.last >= time || Some(row.last) == latest_before);
    rows.into_iter().filter(counted).collect()
}

/// What a set is called: its keys and the place that they came from, whatever their order.
pub(crate) fn set_name(set: &KeySet, location: &str) -> String {
    let mut lines: Vec<String> =
        set.keys().map(|key| format!("{} {:?} {}\n", key.thumbprint(), key.kid(), key.algorithms())).collect();
    lines.sort_unstable();
    base64url::encode(&sha256(format!("{location}\n{}", lines.concat()).as_bytes())[..16])
}

/// A key as the log keeps it.
fn described(key: &PublicKey) -> Value {
    let algorithms: Vec<_> = key.algorithms().iter().map(|algorithm| algorithm.as_str()).collect();
    json!({"kid": key.kid(), "algorithms": algorithms, "thumbprint": &*key.thumbprint()})
}

/// So many distinct sets of a provider are kept: at one a day, three years.
const MOST: usize = 1_000;

/// Seconds between two writings of when a set was seen last.
const WRITTEN_EVERY: i64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn row(set: &str, first: i64, last: i64) -> SeenRow {
        let (first, last) = (Timestamp::from_unix(first), Timestamp::from_unix(last));
        SeenRow { set: set.to_owned(), record: [0; 16], first, last, id: String::new(), written: last }
    }

    #[test]
    fn a_time_is_answered_by_the_sets_around_it() {
        // `a` was replaced by `b`, which came back from `c` once.
        let rows = || vec![row("a", 100, 200), row("b", 250, 900), row("c", 400, 500)];
        for (time, expected) in [
            (99, &[][..]),
            (100, &["a"]),
            (150, &["a"]),
            // Nobody had looked again: the set before still counted.
            (240, &["a"]),
            (250, &["a", "b"]),
            (450, &["a", "b", "c"]),
            (600, &["b", "c"]),
            (10_000, &["b"]),
        ] {
            let answered: Vec<_> = at(rows(), Timestamp::from_unix(time)).into_iter().map(|row| row.set).collect();
            assert_eq!(answered, expected, "{time}");
        }
    }
}
