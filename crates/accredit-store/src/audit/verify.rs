//! Verifies a log, batch by batch and in little memory, and names each place where it is not what was written.
//!
//! What it can find without any key: whatever was altered, moved, taken out or put in without rewriting every hash behind
//! it. What it finds through signed heads: a chain rewritten in whole, or cut off at its end. What nobody can find: what
//! was written after the newest signed head and rewritten since; [`Verification::uncovered`] counts it.

use std::collections::{BTreeMap, HashMap};

use super::batch::Batch;
use super::breaks::Break;
use super::chain::{ChainId, Origin, SignedCheckpoint, SignedHead};
use super::digest::sha256;
use super::record;

/// The most breaks that are listed; the others are counted.
pub const MAX_LISTED_BREAKS: usize = 1000;

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Chains seen.
    pub chains: u64,
    /// Batches seen.
    pub batches: u64,
    /// Records that those batches count.
    pub records: u64,
    /// Heads whose signature holds and whose hash is the batch's.
    pub heads: u64,
    /// Records that no signed head covers yet.
    pub uncovered: u64,
    /// Records whose erasable value was erased.
    pub erased: u64,
    /// Records that were removed behind signed checkpoints, by what these say.
    pub removed: u64,
    /// The breaks, in the order of the log; at most [`MAX_LISTED_BREAKS`].
    pub breaks: Vec<Break>,
    /// Breaks beyond those that are listed.
    pub omitted: u64,
}

/// Verifies as it reads. After [`Verifier::next_chain`] it is told that chain's heads and batches; at the end it is asked.
#[derive(Debug)]
pub struct Verifier<'h, F> {
    origins: Vec<Origin>,
    next: usize,
    outside: &'h [SignedHead],
    verify_signature: F,
    walk: Option<Walk>,
    ends: HashMap<ChainId, End>,
    found: Verification,
}

/// The chain that is being read.
#[derive(Debug)]
struct Walk {
    origin: Origin,
    last: i64,
    /// What the next batch must name; `None` behind a place that is broken already.
    link: Option<[u8; 32]>,
    last_hash: [u8; 32],
    heads: BTreeMap<i64, Vec<[u8; 32]>>,
    /// Places that chains beside this one say it had come to, and what they saw there.
    seen: BTreeMap<i64, Vec<([u8; 32], ChainId)>>,
}

#[derive(Clone, Copy, Debug)]
struct End {
    last: i64,
    hash: [u8; 32],
}

/// Verifies a whole log that is at hand: its chains in the order in which they were opened, their batches in order.
///
/// `verify_signature` says whether a head's signature holds over [`Head::message`](super::Head::message).
pub fn verify(
    origins: Vec<Origin>,
    batches: impl IntoIterator<Item = Batch>,
    heads: &[SignedHead],
    verify_signature: impl FnMut(&SignedHead) -> bool,
) -> Verification {
    let mut verifier = Verifier::new(origins, heads, verify_signature);
    let mut chain = verifier.next_chain();
    for batch in batches {
        while chain.is_some_and(|chain| chain != batch.chain) {
            chain = verifier.next_chain();
        }
        verifier.batch(&batch);
    }
    verifier.finish()
}

// === impl Verification ===

impl Verification {
    /// Whether nothing was tampered with, as far as that can be seen.
    pub fn is_intact(&self) -> bool {
        self.breaks.is_empty()
    }

    fn add(&mut self, broken: Break) {
        if self.is_full() {
            self.omitted += 1;
        } else {
            self.breaks.push(broken);
        }
    }

    fn is_full(&self) -> bool {
        self.breaks.len() >= MAX_LISTED_BREAKS
    }
}

// === impl Verifier ===

impl<'h, F: FnMut(&SignedHead) -> bool> Verifier<'h, F> {
    /// Begins a verification of chains in the order in which they were opened. `outside` are heads that were kept
    /// elsewhere than in the store, and are checked like the store's own.
    pub fn new(origins: Vec<Origin>, outside: &'h [SignedHead], verify_signature: F) -> Self {
        Self {
            origins,
            next: 0,
            outside,
            verify_signature,
            walk: None,
            ends: HashMap::new(),
            found: Verification::default(),
        }
    }

    /// Ends the chain that was being read and goes on to the next one; `None` when there is none left.
    pub fn next_chain(&mut self) -> Option<ChainId> {
        let before = self.end_chain();
        let origin = self.origins.get(self.next)?.clone();
        self.next += 1;
        self.found.chains += 1;
        self.begin(&origin, before);
        let chain = origin.chain;
        let hash = origin.hash;
        let mut seen = BTreeMap::<_, Vec<_>>::new();
        for later in self.origins.iter().skip(self.next).filter(|later| later.beside) {
            if let Some(link) = later.follows.filter(|link| link.chain == chain) {
                seen.entry(link.number).or_default().push((link.hash, later.chain));
            }
        }
        for (_, later) in seen.remove(&0).into_iter().flatten().filter(|(saw, _)| *saw != hash) {
            self.found.add(Break::ChainUnlinked { chain: later });
        }
        self.walk = Some(Walk { origin, last: 0, link: Some(hash), last_hash: hash, heads: BTreeMap::new(), seen });
        for head in self.outside.iter().filter(|signed| signed.head.chain == chain) {
            self.head(head);
        }
        Some(chain)
    }

    /// Tells a signed head of the chain that is being read. It must come before the batch that it names: a head of a
    /// batch that has gone by cannot be compared any more and counts as one that disagrees.
    pub fn head(&mut self, signed: &SignedHead) {
        let head = &signed.head;
        if !(self.verify_signature)(signed) {
            let key_id = signed.key_id.clone();
            self.found.add(Break::HeadForged { chain: head.chain, number: head.number, key_id });
            return;
        }
        let Some(walk) = self.walk.as_mut().filter(|walk| walk.origin.chain == head.chain) else {
            self.found.add(Break::ChainMissing { chain: head.chain });
            return;
        };
        if head.number > walk.last {
            walk.heads.entry(head.number).or_default().push(head.hash);
        } else if head.number == walk.last && head.hash == walk.last_hash {
            self.found.heads += 1;
            self.found.uncovered = 0;
        } else {
            self.found.add(Break::HeadDisagrees { chain: head.chain, number: head.number });
        }
    }

    /// Tells where the chain that is being read begins since its oldest batches were removed. It must come before the batches,
    /// and before the store's own heads.
    pub fn checkpoint(&mut self, signed: &SignedCheckpoint) {
        let checkpoint = &signed.checkpoint;
        let (chain, number) = (checkpoint.chain, checkpoint.number);
        if !(self.verify_signature)(&signed.as_head()) {
            self.found.add(Break::CheckpointForged { chain, number, key_id: signed.key_id.clone() });
            return;
        }
        let Some(walk) = self.walk.as_mut().filter(|walk| walk.origin.chain == chain) else {
            self.found.add(Break::ChainMissing { chain });
            return;
        };
        (walk.last, walk.link, walk.last_hash) = (number, Some(checkpoint.hash), checkpoint.hash);
        self.found.removed += checkpoint.records.max(0) as u64;
        // Heads that were kept elsewhere, and what chains beside this one saw: of what is gone nothing can be compared but its
        // end.
        let later = walk.heads.split_off(&number.saturating_add(1));
        let ended = std::mem::replace(&mut walk.heads, later).remove(&number).unwrap_or_default();
        for hash in ended {
            if hash == checkpoint.hash {
                self.found.heads += 1;
            } else {
                self.found.add(Break::HeadDisagrees { chain, number });
            }
        }
        let later = walk.seen.split_off(&number.saturating_add(1));
        let ended = std::mem::replace(&mut walk.seen, later).remove(&number).unwrap_or_default();
        for (_, chain) in ended.into_iter().filter(|(hash, _)| *hash != checkpoint.hash) {
            self.found.add(Break::ChainUnlinked { chain });
        }
    }

    /// Reads the next batch of the chain that is being read.
    pub fn batch(&mut self, batch: &Batch) {
        self.found.batches += 1;
        self.found.records += batch.records.max(0) as u64;
        self.found.uncovered += batch.records.max(0) as u64;
        let Some(mut walk) = self.walk.take() else {
            self.found.add(Break::ChainMissing { chain: batch.chain });
            return;
        };
        self.place(&mut walk, batch);
        self.walk = Some(walk);
    }

    /// Ends the verification. Chains that were not asked for by [`Verifier::next_chain`] count as empty.
    pub fn finish(mut self) -> Verification {
        while self.next_chain().is_some() {}
        let missing = |signed: &&SignedHead| !self.ends.contains_key(&signed.head.chain);
        let mut gone: Vec<_> = self.outside.iter().filter(missing).map(|signed| signed.head.chain).collect();
        gone.sort_unstable();
        gone.dedup();
        for chain in gone {
            self.found.add(Break::ChainMissing { chain });
        }
        self.found
    }

    fn begin(&mut self, origin: &Origin, before: Option<ChainId>) {
        let chain = origin.chain;
        if origin.computed_hash() != origin.hash {
            self.found.add(Break::ChainAltered { chain });
            return;
        }
        let Some(link) = origin.follows else {
            if before.is_some() {
                self.found.add(Break::ChainUnlinked { chain });
            }
            return;
        };
        let Some(end) = self.ends.get(&link.chain) else {
            self.found.add(Break::ChainMissing { chain: link.chain });
            return;
        };
        let last = end.last;
        if origin.beside {
            // What it saw of the chain before it was compared there.
            if before != Some(link.chain) {
                self.found.add(Break::ChainUnlinked { chain });
            }
        } else if before != Some(link.chain) || (link.number == last && link.hash != end.hash) {
            self.found.add(Break::ChainUnlinked { chain });
        } else if link.number > last {
            self.truncated(link.chain, last, link.number);
        } else if link.number < last {
            self.found.add(Break::ChainExtended { chain: link.chain, sealed_at: link.number, last });
        }
    }

    fn place(&mut self, walk: &mut Walk, batch: &Batch) {
        let chain = walk.origin.chain;
        let number = batch.number;
        if number <= walk.last {
            self.found.add(Break::BatchRepeated { chain, number });
            return;
        }
        if number > walk.last + 1 {
            self.found.add(Break::BatchesMissing { chain, first: walk.last + 1, last: number - 1 });
            walk.link = None;
        }
        let body = sha256(&batch.body);
        let mut link = Some(batch.hash);
        if batch.hash_at(chain, number, &body) == batch.hash {
            if walk.link.is_some_and(|link| link != batch.previous) {
                self.found.add(Break::BatchUnlinked { chain, number });
            }
            self.contents(chain, batch);
        } else {
            let broken = self.name_of_wrong_hash(chain, batch, &body);
            if !matches!(broken, Break::BatchAltered { .. }) {
                link = None;
            }
            self.found.add(broken);
        }
        self.compare_heads(walk, batch);
        self.compare_seen(walk, batch);
        walk.last = number;
        walk.link = link;
        walk.last_hash = batch.hash;
    }

    /// A hash that is wrong here may be right elsewhere, which tells a batch that was moved from one that was altered.
    fn name_of_wrong_hash(&self, chain: ChainId, batch: &Batch, body: &[u8; 32]) -> Break {
        let number = batch.number;
        if self.found.is_full() {
            return Break::BatchAltered { chain, number };
        }
        let nearby = number.saturating_sub(MOVED_AT_MOST).max(1)..=number.saturating_add(MOVED_AT_MOST);
        for belongs_at in nearby {
            if batch.hash_at(chain, belongs_at, body) == batch.hash {
                return Break::BatchMisplaced { chain, number, belongs_at };
            }
        }
        for from in self.origins.iter().map(|origin| origin.chain).filter(|from| *from != chain) {
            if batch.hash_at(from, number, body) == batch.hash {
                return Break::BatchSpliced { chain, number, from };
            }
        }
        Break::BatchAltered { chain, number }
    }

    fn contents(&mut self, chain: ChainId, batch: &Batch) {
        let number = batch.number;
        let Ok(bare) = record::read(&batch.body, None) else {
            self.found.add(Break::BatchUnreadable { chain, number });
            return;
        };
        if bare.len() as i64 != batch.records || batch.body.len() as i64 != batch.bytes {
            self.found.add(Break::BatchUnreadable { chain, number });
        }
        if !bare.iter().flat_map(|one| record::prefix(&one.id)).eq(&batch.summary) {
            self.found.add(Break::SummaryAltered { chain, number });
        }
        let Some(erasable) = &batch.erasable else {
            self.found.erased += bare.iter().filter(|one| one.is_erased()).count() as u64;
            return;
        };
        let altered: Vec<_> = match record::read(&batch.body, Some(erasable)) {
            Ok(framed) => {
                self.found.erased += framed.iter().filter(|one| one.is_erased()).count() as u64;
                framed.iter().filter(|one| !one.value_holds()).map(|one| one.id).collect()
            }
            Err(record::Unreadable) => bare.iter().take(1).map(|one| one.id).collect(),
        };
        for record in altered {
            self.found.add(Break::ValueAltered { chain, number, record });
        }
    }

    fn compare_heads(&mut self, walk: &mut Walk, batch: &Batch) {
        let later = walk.heads.split_off(&batch.number.saturating_add(1));
        for (number, hashes) in std::mem::replace(&mut walk.heads, later) {
            // A head below this number names a batch that is missing, which was said already.
            for hash in hashes.iter().filter(|_| number == batch.number) {
                if *hash == batch.hash {
                    self.found.heads += 1;
                    self.found.uncovered = 0;
                } else {
                    self.found.add(Break::HeadDisagrees { chain: batch.chain, number });
                }
            }
        }
    }

    fn compare_seen(&mut self, walk: &mut Walk, batch: &Batch) {
        let later = walk.seen.split_off(&batch.number.saturating_add(1));
        for (number, seen) in std::mem::replace(&mut walk.seen, later) {
            for (_, chain) in seen.into_iter().filter(|(hash, _)| number == batch.number && *hash != batch.hash) {
                self.found.add(Break::ChainUnlinked { chain });
            }
        }
    }

    fn end_chain(&mut self) -> Option<ChainId> {
        let walk = self.walk.take()?;
        let chain = walk.origin.chain;
        let (signed, seen) = (walk.heads.last_key_value(), walk.seen.last_key_value());
        if let Some(reached) = signed.map(|(number, _)| *number).max(seen.map(|(number, _)| *number)) {
            self.truncated(chain, walk.last, reached);
        }
        self.ends.insert(chain, End { last: walk.last, hash: walk.last_hash });
        Some(chain)
    }

    fn truncated(&mut self, cut: ChainId, at: i64, reached: i64) {
        for broken in &mut self.found.breaks {
            if let Break::ChainTruncated { chain, seen, .. } = broken
                && *chain == cut
            {
                *seen = reached.max(*seen);
                return;
            }
        }
        self.found.add(Break::ChainTruncated { chain: cut, last: at, seen: reached });
    }
}

/// How far a batch may have been moved and still be told from one that was altered.
const MOVED_AT_MOST: i64 = 1024;
