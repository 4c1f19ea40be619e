//! Decisions of the past, decided again on the world in force and on the world as a change would make it.
//!
//! A record keeps the claims that its provider audits and the names of the others. Records are grouped by what any mapping
//! reads of them, so that a thousand tokens of one branch are one subject; each subject is decided twice. Where a mapping
//! reads a claim whose value was not kept, the answer may be that it is not known, and never a guess.
//!
//! Times are not decided again: every token counts as one that is valid now.

mod identities;
mod judge;
mod reads;
mod subject;

use std::collections::BTreeMap;

use accredit_id::digest::sha256;
use accredit_id::time::Timestamp;

use crate::decide::Limits;
use crate::model::{DecisionId, Id};
use crate::world::World;
pub use identities::{Again, ChangedIdentity, IdentityReplay, IdentityReport, RecordedIdentity, again};
use judge::{Judged, judge, same_whatever_is_missing};
use reads::Reads;
pub use subject::{Recorded, Subject};

/// A change as it is tried on the past.
pub struct Replay<'w> {
    before: &'w World,
    after: &'w World,
    limits: &'w Limits,
    now: Timestamp,
    reads: BTreeMap<Id, Reads>,
    seen: BTreeMap<[u8; 32], Place>,
    tallies: [Tally; What::ALL.len()],
    records: u64,
    left_out: u64,
    changed: Vec<Changed>,
}

/// What became of a subject that was seen before.
#[derive(Clone, Copy)]
enum Place {
    /// Nothing changes for it.
    Same,
    /// It is in the list.
    Listed(usize),
    /// The list was full.
    Counted(What),
}

/// How a subject fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Denied now, allowed after the change.
    NewlyAllowed,
    /// Allowed now, denied after the change.
    NewlyDenied,
    /// Allowed both times, but by another mapping or to something else.
    Otherwise,
    /// A claim that decides it is not in its records.
    Unknown,
}

/// How many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Different subjects.
    pub subjects: u64,
    /// Their decisions.
    pub records: u64,
}

/// One subject for whom the change matters.
#[derive(Clone, Debug)]
pub struct Changed {
    /// How it matters.
    pub what: What,
    /// Who, and what was asked for.
    pub subject: Subject,
    /// How many decisions there were about it.
    pub records: u64,
    /// When the latest was made.
    pub last: Timestamp,
    /// The latest.
    pub decision: DecisionId,
    /// In force.
    pub before: Side,
    /// After the change.
    pub after: Side,
}

/// What one of the worlds decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Allowed, denied, or `None` where it is not known.
    pub allowed: Option<bool>,
    /// The mapping that allows it, or those that would have to be known.
    pub mappings: Vec<String>,
    /// The service account.
    pub account: Option<String>,
    /// The API.
    pub api: Option<String>,
    /// Permissions, as a scope.
    pub scope: Option<String>,
    /// Seconds that the token would live.
    pub lifetime: Option<u64>,
    /// The reason's code.
    pub reason: Option<&'static str>,
    /// Seen and expected, for the operator.
    pub summary: String,
    /// Claims that are not in the records and decide it.
    pub claims: Vec<String>,
}

/// What a change would mean.
#[derive(Debug)]
pub struct Report {
    /// Decisions looked at.
    pub records: u64,
    /// Different subjects among them.
    pub subjects: u64,
    /// Decisions of subjects beyond those that can be kept apart.
    pub left_out: u64,
    /// How many of each.
    pub tallies: [(What, Tally); 4],
    /// The commonest of each, in the order of [`What`].
    pub changed: Vec<Changed>,
}

// === impl Replay ===

impl<'w> Replay<'w> {
    /// A change from one world to another, tried on nothing yet.
    pub fn new(before: &'w World, after: &'w World, limits: &'w Limits, now: Timestamp) -> Self {
        Self {
            before,
            after,
            limits,
            now,
            reads: BTreeMap::new(),
            seen: BTreeMap::new(),
            tallies: [Tally::default(); What::ALL.len()],
            records: 0,
            left_out: 0,
            changed: Vec::new(),
        }
    }

    /// Takes one record in, newest first. Keeps nothing of it but a digest, unless the change matters for it.
    pub fn take(&mut self, recorded: &Recorded<'_>) {
        self.records += 1;
        let worlds = [self.before, self.after];
        let reads = self.reads.entry(recorded.provider).or_insert_with(|| Reads::of(recorded.provider, worlds));
        let subject = Subject::of(recorded, reads);
        let key = sha256(subject.key().as_bytes());
        match self.seen.get(&key) {
            Some(Place::Same) => {}
            Some(Place::Counted(what)) => self.tallies[*what as usize].records += 1,
            Some(Place::Listed(place)) => {
                if let Some(changed) = self.changed.get_mut(*place) {
                    changed.records += 1;
                    self.tallies[changed.what as usize].records += 1;
                }
            }
            None if self.seen.len() >= MOST_SUBJECTS => self.left_out += 1,
            None => {
                let place = self.judge(subject, recorded);
                self.seen.insert(key, place);
            }
        }
    }

    /// What was found; of each kind of change the `top` commonest subjects.
    pub fn finish(mut self, top: usize) -> Report {
        self.changed.sort_by(|one, two| (one.what, two.records, two.last).cmp(&(two.what, one.records, one.last)));
        let mut shown = [0; What::ALL.len()];
        self.changed.retain(|changed| {
            shown[changed.what as usize] += 1;
            shown[changed.what as usize] <= top
        });
        for changed in &mut self.changed {
            let Changed { subject, before, after, .. } = changed;
            for (side, world) in [(before, self.before), (after, self.after)] {
                *side = judge(subject, world, self.limits, self.now).told(subject, world, self.limits, self.now);
            }
        }
        Report {
            records: self.records,
            subjects: self.seen.len() as u64,
            left_out: self.left_out,
            tallies: What::ALL.map(|what| (what, self.tallies[what as usize])),
            changed: self.changed,
        }
    }

    fn judge(&mut self, subject: Subject, recorded: &Recorded<'_>) -> Place {
        let before = judge(&subject, self.before, self.limits, self.now);
        let after = judge(&subject, self.after, self.limits, self.now);
        let what = match (&before, &after) {
            (Judged::Denied(_), Judged::Denied(_)) => return Place::Same,
            (Judged::Denied(_), Judged::Allowed(_)) => What::NewlyAllowed,
            (Judged::Allowed(_), Judged::Denied(_)) => What::NewlyDenied,
            (Judged::Allowed(one), Judged::Allowed(two)) if judge::is_same(one, two) => return Place::Same,
            (Judged::Allowed(_), Judged::Allowed(_)) => What::Otherwise,
            (Judged::Unknown(one), Judged::Unknown(two))
                if same_whatever_is_missing(one, two, &subject, [self.before, self.after], self.limits, self.now) =>
            {
                return Place::Same;
            }
            (Judged::Unknown(_), _) | (_, Judged::Unknown(_)) => What::Unknown,
        };
        let tally = &mut self.tallies[what as usize];
        tally.subjects += 1;
        tally.records += 1;
        if self.changed.len() >= MOST_LISTED {
            return Place::Counted(what);
        }
        self.changed.push(Changed {
            what,
            subject,
            records: 1,
            last: recorded.at,
            decision: recorded.decision,
            before: Side::default(),
            after: Side::default(),
        });
        Place::Listed(self.changed.len() - 1)
    }
}

// === impl What ===

impl What {
    /// Each of them, in their order.
    pub const ALL: [What; 4] = [What::NewlyAllowed, What::NewlyDenied, What::Otherwise, What::Unknown];
}

/// So many subjects are kept apart, at some hundred bytes each; whoever has more sees a part and is told so.
const MOST_SUBJECTS: usize = 250_000;
/// So many of those for whom the change matters are remembered with their claims.
const MOST_LISTED: usize = 10_000;
