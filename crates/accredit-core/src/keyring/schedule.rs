//! How long keys stay in their states.

use std::time::Duration;

use accredit_id::time::Timestamp;

use super::{Key, Life, Purpose};

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
    /// How trust domains are read.
    pub domains: DomainSchedule,
}

/// How keys of trust domains are read, and for how long what they signed counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainSchedule {
    /// How long a reader may keep the key set of JWT-SVIDs: its `max-age`.
    pub jwt_cache: Duration,
    /// How often readers of a bundle look again: its refresh hint.
    pub bundle_refresh: Duration,
    /// How long, beyond its time, a new key waits for nodes that have not confirmed it.
    pub patience: Duration,
    /// The longest life of a JWT-SVID.
    pub longest_jwt: Duration,
    /// The longest life of an X509-SVID.
    pub longest_x509: Duration,
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
        [life.due_at, life.tainted_at, worn_at(life)].into_iter().flatten().fold(regular, Timestamp::min)
    }

    /// When a new key no longer waits for nodes that have not confirmed it: some time after its predecessor's turn was over
    /// and every other reader knew it.
    pub(super) fn deadline(&self, next: &Key, active: &Life) -> Timestamp {
        let readable = self.may_sign_at(next.slot.purpose, &next.life);
        self.due_at(active).max(readable).plus(self.domains.patience)
    }

    /// Whether a node that was last seen then counts as one that is there.
    pub(super) fn is_there(&self, seen_at: Timestamp, now: Timestamp) -> bool {
        now <= seen_at.plus(self.domains.bundle_refresh * MISSED_LOOKS).plus(self.margin)
    }

    /// When the certificate of an authority that is made now ends. By [`worn_at`], it has five sixths of that: its time as
    /// successor, its turn, and what is behind, each with room.
    pub fn authority_ends_at(&self, now: Timestamp) -> Timestamp {
        now.plus(self.every * 3)
            .plus(self.domains.longest_x509)
            .plus(self.readers(Purpose::X509Ca))
            .plus(self.leeway)
            .plus(self.margin)
    }

    /// When a key leaves the key set that stops to sign at `retired_at`: its longest token has ended by every clock, no
    /// server signs with it any more, and no reader is without its successor. `None` for ever.
    pub(super) fn leaves_at(&self, purpose: Purpose, retired_at: Timestamp, longest_token: u64) -> Option<Timestamp> {
        match purpose {
            Purpose::Access | Purpose::Internal | Purpose::JwtSvid | Purpose::X509Ca => Some(
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
            Purpose::JwtSvid => self.domains.longest_jwt.as_secs(),
            Purpose::X509Ca => self.domains.longest_x509.as_secs(),
        }
    }

    /// How long readers may be without a new key. What is not published has no readers but our own servers.
    fn readers(&self, purpose: Purpose) -> Duration {
        match purpose {
            Purpose::Access => self.cache,
            Purpose::Internal | Purpose::Audit => Duration::ZERO,
            // They are in the bundle, too.
            Purpose::JwtSvid => self.domains.jwt_cache.max(self.domains.bundle_refresh) * MISSED_LOOKS,
            Purpose::X509Ca => self.domains.bundle_refresh * MISSED_LOOKS,
        }
    }
}

/// When a certificate authority is too near its end: five sixths of its time are over. What it signs ends with it, so that
/// its last SVIDs would be short.
pub(super) fn worn_at(life: &Life) -> Option<Timestamp> {
    let ends_at = life.ends_at?;
    let time = u64::try_from(ends_at.seconds_since(life.created_at)).unwrap_or_default();
    Some(life.created_at.plus(Duration::from_secs(time / 6 * 5)))
}

/// A reader whose look fails looks again at the next interval. SPIFFE Trust Domain and Bundle section 5.1 recommends that
/// keys are published three to five refresh hints before their first use; clouds keep key sets for longer than they are told.
const MISSED_LOOKS: u32 = 3;
