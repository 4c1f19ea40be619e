//! The ways in which a log can have been tampered with, each by its name.

use std::fmt;

use accredit_id::hex;

use super::chain::ChainId;

/// One place where the log is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Break {
    /// A batch's records, time or counts are not those that its hash covers.
    BatchAltered {
        /// The chain.
        chain: ChainId,
        /// The batch.
        number: i64,
    },
    /// A batch stands where another one was: it was written as number `belongs_at`.
    BatchMisplaced {
        /// The chain.
        chain: ChainId,
        /// Where it stands.
        number: i64,
        /// Where it was written.
        belongs_at: i64,
    },
    /// Two batches claim one place.
    BatchRepeated {
        /// The chain.
        chain: ChainId,
        /// The place.
        number: i64,
    },
    /// A batch was written to another chain.
    BatchSpliced {
        /// The chain in which it stands.
        chain: ChainId,
        /// Where it stands.
        number: i64,
        /// The chain that it was written to.
        from: ChainId,
    },
    /// A batch does not name the hash of the batch before it: one of the two was written anew.
    BatchUnlinked {
        /// The chain.
        chain: ChainId,
        /// The later one of the two.
        number: i64,
    },
    /// A batch's hash holds, yet its body cannot be read as the records that it counts.
    BatchUnreadable {
        /// The chain.
        chain: ChainId,
        /// The batch.
        number: i64,
    },
    /// Batches were taken out of the middle or the beginning.
    BatchesMissing {
        /// The chain.
        chain: ChainId,
        /// The first one that is missing.
        first: i64,
        /// The last one that is missing.
        last: i64,
    },
    /// A chain's beginning is not what its hash covers.
    ChainAltered {
        /// The chain.
        chain: ChainId,
    },
    /// Batches stand behind the place at which the next chain sealed this one.
    ChainExtended {
        /// The chain.
        chain: ChainId,
        /// The last batch when it was sealed.
        sealed_at: i64,
        /// The last batch now.
        last: i64,
    },
    /// A chain that another one or a signed head names is gone.
    ChainMissing {
        /// The chain that is gone.
        chain: ChainId,
    },
    /// A chain does not begin where the one before it ended: one of the two was written anew or put in between.
    ChainUnlinked {
        /// The later one of the two.
        chain: ChainId,
    },
    /// The end of a chain was cut off.
    ChainTruncated {
        /// The chain.
        chain: ChainId,
        /// The last batch that is there.
        last: i64,
        /// The batch that a signed head or the next chain has seen.
        seen: i64,
    },
    /// A checkpoint's signature does not hold: the oldest batches were removed by somebody without the key.
    CheckpointForged {
        /// The chain.
        chain: ChainId,
        /// The last batch that it says was removed.
        number: i64,
        /// The key that it names.
        key_id: String,
    },
    /// A signed head names another hash than the batch has: the chain was written anew up to there.
    HeadDisagrees {
        /// The chain.
        chain: ChainId,
        /// The batch.
        number: i64,
    },
    /// A head's signature does not hold.
    HeadForged {
        /// The chain.
        chain: ChainId,
        /// The batch that it names.
        number: i64,
        /// The key that it names.
        key_id: String,
    },
    /// A batch's summary does not list its records, so that a search would miss them.
    SummaryAltered {
        /// The chain.
        chain: ChainId,
        /// The batch.
        number: i64,
    },
    /// A record's erasable value is not the one that was written.
    ValueAltered {
        /// The chain.
        chain: ChainId,
        /// The batch.
        number: i64,
        /// The record.
        record: [u8; 16],
    },
}

// === impl Break ===

impl Break {
    /// A stable kebab-case name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BatchAltered { .. } => "batch-altered",
            Self::BatchMisplaced { .. } => "batch-misplaced",
            Self::BatchRepeated { .. } => "batch-repeated",
            Self::BatchSpliced { .. } => "batch-spliced",
            Self::BatchUnlinked { .. } => "batch-unlinked",
            Self::BatchUnreadable { .. } => "batch-unreadable",
            Self::BatchesMissing { .. } => "batches-missing",
            Self::ChainAltered { .. } => "chain-altered",
            Self::ChainExtended { .. } => "chain-extended",
            Self::ChainMissing { .. } => "chain-missing",
            Self::ChainTruncated { .. } => "chain-truncated",
            Self::ChainUnlinked { .. } => "chain-unlinked",
            Self::CheckpointForged { .. } => "checkpoint-forged",
            Self::HeadDisagrees { .. } => "head-disagrees",
            Self::HeadForged { .. } => "head-forged",
            Self::SummaryAltered { .. } => "summary-altered",
            Self::ValueAltered { .. } => "value-altered",
        }
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BatchAltered { chain, number } => write!(f, "batch {number} of chain `{chain}` was altered"),
            Self::BatchMisplaced { chain, number, belongs_at } => {
                write!(f, "batch {number} of chain `{chain}` was written as number {belongs_at}")
            }
            Self::BatchRepeated { chain, number } => write!(f, "batch {number} of chain `{chain}` is there twice"),
            Self::BatchSpliced { chain, number, from } => {
                write!(f, "batch {number} of chain `{chain}` was written to chain `{from}`")
            }
            Self::BatchUnlinked { chain, number } => {
                write!(f, "batch {number} of chain `{chain}` does not follow the batch before it")
            }
            Self::BatchUnreadable { chain, number } => {
                write!(f, "batch {number} of chain `{chain}` cannot be read")
            }
            Self::BatchesMissing { chain, first, last } if first == last => {
                write!(f, "batch {first} of chain `{chain}` is missing")
            }
            Self::BatchesMissing { chain, first, last } => {
                write!(f, "batches {first} to {last} of chain `{chain}` are missing")
            }
            Self::ChainAltered { chain } => write!(f, "beginning of chain `{chain}` was altered"),
            Self::ChainExtended { chain, sealed_at, last } => {
                write!(f, "chain `{chain}` was sealed at batch {sealed_at} and now ends at batch {last}")
            }
            Self::ChainMissing { chain } => write!(f, "chain `{chain}` is missing"),
            Self::ChainTruncated { chain, last, seen } => {
                write!(f, "chain `{chain}` ends at batch {last}, but had reached batch {seen}")
            }
            Self::ChainUnlinked { chain } => {
                write!(f, "chain `{chain}` does not begin where the chain before it ended")
            }
            Self::CheckpointForged { chain, number, key_id } => {
                write!(
                    f,
                    "signature by key `{key_id}` over the removal up to batch {number} of chain `{chain}` does not hold"
                )
            }
            Self::HeadDisagrees { chain, number } => {
                write!(f, "batch {number} of chain `{chain}` is not the one whose hash was signed")
            }
            Self::HeadForged { chain, number, key_id } => {
                write!(f, "signature by key `{key_id}` over batch {number} of chain `{chain}` does not hold")
            }
            Self::SummaryAltered { chain, number } => {
                write!(f, "summary of batch {number} of chain `{chain}` was altered")
            }
            Self::ValueAltered { chain, number, record } => {
                let record = hex::encode(record);
                write!(f, "value of record `{record}` in batch {number} of chain `{chain}` was altered")
            }
        }
    }
}
