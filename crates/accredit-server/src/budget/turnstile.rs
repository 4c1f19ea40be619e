//! Who goes first when there is more to do than time: sources that were served lately.
//!
//! A flood from many addresses leaves each of them within its budget. What gives it away is that nothing comes of it: so a
//! source that lately got what it asked for, and has failed at nothing since, goes straight in. Strangers go in one after the
//! other, each behind whatever else is ready by then, and where they queue they leave a part of the time to others: among these is
//! the thread that writes records, which on a small machine waits for a core like everybody. With time to spare nobody notices;
//! in a flood strangers wait for each other and hardly anybody waits for them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::moments::{Moments, Payer};

/// Where strangers wait, and who is none. Memory is fixed; nothing of it is written down.
pub(super) struct Turnstile {
    begun: Instant,
    /// A place for each thread that serves: strangers alone may use all of them.
    places: Semaphore,
    /// Since when strangers have gone in one behind the other, in microseconds since it was made.
    spell: AtomicU64,
    /// How many strangers found others before them.
    pub(super) queued: AtomicU64,
    /// Until when sources are known.
    known_until: Moments,
}

// === impl Turnstile ===

impl Turnstile {
    /// For a server of so many threads.
    pub(super) fn new(threads: usize) -> Self {
        Self {
            begun: Instant::now(),
            places: Semaphore::new(threads.max(1)),
            spell: AtomicU64::new(0),
            queued: AtomicU64::new(0),
            known_until: Moments::new(),
        }
    }

    /// Returns when it is this source's turn; at once where it is known.
    pub(super) async fn pass(&self, source: Payer, now: u64) {
        if self.knows(source, now) {
            return;
        }
        let (place, is_first) = match self.places.try_acquire() {
            Ok(place) => (Ok(place), true),
            Err(_) => {
                self.queued.fetch_add(1, Relaxed);
                (self.places.acquire().await, false)
            }
        };
        // Behind everything that is ready, and what has come in meanwhile.
        tokio::task::yield_now().await;
        if !is_first && self.spell_lasts() > SPELL {
            tokio::time::sleep(PAUSE).await;
            self.begin_spell();
        } else if is_first {
            self.begin_spell();
        }
        drop(place);
    }

    /// A source got what it asked for.
    pub(super) fn served(&self, source: Payer, now: u64) {
        match self.known_until.of(source) {
            Some(until) => until.store(now + KNOWN_FOR, Relaxed),
            None => self.known_until.put(source, now + KNOWN_FOR),
        }
    }

    /// A source failed at something: it is a stranger until it is served again.
    pub(super) fn failed(&self, source: Payer) {
        if let Some(until) = self.known_until.of(source) {
            until.store(0, Relaxed);
        }
    }

    fn knows(&self, source: Payer, now: u64) -> bool {
        self.known_until.of(source).is_some_and(|until| until.load(Relaxed) > now)
    }

    fn begin_spell(&self) {
        let now = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.spell.store(now, Relaxed);
    }

    fn spell_lasts(&self) -> Duration {
        self.begun.elapsed().saturating_sub(Duration::from_micros(self.spell.load(Relaxed)))
    }
}

/// An hour and a bit, in nanoseconds: no token lasts longer than an hour, and then its owner comes again.
const KNOWN_FOR: u64 = 4_000_000_000_000;
/// How long strangers go in one behind the other, and how long nobody of them does then. The timer of the runtime adds half a
/// millisecond, so that about half of the time is theirs.
const SPELL: Duration = Duration::from_millis(2);
const PAUSE: Duration = Duration::from_millis(1);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn who_was_served_is_known_for_a_while_and_until_he_fails() {
        let turnstile = Turnstile::new(1);
        let (one, other) = (Payer(7 << 32 | 1), Payer(7 << 32 | 2));
        assert!(!turnstile.knows(one, 0));
        turnstile.served(one, 10);
        for (source, now, knows) in
            [(one, 10, true), (one, 9 + KNOWN_FOR, true), (one, 10 + KNOWN_FOR, false), (other, 10, false)]
        {
            assert_eq!(turnstile.knows(source, now), knows, "{source:?} at {now}");
        }
        turnstile.served(other, 10);
        turnstile.failed(one);
        assert!(!turnstile.knows(one, 10) && turnstile.knows(other, 10));
    }

    /// L21: strangers go in one by one, each behind everything that is ready; who is known waits for none of them.
    #[tokio::test]
    async fn l21_strangers_wait_for_who_is_known_and_for_each_other() {
        let turnstile = Arc::new(Turnstile::new(1));
        let known = Payer(1);
        turnstile.served(known, 0);
        let passed = Arc::new(Mutex::new(Vec::new()));
        let pass = |source: Payer, times: usize| {
            let (turnstile, passed) = (Arc::clone(&turnstile), Arc::clone(&passed));
            tokio::spawn(async move {
                for _ in 0..times {
                    turnstile.pass(source, 0).await;
                    passed.lock().unwrap().push(source.0);
                    tokio::task::yield_now().await;
                }
            })
        };
        let strangers: Vec<_> = (2..=9).map(|source| pass(Payer(source), 1)).collect();
        pass(known, 4).await.unwrap();
        for stranger in strangers {
            stranger.await.unwrap();
        }
        let passed = passed.lock().unwrap();
        assert_eq!(
            passed.iter().filter(|source| **source > 1).copied().collect::<Vec<_>>(),
            (2..=9).collect::<Vec<_>>()
        );
        let last = passed.iter().rposition(|source| *source == 1).unwrap();
        assert!(last < 8, "four turns of who is known cost as many of strangers at most: {passed:?}");
    }
}
