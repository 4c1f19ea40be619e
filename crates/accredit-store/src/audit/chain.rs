//! A chain: all batches of one process, from its start on, and what it was started behind.

use std::fmt;

use accredit_id::hex;

use super::digest::{CHAIN_BESIDE_TAG, CHAIN_TAG, CHECKPOINT_TAG, HEAD_TAG, sha256};

/// The name of a chain: 128 random bits, made by the process that writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId(pub [u8; 16]);

/// The beginning of a chain. It stands where a batch number 0 would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The chain.
    pub chain: ChainId,
    /// When it was opened, Unix seconds.
    pub opened_at: i64,
    /// The end of the chain before it, at that moment. `None` for the first chain of a store.
    pub follows: Option<Link>,
    /// Whether the chain before it may go on, because several servers write at the same time. Otherwise that chain is sealed:
    /// nothing may be added behind that place any more.
    pub beside: bool,
    /// The hash over all of this, which the first batch names as its `previous`.
    pub hash: [u8; 32],
}

/// The end of another chain, at the moment when a new one was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The other chain.
    pub chain: ChainId,
    /// The number of its last batch; 0 when it had none.
    pub number: i64,
    /// The hash of that batch, or of the chain's beginning.
    pub hash: [u8; 32],
}

/// How far a chain had come at some moment: what is signed, so that cutting the chain shorter shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The chain.
    pub chain: ChainId,
    /// The number of its last batch; 0 when it had none.
    pub number: i64,
    /// The hash of that batch, or of the chain's beginning.
    pub hash: [u8; 32],
    /// When it was signed, Unix seconds.
    pub signed_at: i64,
}

/// A head with its signature. Whether the signature holds is the server's to say: this crate holds no keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// What was signed.
    pub head: Head,
    /// The key that signed it.
    pub key_id: String,
    /// The signature over [`Head::message`].
    pub signature: Vec<u8>,
}

/// Where a chain begins since its oldest batches were removed. Signed, since whoever could write one himself could cut the
/// chain as he likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The chain.
    pub chain: ChainId,
    /// The last batch that was removed.
    pub number: i64,
    /// Its hash, which the next batch names as its `previous`.
    pub hash: [u8; 32],
    /// How many records were removed up to there, by all removals together.
    pub records: i64,
    /// When it was signed, Unix seconds.
    pub signed_at: i64,
}

/// A checkpoint with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// The key that signed it.
    pub key_id: String,
    /// The signature over the [`message`](Head::message) of [`Checkpoint::to_sign`].
    pub signature: Vec<u8>,
}

// === impl ChainId ===

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

// === impl Origin ===

impl Origin {
    pub(crate) fn new(chain: ChainId, opened_at: i64, follows: Option<Link>, beside: bool) -> Self {
        let mut origin = Self { chain, opened_at, follows, beside, hash: [0; 32] };
        origin.hash = origin.computed_hash();
        origin
    }

    /// The hash that its fields give.
    pub(super) fn computed_hash(&self) -> [u8; 32] {
        let tag = if self.beside { CHAIN_BESIDE_TAG } else { CHAIN_TAG };
        let mut text = [tag, &self.chain.0, &self.opened_at.to_be_bytes()].concat();
        if let Some(link) = &self.follows {
            text.extend_from_slice(&link.chain.0);
            text.extend_from_slice(&link.number.to_be_bytes());
            text.extend_from_slice(&link.hash);
        }
        sha256(&text)
    }
}

// === impl Head ===

impl Head {
    /// The bytes that a key signs: every field, behind a tag that no other signed text of the product begins with.
    pub fn message(&self) -> Vec<u8> {
        let Self { chain, number, hash, signed_at } = self;
        [HEAD_TAG, &chain.0, &number.to_be_bytes(), hash, &signed_at.to_be_bytes()].concat()
    }
}

// === impl Checkpoint ===

impl Checkpoint {
    /// What a key signs: a head with a hash of its own. No batch has that hash, so a checkpoint never passes for a signed head
    /// nor a signed head for a checkpoint: somebody without the key cannot make one out of what is there.
    pub fn to_sign(&self) -> Head {
        let Self { chain, number, hash, records, signed_at } = *self;
        let hash = sha256(&[CHECKPOINT_TAG, &hash, &records.to_be_bytes()].concat());
        Head { chain, number, hash, signed_at }
    }
}

// === impl SignedCheckpoint ===

impl SignedCheckpoint {
    /// The same as a signed head, to have its signature verified.
    pub fn as_head(&self) -> SignedHead {
        let Self { checkpoint, key_id, signature } = self;
        SignedHead { head: checkpoint.to_sign(), key_id: key_id.clone(), signature: signature.clone() }
    }
}
