//! Tokens that are revoked before their end.

use crate::audit::NewRecord;

/// A token that is revoked, with its record.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// The decision that issued it.
    pub decision: [u8; 16],
    /// When it ends by itself, Unix seconds.
    pub expires_at: i64,
    /// What is put down about it in the log.
    pub record: NewRecord,
}

/// A token that was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokedToken {
    /// The decision that issued it.
    pub decision: [u8; 16],
    /// When it ends by itself, Unix seconds.
    pub expires_at: i64,
}
