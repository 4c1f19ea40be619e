//! A batch: records that were committed together, and their place in a chain.

use super::chain::ChainId;
use super::digest::{BATCH_TAG, sha256};
use super::record::{self, Content, Frames, Record, Unreadable};

/// The most records in one batch.
pub const MAX_BATCH_RECORDS: usize = 512;

/// The most bytes in one batch; a single record beside it may pass it by its own framing.
pub const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// One batch, as it is stored. Its fields are claims until [`Verifier`](super::Verifier) has seen them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The chain that it belongs to.
    pub chain: ChainId,
    /// Its place in the chain, from 1.
    pub number: i64,
    /// When it was written, Unix seconds.
    pub written_at: i64,
    /// How many records it holds.
    pub records: i64,
    /// How many bytes `body` has.
    pub bytes: i64,
    /// The hash of the batch before it, or of the chain's beginning.
    pub previous: [u8; 32],
    /// Its own hash: over the chain, its place, time, count, length, `previous` and `body`.
    pub hash: [u8; 32],
    /// The first four bytes of each record's id, in order.
    pub summary: Vec<u8>,
    /// The erasable values, or nothing when there are none or they were erased.
    pub erasable: Option<Vec<u8>>,
    /// The records, each behind its length.
    pub body: Vec<u8>,
}

/// Where the next batch of a chain goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tail {
    pub(crate) chain: ChainId,
    pub(crate) number: i64,
    pub(crate) hash: [u8; 32],
}

// === impl Batch ===

impl Batch {
    /// The records that it holds, in the order in which they were written.
    pub fn read(&self) -> Result<Vec<Record>, Unreadable> {
        let framed = record::read(&self.body, self.erasable.as_deref())?;
        Ok(framed.iter().map(|one| one.to_record()).collect())
    }

    /// The hash that it would have in another place: in `chain` as number `number`.
    pub(super) fn hash_at(&self, chain: ChainId, number: i64, body: &[u8; 32]) -> [u8; 32] {
        let text = [
            BATCH_TAG,
            &chain.0,
            &number.to_be_bytes(),
            &self.written_at.to_be_bytes(),
            &self.records.to_be_bytes(),
            &self.bytes.to_be_bytes(),
            &self.previous,
            body,
        ];
        sha256(&text.concat())
    }

    fn seal(tail: &Tail, written_at: i64, frames: Frames) -> Self {
        let Frames { records, body, erasable, summary } = frames;
        let mut batch = Self {
            chain: tail.chain,
            number: tail.number + 1,
            written_at,
            records,
            bytes: body.len() as i64,
            previous: tail.hash,
            hash: [0; 32],
            summary,
            erasable: (!erasable.is_empty()).then_some(erasable),
            body,
        };
        batch.hash = batch.hash_at(batch.chain, batch.number, &sha256(&batch.body));
        batch
    }
}

// === impl Tail ===

impl Tail {
    /// The tail once `batch` is there.
    pub(crate) fn after(batch: &Batch) -> Self {
        Self { chain: batch.chain, number: batch.number, hash: batch.hash }
    }
}

/// Packs records into as few batches as the limits allow, each linked to the one before. No record makes no batch.
pub(crate) fn pack<'r>(
    tail: Tail,
    written_at: i64,
    records: impl Iterator<Item = (&'r [u8; 16], &'r Content)>,
) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut tail = tail;
    let mut frames = Frames::default();
    for (id, content) in records {
        let size = frames.body.len() + frames.erasable.len() + content.size();
        if frames.records as usize == MAX_BATCH_RECORDS || (frames.records > 0 && size > MAX_BATCH_BYTES) {
            let batch = Batch::seal(&tail, written_at, std::mem::take(&mut frames));
            tail = Tail::after(&batch);
            batches.push(batch);
        }
        frames.push(id, content);
    }
    if frames.records > 0 {
        batches.push(Batch::seal(&tail, written_at, frames));
    }
    batches
}

#[cfg(test)]
mod tests {
    use accredit_id::hex;

    use super::*;

    const TAIL: Tail = Tail { chain: ChainId([7; 16]), number: 4, hash: [5; 32] };

    fn packed(sizes: &[usize]) -> Vec<Batch> {
        let records: Vec<_> = sizes.iter().map(|size| ([1; 16], Content::from(vec![0; *size]))).collect();
        pack(TAIL, 100, records.iter().map(|(id, content)| (id, content)))
    }

    #[test]
    fn records_are_packed_within_the_limits() {
        let counts = |sizes: &[usize]| packed(sizes).iter().map(|batch| batch.records).collect::<Vec<_>>();
        assert!(packed(&[]).is_empty());
        assert_eq!(counts(&[0]), [1]);
        assert_eq!(counts(&[1; 512]), [512]);
        assert_eq!(counts(&[1; 1025]), [512, 512, 1]);
        assert_eq!(counts(&[MAX_BATCH_BYTES, 1, MAX_BATCH_BYTES]), [1, 1, 1]);
        assert_eq!(counts(&[MAX_BATCH_BYTES / 2, MAX_BATCH_BYTES / 4, MAX_BATCH_BYTES / 2]), [2, 1]);
    }

    #[test]
    fn batches_are_linked() {
        let batches = packed(&[1; 1025]);
        assert_eq!(batches[0].previous, TAIL.hash);
        assert_eq!(batches.iter().map(|batch| batch.number).collect::<Vec<_>>(), [5, 6, 7]);
        assert_eq!(batches[1].previous, batches[0].hash);
        assert_eq!(batches[2].previous, batches[1].hash);
    }

    /// Written down once: a chain that was written by an older version must verify for ever.
    #[test]
    fn the_hash_never_changes() {
        assert_eq!(
            hex::encode(&packed(&[3])[0].hash),
            "7ae2bc169192921222d08a3d5598ebc1357ca36a91feb8685af16fa6b3a8ac8a"
        );
    }
}
