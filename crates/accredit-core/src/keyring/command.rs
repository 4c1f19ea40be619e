//! What an operator may say about keys.

use accredit_id::jose::Algorithm;
use accredit_id::time::Timestamp;

use super::step::{Act, Step, removed, step};
use super::{Key, Life, Purpose, Schedule, State};

/// What an operator says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The turns of these keys are over: their successors sign as soon as they may.
    Rotate {
        /// Only keys that sign this.
        purpose: Option<Purpose>,
        /// Only keys that sign so.
        algorithm: Option<Algorithm>,
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
    /// Heads of the log would no longer be verified by anything.
    #[error("key `{0}` vouches for the audit log so far and cannot be revoked; taint it, and it signs no more")]
    Vouches(String),
}

/// What a command means now: its own moves first, then what follows from them. A key may be moved twice; the last life
/// counts.
///
/// # Errors
/// Why it cannot be done. Saying the same thing again is no error, and nothing to do.
pub fn command(keys: &[Key], command: &Command, now: Timestamp, schedule: &Schedule) -> Result<Vec<Act>, CommandFault> {
    let told = match command {
        Command::Rotate { purpose, algorithm } => {
            let is_meant = |key: &&Key| {
                key.life.state == State::Active
                    && purpose.is_none_or(|purpose| key.slot.purpose == purpose)
                    && algorithm.is_none_or(|algorithm| key.slot.algorithm == algorithm)
            };
            let meant: Vec<&Key> = keys.iter().filter(is_meant).collect();
            if meant.is_empty() {
                return Err(CommandFault::NoneActive);
            }
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
    let acts = told.into_iter().map(|(id, step, life)| Act::Move { id, step, life });
    Ok(acts.chain(step(&after, &[], now, schedule)).collect())
}

fn found<'k>(keys: &'k [Key], id: &str) -> Result<&'k Key, CommandFault> {
    let key = keys.iter().find(|key| key.id == id).ok_or_else(|| CommandFault::Unknown(id.to_owned()))?;
    match key.life.state {
        State::Removed => Err(CommandFault::Gone { id: id.to_owned(), at: key.life.since() }),
        State::Prepared | State::Published | State::Active | State::Retired => Ok(key),
    }
}
