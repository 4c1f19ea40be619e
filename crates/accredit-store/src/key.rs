//! Signing keys as the store sees them: the private half only ever in a wrapping that the store cannot open.

use std::fmt;

use crate::audit::NewRecord;

/// A signing key.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its id: what a token names as `kid`.
    pub id: String,
    /// What it signs.
    pub purpose: String,
    /// Its JOSE algorithm.
    pub algorithm: String,
    /// Its public half, a JWK.
    pub public_jwk: String,
    /// Its private half, encrypted.
    pub wrapped: Vec<u8>,
    /// The key that encrypted it.
    pub kek_id: String,
    /// The id of the trust domain that it signs for, where it signs for one.
    pub domain: Option<String>,
    /// The certificates of an authority, DER, one behind the other: its own first, what everybody trusts last.
    pub chain: Option<Vec<u8>>,
    /// Counts the moves in its life: whoever moves it on says which he has seen.
    pub revision: i64,
    /// Where it stands in its life.
    pub life: KeyLife,
}

/// Where a key stands in its life. Times are Unix seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyLife {
    /// Its state.
    pub state: String,
    /// When it was made.
    pub created_at: i64,
    /// When it was published.
    pub published_at: Option<i64>,
    /// When it began to sign.
    pub activated_at: Option<i64>,
    /// When it stopped to sign.
    pub retired_at: Option<i64>,
    /// When it stops, or stopped, to be published.
    pub leaves_at: Option<i64>,
    /// When somebody said that it has signed long enough.
    pub due_at: Option<i64>,
    /// When somebody said that others may know its private half.
    pub tainted_at: Option<i64>,
    /// How long the longest token lives that it may have signed, seconds.
    pub longest_token: i64,
    /// The sequence of the bundle that it came with, or with which it left; of keys of trust domains.
    pub bundle: Option<i64>,
}

/// What is done to keys in one go: all of it with its records, or nothing.
#[derive(Clone, Default)]
pub struct KeyDeed {
    /// The steps, in order.
    pub changes: Vec<KeyChange>,
    /// Whether tokens of before must be decided again, as after a key was compromised.
    pub revokes: bool,
    /// What is put down about it in the log. Never empty.
    pub records: Vec<NewRecord>,
    /// The sequence that it was decided on, where it rests on what was not there. When the store has gone on since, nothing
    /// is done.
    pub expected_sequence: Option<i64>,
}

/// One step.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// Adds a key.
    Insert(SigningKey),
    /// Moves a key on in its life, if nobody else did since its `revision` was read.
    Move {
        /// The key.
        id: String,
        /// Its revision, as it was read.
        revision: i64,
        /// Replaces what was there.
        life: KeyLife,
    },
    /// Takes a key out as though it had never been: for a store that begins anew.
    Remove {
        /// The key.
        id: String,
    },
    /// Replaces the encrypted key of the seals: the same one, wrapped by another key.
    RewrapSeals {
        /// The key, encrypted anew.
        wrapped: Vec<u8>,
        /// The key that encrypted it.
        kek_id: String,
    },
    /// Replaces the encrypted private half: wrapped by another key, or empty when the key is never to sign again.
    Rewrap {
        /// The key.
        id: String,
        /// The private half, encrypted anew.
        wrapped: Vec<u8>,
        /// The key that encrypted it.
        kek_id: String,
    },
}

/// The columns of a key, in the order in which every statement names them. A tuple has sixteen at most.
pub(crate) type Columns = (
    String,
    String,
    String,
    String,
    Vec<u8>,
    String,
    i64,
    String,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    i64,
);

/// The columns of a key that only those of trust domains have: its id, the domain, the chain, the bundle.
pub(crate) type DomainColumns = (String, Option<String>, Option<Vec<u8>>, Option<i64>);

// === impl KeyChange ===

impl KeyChange {
    /// The signing key that it changes.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Insert(key) => Some(&key.id),
            Self::Move { id, .. } | Self::Remove { id } | Self::Rewrap { id, .. } => Some(id),
            Self::RewrapSeals { .. } => None,
        }
    }
}

// === impl SigningKey ===

impl From<Columns> for SigningKey {
    fn from(columns: Columns) -> Self {
        let (id, purpose, algorithm, public_jwk, wrapped, kek_id, revision, ..) = columns;
        let (
            ..,
            state,
            created_at,
            published_at,
            activated_at,
            retired_at,
            leaves_at,
            due_at,
            tainted_at,
            longest_token,
        ) = columns;
        let life = KeyLife {
            state,
            created_at,
            published_at,
            activated_at,
            retired_at,
            leaves_at,
            due_at,
            tainted_at,
            longest_token,
            bundle: None,
        };
        Self { id, purpose, algorithm, public_jwk, wrapped, kek_id, domain: None, chain: None, revision, life }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .field("purpose", &self.purpose)
            .field("state", &self.life.state)
            .field("wrapped", &"[redacted]")
            .finish_non_exhaustive()
    }
}
