//! Exchanges, counted by face, provider and outcome.
//!
//! An allow costs a look-up and an addition. Labels are the server's own words: names of faces, of registered providers,
//! stable codes of reasons; never what a caller sent.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use accredit_core::model::{Id, Resource};
use arc_swap::ArcSwap;

use super::histogram::{Histogram, TIMES};
use crate::traces::{self, Attribute};

/// Counts since the process began.
pub(crate) struct Exchanges {
    providers: ArcSwap<HashMap<Id, Arc<OfProvider>>>,
    /// Held by whoever adds a provider.
    adding: Mutex<()>,
    /// What belongs to no registered provider, or found no place.
    others: OfProvider,
    pub(super) allowed_times: Histogram,
    pub(super) refused_times: Histogram,
}

struct OfProvider {
    name: Box<str>,
    allowed: [AtomicU64; FACES.len()],
    refused: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
}

/// Every face, as the log calls it. What is not listed counts as `other`.
static FACES: [&str; 10] = [
    "rfc8693",
    "openai",
    "jwt-bearer",
    "client-credentials",
    "anthropic",
    "entra",
    "spiral",
    "spiral-aws",
    "admin",
    "other",
];

// === impl Exchanges ===

impl Default for Exchanges {
    fn default() -> Self {
        Self {
            providers: ArcSwap::default(),
            adding: Mutex::default(),
            others: OfProvider::new("-"),
            allowed_times: Histogram::new(TIMES),
            refused_times: Histogram::new(TIMES),
        }
    }
}

impl Exchanges {
    /// A token was issued.
    pub(crate) fn allowed(&self, face: &'static str, provider: &Resource) {
        let place = FACES.iter().position(|known| *known == face).unwrap_or(FACES.len() - 1);
        traces::tell(|| said(face, Some(provider), "allowed", None));
        self.with(Some(provider), |of| _ = of.allowed[place].fetch_add(1, Relaxed));
    }

    /// None was, with this code.
    pub(crate) fn refused(&self, face: &'static str, provider: Option<&Resource>, reason: &'static str) {
        traces::tell(|| said(face, provider, "refused", Some(reason)));
        let face = FACES.iter().copied().find(|known| *known == face).unwrap_or("other");
        self.with(provider, |of| {
            *of.refused.lock().unwrap_or_else(PoisonError::into_inner).entry((face, reason)).or_default() += 1;
        });
    }

    /// How long an answer took, from the end of its head.
    pub(crate) fn took(&self, is_allowed: bool, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        match is_allowed {
            true => self.allowed_times.observe(nanoseconds),
            false => self.refused_times.observe(nanoseconds),
        }
    }

    /// Lends each count: face, provider, outcome, reason.
    pub(super) fn each(&self, mut lend: impl FnMut([&str; 4], u64)) {
        let providers = self.providers.load();
        for of in providers.values().map(|of| &**of).chain([&self.others]) {
            for (face, count) in FACES.iter().zip(&of.allowed) {
                let count = count.load(Relaxed);
                if count > 0 {
                    lend([face, &of.name, "allowed", "-"], count);
                }
            }
            let refused = of.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for ((face, reason), count) in refused {
                lend([face, &of.name, "refused", reason], count);
            }
        }
    }

    fn with(&self, provider: Option<&Resource>, count: impl FnOnce(&OfProvider)) {
        let Some(provider) = provider else { return count(&self.others) };
        if let Some(of) = self.providers.load().get(&provider.id) {
            return count(of);
        }
        match self.add(provider) {
            Some(of) => count(&of),
            None => count(&self.others),
        }
    }

    fn add(&self, provider: &Resource) -> Option<Arc<OfProvider>> {
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let providers = self.providers.load();
        if let Some(of) = providers.get(&provider.id) {
            return Some(Arc::clone(of));
        }
        if providers.len() >= MOST_PROVIDERS {
            return None;
        }
        let of = Arc::new(OfProvider::new(provider.name.as_str()));
        let mut more = HashMap::clone(&providers);
        more.insert(provider.id, Arc::clone(&of));
        self.providers.store(Arc::new(more));
        Some(of)
    }
}

/// What is counted is said on the trace, too.
fn said(
    face: &'static str,
    provider: Option<&Resource>,
    outcome: &'static str,
    reason: Option<&'static str>,
) -> Vec<Attribute> {
    let named = provider.map(|provider| Attribute::Provider(provider.name.as_str().into()));
    let words = [Attribute::Face(face), Attribute::Outcome(outcome)];
    words.into_iter().chain(named).chain(reason.map(Attribute::Reason)).collect()
}

impl OfProvider {
    fn new(name: &str) -> Self {
        Self { name: name.into(), allowed: Default::default(), refused: Mutex::default() }
    }
}

/// A page that nobody can read serves nobody: the providers beyond count as none.
pub(super) const MOST_PROVIDERS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faces::{FACES as REAL, SPIRAL, SPIRAL_AWS};

    #[test]
    fn every_face_has_its_place() {
        for face in REAL.iter().copied().chain([&SPIRAL, &SPIRAL_AWS]) {
            assert!(FACES.contains(&face.name), "`{}` would count as `other`", face.name);
        }
    }
}
