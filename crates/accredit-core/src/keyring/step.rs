//! What is to be done now, and who signs meanwhile.

use std::time::Duration;

use accredit_id::time::Timestamp;

use super::confirm::{self, Confirmation};
use super::schedule::worn_at;
use super::{Key, Life, Schedule, Slot, State};
use crate::model::Id;

/// What the schedule looks at.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'s> {
    /// The keys as they are stored.
    pub keys: &'s [Key],
    /// The slots that are to be looked after, beside those of keys that belong to no trust domain. INVARIANT: all slots of
    /// each trust domain that exists are among them; the keys of any other one are removed.
    pub slots: &'s [Slot],
    /// What nodes say they have seen.
    pub confirmations: &'s [Confirmation],
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Make a key; it starts as [`State::Prepared`].
    Make(Slot),
    /// Move a key on.
    Move {
        /// The key.
        id: String,
        /// What happens to it.
        step: Step,
        /// Its life from now on.
        life: Life,
    },
}

/// What happens to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It comes into the key set.
    Publish,
    /// It begins to sign.
    Activate,
    /// It signs longer tokens than before: the configuration allows them now.
    Lengthen,
    /// It stops to sign.
    Retire,
    /// It leaves the key set, its time being over.
    Remove,
    /// Its turn was said to be over.
    Due,
    /// Its private half may be known to others.
    Taint,
    /// It leaves the key set, and what it signed is refused.
    Revoke,
}

/// What is to be done now. All moves belong into one transaction; keys are made after it, and stepping again publishes
/// them. Slots that nobody mentions stay empty: those of [`Standing::slots`] and of keys are looked after.
pub fn step(standing: &Standing<'_>, now: Timestamp, schedule: &Schedule) -> Vec<Act> {
    let Standing { keys, slots, confirmations: _ } = *standing;
    let mut every: Vec<Slot> = slots.to_vec();
    for key in keys {
        if !every.contains(&key.slot) {
            every.push(key.slot);
        }
    }
    let mut acts = Vec::new();
    let mut made = Vec::new();
    for slot in every {
        match is_wanted(slot, slots) {
            true if !Round { standing, now, schedule, slot }.moves(&mut acts) => made.push(Act::Make(slot)),
            true => {}
            false => end(slot, standing, now, schedule, &mut acts),
        }
    }
    acts.extend(made);
    number(keys, &mut acts, now);
    acts
}

/// The sequence of the next bundle of a trust domain. It grows with each change, and over a restore too, after which it
/// goes on at the time of day: keys change less than once a second.
pub fn next_bundle(keys: &[Key], domain: Id, now: Timestamp) -> u64 {
    let of_domain = keys.iter().filter(|key| key.slot.domain == Some(domain));
    let last = of_domain.filter_map(|key| key.life.bundle).max();
    last.map_or(0, |last| last.saturating_add(1)).max(u64::try_from(now.unix()).unwrap_or_default())
}

/// Says of each key that comes into a bundle, or leaves it, which one that is.
pub(super) fn number(keys: &[Key], acts: &mut [Act], now: Timestamp) {
    for act in acts {
        let Act::Move { id, step: Step::Publish | Step::Remove | Step::Revoke, life } = act else { continue };
        let key = keys.iter().find(|key| key.id == *id);
        if let Some(domain) = key.and_then(|key| key.slot.domain) {
            life.bundle = Some(next_bundle(keys, domain, now));
        }
    }
}

/// The key of a slot that signs now, by the clock and the reading of the store of the server that asks: none that this
/// server does not itself see published for as long as readers keep a key set. `None` means: issue nothing.
pub fn signer<'k>(keys: &'k [Key], slot: Slot, now: Timestamp, schedule: &Schedule) -> Option<&'k Key> {
    let of_slot = || keys.iter().filter(|key| key.slot == slot);
    let active = first_active(of_slot())?;
    // Its certificate has ended, and with it all that it could sign.
    if active.life.ends_at.is_some_and(|ends_at| ends_at <= now) {
        return None;
    }
    if is_of_the_first(active, founded(keys, slot)) || now >= schedule.seen_at(slot.purpose, &active.life) {
        return Some(active);
    }
    // Another server's clock is ahead of ours. By ours its predecessor still has its turn.
    let is_still_in_turn = |key: &&Key| {
        let life = &key.life;
        life.state == State::Retired && life.tainted_at.is_none() && life.retired_at.is_some_and(|at| now < at)
    };
    of_slot().filter(is_still_in_turn).max_by_key(|key| key.life.activated_at)
}

// === impl Step ===

impl Step {
    /// Its name, for the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Activate => "activate",
            Self::Lengthen => "lengthen",
            Self::Retire => "retire",
            Self::Remove => "remove",
            Self::Due => "due",
            Self::Taint => "taint",
            Self::Revoke => "revoke",
        }
    }
}

/// Whether a slot is to have keys: each is, but those of trust domains that do not sign so, or no more.
fn is_wanted(slot: Slot, slots: &[Slot]) -> bool {
    slot.domain.is_none() || slots.contains(&slot)
}

/// The moves of a slot of a trust domain that nobody wants. With its domain gone, its keys go at once. Where the domain
/// signs otherwise by now, this slot signs until the other one does, and then ends as every key does.
fn end(slot: Slot, standing: &Standing<'_>, now: Timestamp, schedule: &Schedule, acts: &mut Vec<Act>) {
    let Standing { keys, slots, confirmations: _ } = *standing;
    let is_gone = slots.iter().all(|other| other.domain != slot.domain);
    let is_replaced = keys
        .iter()
        .any(|key| slots.contains(&key.slot) && key.slot.is_read_with(&slot) && key.life.state == State::Active);
    for key in keys.iter().filter(|key| key.slot == slot) {
        let life = &key.life;
        let (step, life) = match life.state {
            State::Removed => continue,
            _ if is_gone => (Step::Remove, removed(life, now)),
            State::Active if is_replaced => (Step::Retire, retired(key, now, schedule)),
            State::Prepared | State::Published if is_replaced => (Step::Remove, removed(life, now)),
            State::Retired if life.leaves_at.is_some_and(|at| at <= now) => (Step::Remove, removed(life, now)),
            State::Prepared | State::Published | State::Active | State::Retired => continue,
        };
        acts.push(Act::Move { id: key.id.clone(), step, life });
    }
}

/// When the first key of a slot, or of those that are read with it, began to sign; before that nobody relied on them.
fn founded(keys: &[Key], slot: Slot) -> Option<Timestamp> {
    keys.iter().filter(|key| key.slot.is_read_with(&slot)).filter_map(|key| key.life.activated_at).min()
}

/// Whether a key was in the key set when the slot's first key began to sign. Whoever has any key set with that one in it
/// has this one too.
fn is_of_the_first(key: &Key, founded: Option<Timestamp>) -> bool {
    founded.is_none_or(|founded| key.life.published_at.is_some_and(|at| at <= founded))
}

/// The active key. Of two, which two servers made that met an empty store, the first.
fn first_active<'k>(keys: impl Iterator<Item = &'k Key>) -> Option<&'k Key> {
    keys.filter(|key| key.life.state == State::Active).min_by_key(|key| (key.life.activated_at, &key.id))
}

/// One look at one slot.
struct Round<'r> {
    standing: &'r Standing<'r>,
    now: Timestamp,
    schedule: &'r Schedule,
    slot: Slot,
}

impl Round<'_> {
    /// The moves of the slot. Gives whether a successor is there afterwards.
    fn moves(&self, acts: &mut Vec<Act>) -> bool {
        let Self { standing, now, schedule, slot } = *self;
        let keys: Vec<&Key> = standing.keys.iter().filter(|key| key.slot == slot).collect();
        let mut act = |key: &Key, step, life| acts.push(Act::Move { id: key.id.clone(), step, life });
        let founded = founded(standing.keys, slot);
        let active = first_active(keys.iter().copied());
        let next = self.next(&keys, active, founded);
        if let Some(next) = next {
            let longest_token = schedule.longest(next.slot.purpose);
            let life = Life { state: State::Active, activated_at: Some(now), longest_token, due_at: None, ..next.life };
            act(next, Step::Activate, life);
        }
        match active {
            Some(active) if next.is_some() => act(active, Step::Retire, retired(active, now, schedule)),
            Some(active) if active.life.longest_token < schedule.longest(active.slot.purpose) => {
                let longest_token = schedule.longest(active.slot.purpose);
                act(active, Step::Lengthen, Life { longest_token, ..active.life });
            }
            Some(_) | None => {}
        }
        let mut has_successor = false;
        for key in keys.iter().filter(|key| next.is_none_or(|next| next.id != key.id)) {
            let life = &key.life;
            match life.state {
                // It has signed nothing, so nobody misses it.
                State::Prepared | State::Published if is_spoilt(life, now) => {
                    act(key, Step::Remove, removed(life, now));
                }
                State::Prepared => {
                    has_successor = true;
                    // Later than the slot's first key by what a clock can tell, or it would count as published with it.
                    let earliest = founded.map_or(life.created_at, |at| at.plus(SECOND).max(life.created_at));
                    let published_at = Some(now.max(earliest));
                    act(key, Step::Publish, Life { state: State::Published, published_at, ..*life });
                }
                State::Published => has_successor = true,
                State::Retired if life.leaves_at.is_some_and(|at| at <= now) => {
                    act(key, Step::Remove, removed(life, now));
                }
                State::Active if active.is_none_or(|first| first.id != key.id) => {
                    act(key, Step::Retire, retired(key, now, schedule));
                }
                State::Active | State::Retired | State::Removed => {}
            }
        }
        has_successor
    }

    /// The key that signs from now on instead of the active one.
    fn next<'k>(&self, keys: &[&'k Key], active: Option<&Key>, founded: Option<Timestamp>) -> Option<&'k Key> {
        let Self { standing, now, schedule, .. } = *self;
        if active.is_some_and(|key| now < schedule.due_at(&key.life)) {
            return None;
        }
        let is_successor = |key: &&&Key| key.life.state == State::Published && !is_spoilt(&key.life, now);
        let may_sign =
            |key: &&&Key| is_of_the_first(key, founded) || now >= schedule.may_sign_at(key.slot.purpose, &key.life);
        // Without a key, or with one that others may know, waiting for nodes would make it worse.
        let calm = active.filter(|active| active.life.tainted_at.is_none());
        let is_confirmed = |key: &&&Key| {
            calm.is_none_or(|active| {
                now >= schedule.deadline(key, &active.life)
                    || !confirm::awaits(standing.confirmations, key, now, schedule)
            })
        };
        let next = keys.iter().filter(is_successor).filter(may_sign).filter(is_confirmed);
        next.min_by_key(|key| (key.life.published_at, &key.id)).copied()
    }
}

/// Whether a key that has signed nothing never will: others may know it, or its certificate ends too soon.
fn is_spoilt(life: &Life, now: Timestamp) -> bool {
    life.tainted_at.is_some() || worn_at(life).is_some_and(|at| at <= now)
}

fn retired(key: &Key, now: Timestamp, schedule: &Schedule) -> Life {
    let Key { slot, life, .. } = key;
    // A clock that was set back since must not let its last tokens lose their key.
    let last = life.activated_at.map_or(now, |at| at.max(now));
    let longest = life.longest_token.max(schedule.longest(slot.purpose));
    let leaves_at = schedule.leaves_at(slot.purpose, last, longest);
    Life { state: State::Retired, retired_at: Some(now), leaves_at, longest_token: longest, ..*life }
}

/// The life of a key that leaves now.
pub(super) fn removed(life: &Life, now: Timestamp) -> Life {
    Life { state: State::Removed, leaves_at: Some(now), ..*life }
}

const SECOND: Duration = Duration::from_secs(1);
