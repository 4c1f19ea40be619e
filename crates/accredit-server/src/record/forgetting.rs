//! When replay marks may be forgotten.
//!
//! A clock that runs ahead, even for a moment, must not delete marks of tokens that are still good. So it is not believed
//! alone: marks of a provider go behind the end of their tokens as told by a newer token of the same provider. While the clock
//! is far ahead no honest token is fresh, and nothing is forgotten; where nothing more is spent, the last marks simply stay.

use std::collections::HashMap;

use accredit_id::time::Timestamp;
use accredit_store::Mark;

/// What was spent since marks were last deleted, by provider.
#[derive(Default)]
pub(super) struct Forgetting {
    providers: HashMap<String, Spending>,
    /// How many marks were claimed since nothing was due.
    claimed: usize,
}

struct Spending {
    /// When the newest evidence was issued: by its issuer's word, that moment has come.
    newest: Timestamp,
    claimed: usize,
    /// When marks were last deleted.
    last: Option<Timestamp>,
}

// === impl Forgetting ===

impl Forgetting {
    /// A mark was claimed, and its record is on the disk.
    pub(super) fn spent(&mut self, mark: &Mark) {
        let issued_at = Timestamp::from_unix(mark.issued_at);
        self.claimed += 1;
        match self.providers.get_mut(&mark.provider) {
            Some(known) => {
                known.newest = known.newest.max(issued_at);
                known.claimed += 1;
            }
            None => {
                let known = Spending { newest: issued_at, claimed: 1, last: None };
                self.providers.insert(mark.provider.clone(), known);
            }
        }
    }

    /// Whether nothing was spent since [`Self::due`] gave nothing.
    pub(super) fn is_idle(&self) -> bool {
        self.claimed == 0
    }

    /// A provider whose marks are to be deleted, and the moment that has surely come for it.
    ///
    /// INVARIANT: due after fewer marks than the store deletes at once, so that they go faster than they come.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<(String, Timestamp)> {
        let is_due = |known: &Spending| {
            let waited = known.last.is_none_or(|last| now.seconds_since(last) >= EVERY);
            known.claimed >= AFTER || (known.claimed > 0 && waited)
        };
        let Some((provider, known)) = self.providers.iter_mut().find(|(_, known)| is_due(known)) else {
            self.claimed = 0;
            return None;
        };
        known.claimed = 0;
        known.last = Some(now);
        Some((provider.clone(), known.newest.min(now)))
    }
}

/// Marks of one provider after which old ones are deleted.
const AFTER: usize = 500;
/// Seconds after which they are deleted where fewer come.
const EVERY: i64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(provider: &str, issued_at: i64) -> Mark {
        Mark { provider: provider.to_owned(), token: [0; 32], issued_at, expires_at: issued_at + 300, same: None }
    }

    fn due(forgetting: &mut Forgetting, now: i64) -> Option<(String, i64)> {
        forgetting.due(Timestamp::from_unix(now)).map(|(provider, past)| (provider, past.unix()))
    }

    /// Set forward a year, the clock forgets nothing by itself; an issuer that runs ahead forgets nothing either.
    #[test]
    fn neither_clock_is_believed_alone() {
        let year = 31_536_000;
        let mut forgetting = Forgetting::default();
        assert!(forgetting.is_idle() && due(&mut forgetting, 1000).is_none());
        forgetting.spent(&mark("idp_1", 1000));
        assert_eq!(due(&mut forgetting, 1000 + year), Some(("idp_1".to_owned(), 1000)));
        forgetting.spent(&mark("idp_2", 1000 + year));
        assert_eq!(due(&mut forgetting, 1010), Some(("idp_2".to_owned(), 1010)));
    }

    /// I07: marks are deleted each minute at most, and sooner where many come; the newest evidence counts, in whatever order.
    #[test]
    fn what_comes_decides_when() {
        let mut forgetting = Forgetting::default();
        forgetting.spent(&mark("idp_1", 1000));
        assert_eq!(due(&mut forgetting, 1001), Some(("idp_1".to_owned(), 1000)));
        assert!(due(&mut forgetting, 1001).is_none() && forgetting.is_idle());
        forgetting.spent(&mark("idp_1", 1010));
        forgetting.spent(&mark("idp_1", 990));
        assert!(!forgetting.is_idle() && due(&mut forgetting, 1002).is_none());
        forgetting.spent(&mark("idp_1", 1000));
        assert_eq!(due(&mut forgetting, 1001 + EVERY), Some(("idp_1".to_owned(), 1010)));
        for _ in 0..AFTER {
            assert!(due(&mut forgetting, 1063).is_none());
            forgetting.spent(&mark("idp_1", 1070));
        }
        assert_eq!(due(&mut forgetting, 1064), Some(("idp_1".to_owned(), 1064)));
        assert_eq!(due(&mut forgetting, 1064), None);
    }
}
