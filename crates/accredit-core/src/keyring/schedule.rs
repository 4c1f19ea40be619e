//! How long keys stay in their states.

use std::time::Duration;

use accredit_id::time::Timestamp;

use super::{Life, Purpose};

/// How long keys stay in their states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How long a key signs.
    pub every: Duration,
    /// How long a reader may keep our key set without looking again: the `max-age` that we send with it.
    pub cache: Duration,
    /// How much later than the first one the last of our servers may notice a step, its clock's error included.
    pub margin: Duration,
    /// By how much a verifier's clock may be behind ours.
    pub leeway: Duration,
    /// The longest life of an access token.
    pub longest_access: Duration,
    /// The longest life of an administrator's or agent's token.
    pub longest_internal: Duration,
}

// === impl Schedule ===

impl Schedule {
    /// When a published key may sign: every reader who looked before it was published has looked again by then, and every
    /// server of ours knows it.
    pub fn may_sign_at(&self, purpose: Purpose, life: &Life) -> Timestamp {
        self.seen_at(purpose, life).plus(self.margin)
    }

    /// When every reader knows a key, if all clocks are right. No server signs sooner by its own clock, whatever another one
    /// wrote down.
    pub(super) fn seen_at(&self, purpose: Purpose, life: &Life) -> Timestamp {
        life.published_at.unwrap_or(life.created_at).plus(self.readers(purpose))
    }

    /// When a key's turn to sign is over.
    pub fn due_at(&self, life: &Life) -> Timestamp {
        let regular = life.activated_at.unwrap_or(life.created_at).plus(self.every);
        [life.due_at, life.tainted_at].into_iter().flatten().fold(regular, Timestamp::min)
    }

    /// When a key leaves the key set that stops to sign at `retired_at`: its longest token has ended by every clock, no
    /// server signs with it any more, and no reader is without its successor. `None` for ever.
    pub(super) fn leaves_at(&self, purpose: Purpose, retired_at: Timestamp, longest_token: u64) -> Option<Timestamp> {
        match purpose {
            Purpose::Access | Purpose::Internal => Some(
                retired_at
                    .plus(Duration::from_secs(longest_token))
                    .plus(self.leeway)
                    .plus(self.readers(purpose))
                    .plus(self.margin),
            ),
            Purpose::Audit => None,
        }
    }

    /// The longest life of a token of a purpose, in seconds.
    pub fn longest(&self, purpose: Purpose) -> u64 {
        match purpose {
            Purpose::Access => self.longest_access.as_secs(),
            Purpose::Internal => self.longest_internal.as_secs(),
            Purpose::Audit => 0,
        }
    }

    /// How long readers may be without a new key. What is not published has no readers but our own servers.
    fn readers(&self, purpose: Purpose) -> Duration {
        match purpose {
            Purpose::Access => self.cache,
            Purpose::Internal | Purpose::Audit => Duration::ZERO,
        }
    }
}
