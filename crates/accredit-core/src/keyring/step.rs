//! What is to be done now, and who signs meanwhile.

use std::time::Duration;

use accredit_id::time::Timestamp;

use super::{Key, Life, Schedule, Slot, State};

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
/// them. Slots that nobody mentions stay empty: those of `slots` and of `keys` are looked after.
pub fn step(keys: &[Key], slots: &[Slot], now: Timestamp, schedule: &Schedule) -> Vec<Act> {
    let mut every: Vec<Slot> = slots.to_vec();
    for key in keys {
        if !every.contains(&key.slot) {
            every.push(key.slot);
        }
    }
    let mut acts = Vec::new();
    let mut made = Vec::new();
    for slot in every {
        let of_slot: Vec<&Key> = keys.iter().filter(|key| key.slot == slot).collect();
        if !moves(&of_slot, now, schedule, &mut acts) {
            made.push(Act::Make(slot));
        }
    }
    acts.extend(made);
    acts
}

/// The key of a slot that signs now, by the clock and the reading of the store of the server that asks: none that this
/// server does not itself see published for as long as readers keep a key set. `None` means: issue nothing.
pub fn signer<'k>(keys: &'k [Key], slot: Slot, now: Timestamp, schedule: &Schedule) -> Option<&'k Key> {
    let of_slot = || keys.iter().filter(|key| key.slot == slot);
    let active = first_active(of_slot())?;
    if is_of_the_first(active, founded(of_slot())) || now >= schedule.seen_at(slot.purpose, &active.life) {
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

/// When a slot's first key began to sign; before that nobody relied on the slot.
fn founded<'k>(keys: impl Iterator<Item = &'k Key>) -> Option<Timestamp> {
    keys.filter_map(|key| key.life.activated_at).min()
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

/// The moves of one slot. Gives whether a successor is there afterwards.
fn moves(keys: &[&Key], now: Timestamp, schedule: &Schedule, acts: &mut Vec<Act>) -> bool {
    let mut act = |key: &Key, step, life| acts.push(Act::Move { id: key.id.clone(), step, life });
    let founded = founded(keys.iter().copied());
    let may_sign =
        |key: &&&Key| is_of_the_first(key, founded) || now >= schedule.may_sign_at(key.slot.purpose, &key.life);
    let is_successor = |key: &&&Key| key.life.state == State::Published && key.life.tainted_at.is_none();
    let active = first_active(keys.iter().copied());
    let is_over = active.is_none_or(|key| now >= schedule.due_at(&key.life));
    let successors = keys.iter().filter(is_successor).filter(may_sign).filter(|_| is_over);
    let next = successors.min_by_key(|key| (key.life.published_at, &key.id));
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
            State::Prepared | State::Published if life.tainted_at.is_some() => {
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
            State::Retired if life.leaves_at.is_some_and(|at| at <= now) => act(key, Step::Remove, removed(life, now)),
            State::Active if active.is_none_or(|first| first.id != key.id) => {
                act(key, Step::Retire, retired(key, now, schedule));
            }
            State::Active | State::Retired | State::Removed => {}
        }
    }
    has_successor
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
