//! The hash under the chain: SHA-256 over texts that cannot be mistaken for one another.
//!
//! Each text begins with a tag of its own, and every member after it has a fixed width or is last. So no two different
//! values, of one kind or of two, ever give the same text to hash.

pub(super) use accredit_id::digest::sha256;

pub(super) const BATCH_TAG: &[u8] = b"accredit audit batch 1\n";
pub(super) const CHAIN_BESIDE_TAG: &[u8] = b"accredit audit chain beside 1\n";
pub(super) const CHAIN_TAG: &[u8] = b"accredit audit chain 1\n";
pub(super) const CHECKPOINT_TAG: &[u8] = b"accredit audit checkpoint 1\n";
pub(super) const HEAD_TAG: &[u8] = b"accredit audit head 1\n";
pub(super) const VALUE_TAG: &[u8] = b"accredit audit value 1\n";
