//! What the road leaves behind: the record of a decision, and the mark that its evidence is spent.

use crate::audit::Content;
use crate::pin::NamePin;

/// How long a mark stays behind the expiry of what it marks, in seconds. INVARIANT: longer than any leeway of a provider and
/// any clock difference that two servers may show, together; shorter, and a captured token could be spent again in the gap.
pub const MARK_MARGIN: i64 = 120;

/// A decision to be recorded before it is answered.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The decision's id: 128 random bits.
    pub id: [u8; 16],
    /// What is put down about it.
    pub record: Content,
    /// What it spends, when its evidence may be spent once only.
    pub mark: Option<Mark>,
    /// The proof of possession that it was asked with, where servers of a store remember those together. Claimed with its record, or
    /// not at all.
    pub proof: Option<Mark>,
    /// What is put down instead when the evidence was spent before; `None` puts down nothing then.
    pub if_replayed: Option<Content>,
    /// Names that it lets in for the first time. Written with its record, or not at all.
    pub pins: Vec<NamePin>,
    /// The decisions of tokens that it rests on: none of them may be revoked. Need not be said where nobody else writes to the
    /// store, since its one writer knows what it revoked.
    pub rests_on: Vec<[u8; 16]>,
    /// [`Head::revocation`] as the decision saw it. `i64::MAX` for a refusal, which no revocation makes wrong.
    pub decided_on: i64,
}

/// Evidence that is spent by being used; so is a proof of possession, under a name that no provider has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The id of the provider: two providers may use the same token id.
    pub provider: String,
    /// A hash of the token's id.
    pub token: [u8; 32],
    /// When the token was issued, at the earliest, Unix seconds: it cannot have been spent before. `i64::MAX` for what cannot be of
    /// before a restore.
    pub issued_at: i64,
    /// When the token expires, Unix seconds.
    pub expires_at: i64,
    /// What the use is bound to: a hash of the presenter's key and the target. A later use that is bound to the same is
    /// not a replay. `None`: any later use is one.
    pub same: Option<[u8; 32]>,
}

/// What became of the entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// One outcome for each entry, in their order.
    pub outcomes: Vec<EntryOutcome>,
    /// What the names that the entries wanted to pin are pinned to now, by whomever. Empty when none wanted to.
    pub pins: Vec<NamePin>,
}

/// What became of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryOutcome {
    /// Its record is on the disk: answer.
    Recorded,
    /// Its evidence was spent before; `if_replayed` is on the disk, where there was one: refuse.
    Replayed {
        /// Who spent it. `None` when it only may have been spent: what was spent at its time is not known any more.
        first: Option<FirstUse>,
    },
    /// Its proof was shown before, and nothing of it was written: refuse.
    ProofShown,
    /// Something was revoked since it was decided, or a token that it rests on, or a name of it was pinned to another id, and
    /// nothing of it was written: decide again.
    Stale,
}

/// How a piece of evidence was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstUse {
    /// In which decision.
    pub decision: [u8; 16],
    /// When its record was written, Unix seconds.
    pub at: i64,
}
