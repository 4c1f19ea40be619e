//! What an operator may say about keys.

use accredit_id::jose::Algorithm;
use accredit_id::time::Timestamp;

use super::step::{Act, Standing, Step, number, removed, step};
use super::{Key, Life, Purpose, Schedule, Slot, State};
use crate::model::Id;

/// What an operator says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The turns of these keys are over: their successors sign as soon as they may.
    Rotate {
        /// Only keys that sign this.
        purpose: Option<Purpose>,
        /// Only keys that sign so.
        algorithm: Option<Algorithm>,
        /// Only keys of this trust domain.
        domain: Option<Id>,
    },
    /// Others may know the private half of this key: it signs no longer than it must. What it signed still counts.
    Taint {
        /// The key.
        id: String,
    },
    /// Others know the private half of this key: it signs no more, and what it signed is refused.
    Revoke {
        /// The key.
        id: String,
    },
}

/// Why it cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandFault {
    /// There is no such key.
    #[error("key `{0}` does not exist")]
    Unknown(String),
    /// No key signs what was named.
    #[error("no key signs that")]
    NoneActive,
    /// The key is gone already.
    #[error("key `{id}` was removed at {at}")]
    Gone {
        /// The key.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// The key signs no more already.
    #[error("key `{id}` has not signed since {at}; to refuse what it signed before, revoke it")]
    SignsNoMore {
        /// The key.
        id: String,
        /// Since when.
        at: Timestamp,
    },
    /// The set of keys would become longer than verifiers read.
    #[error("{published} {} keys are published, and verifiers may read no more; one leaves at {leaves_at}", .purpose.name())]
    Crowded {
        /// What they sign.
        purpose: Purpose,
        /// How many there are.
        published: usize,
        /// When the next one leaves.
        leaves_at: Timestamp,
    },
    /// Heads of the log would no longer be verified by anything.
    #[error("key `{0}` vouches for the audit log so far and cannot be revoked; taint it, and it signs no more")]
    Vouches(String),
}

/// What a command means now: its own moves first, then what follows from them. A key may be moved twice; the last life
/// counts.
///
/// # Errors
/// Why it cannot be done. Saying the same thing again is no error, and nothing to do.
pub fn command(
    standing: &Standing<'_>,
    command: &Command,
    now: Timestamp,
    schedule: &Schedule,
) -> Result<Vec<Act>, CommandFault> {
    let keys = standing.keys;
    let told = match command {
        Command::Rotate { purpose, algorithm, domain } => {
            let is_meant = |key: &&Key| {
                key.life.state == State::Active
                    && purpose.is_none_or(|purpose| key.slot.purpose == purpose)
                    && algorithm.is_none_or(|algorithm| key.slot.algorithm == algorithm)
                    && domain.is_none_or(|domain| key.slot.domain == Some(domain))
            };
            let meant: Vec<&Key> = keys.iter().filter(is_meant).collect();
            if meant.is_empty() {
                return Err(CommandFault::NoneActive);
            }
            meant.iter().try_for_each(|key| check_room(keys, key.slot))?;
            let is_early = |key: &&Key| now < schedule.due_at(&key.life);
            let due = |key: &Key| (key.id.clone(), Step::Due, Life { due_at: Some(now), ..key.life });
            meant.into_iter().filter(is_early).map(due).collect()
        }
        Command::Taint { id } => {
            let key = found(keys, id)?;
            match (key.life.state, key.life.tainted_at) {
                (State::Retired, _) => return Err(CommandFault::SignsNoMore { id: id.clone(), at: key.life.since() }),
                (_, Some(_)) => Vec::new(),
                (_, None) => vec![(id.clone(), Step::Taint, Life { tainted_at: Some(now), ..key.life })],
            }
        }
        Command::Revoke { id } => {
            let key = found(keys, id)?;
            if key.slot.purpose == Purpose::Audit {
                return Err(CommandFault::Vouches(id.clone()));
            }
            let tainted_at = key.life.tainted_at.or(Some(now));
            vec![(id.clone(), Step::Revoke, Life { tainted_at, ..removed(&key.life, now) })]
        }
    };
    let mut after = keys.to_vec();
    for (id, _, life) in &told {
        after.iter_mut().filter(|key| key.id == *id).for_each(|key| key.life = *life);
    }
    let mut acts: Vec<Act> = told.into_iter().map(|(id, step, life)| Act::Move { id, step, life }).collect();
    number(keys, &mut acts, now);
    acts.extend(step(&Standing { keys: &after, ..*standing }, now, schedule));
    Ok(acts)
}

/// What was signed before must stay verifiable, so keys pile up where somebody rotates all the time. To rotate is refused then;
/// to taint and to revoke never is.
fn check_room(keys: &[Key], slot: Slot) -> Result<(), CommandFault> {
    let purpose = slot.purpose;
    if matches!(purpose, Purpose::Internal | Purpose::Audit) {
        return Ok(());
    }
    let is_published =
        |key: &&Key| key.slot.purpose == purpose && key.slot.domain == slot.domain && key.life.is_published();
    let published = keys.iter().filter(is_published).count();
    match keys.iter().filter(is_published).filter_map(|key| key.life.leaves_at).min() {
        Some(leaves_at) if published >= MOST_PUBLISHED => Err(CommandFault::Crowded { purpose, published, leaves_at }),
        _ => Ok(()),
    }
}

fn found<'k>(keys: &'k [Key], id: &str) -> Result<&'k Key, CommandFault> {
    let key = keys.iter().find(|key| key.id == id).ok_or_else(|| CommandFault::Unknown(id.to_owned()))?;
    match key.life.state {
        State::Removed => Err(CommandFault::Gone { id: id.to_owned(), at: key.life.since() }),
        State::Prepared | State::Published | State::Active | State::Retired => Ok(key),
    }
}

/// Half of what our own verifiers read of a set (`KeySet::MAX_KEYS`), and half of what AWS reads; others read less than they
/// say.
const MOST_PUBLISHED: usize = 50;

#[cfg(test)]
#[expect(clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::keyring::schedule::DomainSchedule;

    const SCHEDULE: Schedule = Schedule {
        every: Duration::from_secs(1000),
        cache: Duration::from_secs(1),
        margin: Duration::from_secs(1),
        leeway: Duration::from_secs(30),
        longest_access: Duration::from_secs(600),
        longest_internal: Duration::from_secs(200),
        domains: DomainSchedule {
            jwt_cache: Duration::from_secs(1),
            bundle_refresh: Duration::from_secs(1),
            patience: Duration::from_secs(1),
            longest_jwt: Duration::from_secs(600),
            longest_x509: Duration::from_secs(600),
        },
    };

    /// K04: orders to rotate end before the set is longer than verifiers read; a key that others know can be taken out even so.
    #[test]
    fn rotating_ends_where_verifiers_stop_reading() {
        let slot = Slot::es256(Purpose::Access);
        let rotate = |purpose| Command::Rotate { purpose, algorithm: None, domain: None };
        let (mut keys, mut now) = (Vec::new(), 1000);
        let apply = |keys: &mut Vec<Key>, acts: Vec<Act>, now: i64| {
            for act in acts {
                match act {
                    Act::Make(slot) => {
                        let (id, created) = (format!("key-{}", keys.len()), Timestamp::from_unix(now));
                        keys.push(Key { id, slot, life: Life::new(created) });
                    }
                    Act::Move { id, life, .. } => {
                        keys.iter_mut().filter(|key| key.id == id).for_each(|key| key.life = life);
                    }
                }
            }
        };
        let refused = loop {
            now += 3;
            for _ in 0..4 {
                let acts = step(
                    &Standing { keys: &keys, slots: &[slot], confirmations: &[] },
                    Timestamp::from_unix(now),
                    &SCHEDULE,
                );
                apply(&mut keys, acts, now);
            }
            match command(
                &Standing { keys: &keys, slots: &[slot], confirmations: &[] },
                &rotate(None),
                Timestamp::from_unix(now),
                &SCHEDULE,
            ) {
                Ok(acts) => apply(&mut keys, acts, now),
                Err(fault) => break fault,
            }
            assert!(keys.len() < 100, "{} keys", keys.len());
        };
        let CommandFault::Crowded { purpose: Purpose::Access, published, leaves_at } = refused else {
            panic!("{refused}")
        };
        assert_eq!(published, MOST_PUBLISHED);
        assert!(leaves_at.unix() > now);
        let now = Timestamp::from_unix(now);
        let active = keys.iter().find(|key| key.life.state == State::Active).map(|key| key.id.clone());
        let id = active.unwrap_or_default();
        assert!(
            command(
                &Standing { keys: &keys, slots: &[slot], confirmations: &[] },
                &Command::Taint { id: id.clone() },
                now,
                &SCHEDULE
            )
            .is_ok()
        );
        assert!(
            command(
                &Standing { keys: &keys, slots: &[slot], confirmations: &[] },
                &Command::Revoke { id },
                now,
                &SCHEDULE
            )
            .is_ok()
        );
        assert_eq!(
            command(
                &Standing { keys: &keys, slots: &[slot], confirmations: &[] },
                &rotate(Some(Purpose::Internal)),
                now,
                &SCHEDULE
            ),
            Err(CommandFault::NoneActive)
        );
        let later = leaves_at.plus(Duration::from_secs(1));
        let acts = step(&Standing { keys: &keys, slots: &[slot], confirmations: &[] }, later, &SCHEDULE);
        apply(&mut keys, acts, later.unix());
        assert!(
            command(&Standing { keys: &keys, slots: &[slot], confirmations: &[] }, &rotate(None), later, &SCHEDULE)
                .is_ok()
        );
    }
}
