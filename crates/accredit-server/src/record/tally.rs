//! Counts of unverified refusals, by provider, reason and source, put into the log as one record an interval.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

/// The counts since the last record.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    counts: HashMap<(Option<String>, &'static str, IpAddr), u64>,
    /// What found no place any more, by reason.
    others: HashMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn count(&self, provider: Option<&str>, reason: &'static str, source: IpAddr) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (provider.map(str::to_owned), reason, source);
        if counts.counts.len() >= MAX_KEYS && !counts.counts.contains_key(&key) {
            *counts.others.entry(reason).or_default() += 1;
        } else {
            *counts.counts.entry(key).or_default() += 1;
        }
    }

    /// Takes the counts out, as the detail of a record; `None` when there are none.
    pub(crate) fn take(&self) -> Option<Value> {
        let taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if taken.counts.is_empty() && taken.others.is_empty() {
            return None;
        }
        let mut rows: Vec<_> = taken.counts.into_iter().collect();
        rows.sort();
        let rows: Vec<_> = rows
            .into_iter()
            .map(|((provider, reason, source), count)| json!({"provider": provider, "reason": reason, "source": source, "count": count}))
            .collect();
        Some(json!({"refused": rows, "others": taken.others}))
    }
}

/// A flood from many sources does not grow the record without end.
const MAX_KEYS: usize = 256;
