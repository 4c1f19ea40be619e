//! Follows one chain from its beginning, batch by batch, and stops at the first that is not what was written.
//!
//! For whoever acts on the log and must not act on what somebody else wrote; [`Verifier`](super::Verifier) names every place.

use super::batch::{Batch, Tail};
use super::breaks::Break;
use super::chain::{Checkpoint, Head, Origin};
use super::digest::sha256;

/// How far a chain was followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thread {
    tail: Tail,
    records: i64,
}

// === impl Thread ===

impl Thread {
    /// Begins where the chain does.
    pub(crate) fn from_origin(origin: &Origin) -> Result<Self, Break> {
        let Origin { chain, hash, .. } = *origin;
        if origin.computed_hash() != hash {
            return Err(Break::ChainAltered { chain });
        }
        Ok(Self { tail: Tail { chain, number: 0, hash }, records: 0 })
    }

    /// Begins where the chain does since its oldest batches were removed. That the checkpoint's signature holds was seen before.
    pub(crate) fn from_checkpoint(checkpoint: &Checkpoint) -> Self {
        let Checkpoint { chain, number, hash, records, .. } = *checkpoint;
        Self { tail: Tail { chain, number, hash }, records }
    }

    /// Where it has come to.
    pub(crate) fn tail(&self) -> Tail {
        self.tail
    }

    /// Goes on to the next batch.
    pub(crate) fn follow(&mut self, batch: &Batch) -> Result<(), Break> {
        let (chain, number) = (self.tail.chain, batch.number);
        let next = self.tail.number + 1;
        if number < next {
            return Err(Break::BatchRepeated { chain, number });
        }
        if number > next {
            return Err(Break::BatchesMissing { chain, first: next, last: number - 1 });
        }
        if batch.hash_at(chain, number, &sha256(&batch.body)) != batch.hash {
            return Err(Break::BatchAltered { chain, number });
        }
        if batch.previous != self.tail.hash {
            return Err(Break::BatchUnlinked { chain, number });
        }
        self.tail = Tail::after(batch);
        self.records += batch.records;
        Ok(())
    }

    /// Compares with a head of where it has come to, whose signature holds.
    pub(crate) fn meet(&self, head: &Head) -> Result<(), Break> {
        let Tail { chain, number, hash } = self.tail;
        if (head.chain, head.number, head.hash) == (chain, number, hash) {
            Ok(())
        } else {
            Err(Break::HeadDisagrees { chain, number })
        }
    }

    /// The checkpoint of everything up to here.
    pub(crate) fn checkpoint(&self, signed_at: i64) -> Checkpoint {
        let Tail { chain, number, hash } = self.tail;
        Checkpoint { chain, number, hash, records: self.records, signed_at }
    }
}
