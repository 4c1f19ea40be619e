//! How many replay marks a provider may have at once: what is bounded by the lifetime of tokens alone is not bounded against
//! somebody who can make as many tokens as he likes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use accredit_store::{Store, StoreError};

/// How many marks there may be at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    /// Of each provider.
    pub(crate) marks: u64,
    /// Of proofs of possession, at each place where they are shown.
    pub(crate) proofs: u64,
}

/// Marks of each provider that spends any.
pub(super) struct Quota {
    most: Most,
    /// Whether other servers make marks of the same providers.
    is_shared: bool,
    providers: HashMap<String, Counted>,
}

struct Counted {
    marks: u64,
    at: Instant,
}

// === impl Quota ===

impl Quota {
    pub(super) fn new(most: Most, is_shared: bool) -> Self {
        Self { most, is_shared, providers: HashMap::new() }
    }

    /// Whether a provider may have one more. Counted in the store when it is first asked about, and again where it seems full:
    /// a use that is bound to the same key as before counts here and makes no mark. Where other servers make marks as well,
    /// they are counted every few minutes.
    pub(super) async fn admits(&mut self, store: &Store, provider: &str, now: Instant) -> Result<bool, StoreError> {
        let (most, is_shared) = (self.most.of(provider), self.is_shared);
        let is_known = |counted: &Counted| match (counted.marks < most, is_shared) {
            (true, false) => true,
            (true, true) => now.duration_since(counted.at) < OTHERS,
            (false, _) => now.duration_since(counted.at) < AGAIN,
        };
        if !self.providers.get(provider).is_some_and(is_known) {
            let marks = store.count_marks(provider, most).await?;
            self.providers.insert(provider.to_owned(), Counted { marks, at: now });
        }
        Ok(self.providers.get(provider).is_some_and(|counted| counted.marks < most))
    }

    /// A mark may have been made.
    pub(super) fn claimed(&mut self, provider: &str) {
        if let Some(counted) = self.providers.get_mut(provider) {
            counted.marks += 1;
        }
    }

    /// Marks were deleted.
    pub(super) fn forgotten(&mut self, provider: &str, marks: u64) {
        if let Some(counted) = self.providers.get_mut(provider) {
            counted.marks = counted.marks.saturating_sub(marks);
        }
    }
}

// === impl Most ===

impl Most {
    fn of(self, provider: &str) -> u64 {
        if is_of_proofs(provider) { self.proofs } else { self.marks }
    }
}

/// Whether that is no provider, but a place where proofs of possession are shown.
pub(super) fn is_of_proofs(provider: &str) -> bool {
    provider.starts_with(PROOFS)
}

/// How names begin under which proofs of possession are claimed. No provider's id does.
pub(crate) const PROOFS: &str = "dpop-";
/// Before a full one is counted again.
const AGAIN: Duration = Duration::from_secs(10);
/// Before what other servers made is counted. Counting a million marks takes the writer some tenths of a second.
const OTHERS: Duration = Duration::from_secs(300);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_store::audit::{ChainId, Content};
    use accredit_store::{Entry, Mark};

    use super::*;

    /// I07: marks of other servers count as well, a few minutes later.
    #[tokio::test]
    async fn i07_marks_of_other_servers_are_counted() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let mut chain = store.open_chain(ChainId([1; 16]), 1).await.unwrap();
        let most = Most { marks: 20, proofs: 1 };
        let (mut alone, mut one_of_many) = (Quota::new(most, false), Quota::new(most, true));
        let begun = Instant::now();
        for quota in [&mut alone, &mut one_of_many] {
            assert!(quota.admits(&store, "idp_1", begun).await.unwrap());
        }
        let by_another = |number: u8| {
            let (provider, token) = ("idp_1".to_owned(), [number; 32]);
            Entry {
                id: [number; 16],
                record: Content::from(vec![b'a']),
                mark: Some(Mark { provider, token, issued_at: 1000, expires_at: 1300, same: None }),
                proof: None,
                if_replayed: None,
                pins: Vec::new(),
                rests_on: Vec::new(),
                decided_on: i64::MAX,
            }
        };
        let entries: Vec<_> = (0..20).map(by_another).collect();
        store.commit_records(&mut chain, &entries, 1).await.unwrap();
        for (seconds, admits) in [(1, true), (299, true), (301, false), (305, false)] {
            let now = begun + Duration::from_secs(seconds);
            assert_eq!(one_of_many.admits(&store, "idp_1", now).await.unwrap(), admits, "{seconds}");
            assert!(alone.admits(&store, "idp_1", now).await.unwrap());
        }
        // Proofs have room of their own.
        for admits in [true, false] {
            assert_eq!(alone.admits(&store, "dpop-token", begun).await.unwrap(), admits);
            alone.claimed("dpop-token");
        }
    }
}
