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
    /// Where it stands in its life.
    pub state: String,
    /// When it was made, Unix seconds.
    pub created_at: i64,
    /// When it began or will begin to sign, Unix seconds.
    pub activated_at: Option<i64>,
    /// When it stops to be published, Unix seconds.
    pub retires_at: Option<i64>,
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
}

/// One step.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// Adds a key.
    Insert(SigningKey),
    /// Moves a key on in its life.
    Move {
        /// The key.
        id: String,
        /// Its new state.
        state: String,
        /// Replaces what was there.
        activated_at: Option<i64>,
        /// Replaces what was there.
        retires_at: Option<i64>,
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

/// The columns of a key, in the order in which every statement names them.
pub(crate) type Columns = (String, String, String, String, Vec<u8>, String, String, i64, Option<i64>, Option<i64>);

// === impl SigningKey ===

impl From<Columns> for SigningKey {
    fn from(columns: Columns) -> Self {
        let (id, purpose, algorithm, public_jwk, wrapped, kek_id, state, created_at, activated_at, retires_at) =
            columns;
        Self { id, purpose, algorithm, public_jwk, wrapped, kek_id, state, created_at, activated_at, retires_at }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .field("purpose", &self.purpose)
            .field("state", &self.state)
            .field("wrapped", &"[redacted]")
            .finish_non_exhaustive()
    }
}
