//! A key's life, between the schedule's types and the store's columns.

use accredit_core::keyring::{Key, Life, Purpose, Slot, State};
use accredit_id::time::Timestamp;
use accredit_store::{KeyLife, SigningKey as Row};

use super::signing_key::SigningFault;

/// What the store keeps of a life. When a certificate ends, it says itself.
pub(crate) fn to_row(life: &Life) -> KeyLife {
    let Life {
        state,
        created_at,
        published_at,
        activated_at,
        retired_at,
        leaves_at,
        due_at,
        tainted_at,
        longest_token,
        ends_at: _,
        bundle,
    } = *life;
    let unix = |at: Option<Timestamp>| at.map(Timestamp::unix);
    KeyLife {
        state: state.name().to_owned(),
        created_at: created_at.unix(),
        published_at: unix(published_at),
        activated_at: unix(activated_at),
        retired_at: unix(retired_at),
        leaves_at: unix(leaves_at),
        due_at: unix(due_at),
        tainted_at: unix(tainted_at),
        longest_token: i64::try_from(longest_token).unwrap_or(i64::MAX),
        bundle: bundle.and_then(|bundle| i64::try_from(bundle).ok()),
    }
}

/// What the schedule knows of a stored key, whose certificate ends then if it has one.
pub(super) fn key(row: &Row, ends_at: Option<Timestamp>) -> Result<Key, SigningFault> {
    let stored = &row.life;
    let at = |unix: Option<i64>| unix.map(Timestamp::from_unix);
    let life = Life {
        state: State::from_name(&stored.state).ok_or_else(|| unknown(row, "state", &stored.state))?,
        created_at: Timestamp::from_unix(stored.created_at),
        published_at: at(stored.published_at),
        activated_at: at(stored.activated_at),
        retired_at: at(stored.retired_at),
        leaves_at: at(stored.leaves_at),
        due_at: at(stored.due_at),
        tainted_at: at(stored.tainted_at),
        longest_token: u64::try_from(stored.longest_token).unwrap_or_default(),
        ends_at,
        bundle: stored.bundle.and_then(|bundle| u64::try_from(bundle).ok()),
    };
    Ok(Key { id: row.id.clone(), slot: slot(row)?, life })
}

/// What a stored key signs.
pub(super) fn slot(row: &Row) -> Result<Slot, SigningFault> {
    let purpose = Purpose::from_name(&row.purpose).ok_or_else(|| unknown(row, "purpose", &row.purpose))?;
    let algorithm = row.algorithm.parse().map_err(|_| unknown(row, "algorithm", &row.algorithm))?;
    let domain = row.domain.as_ref().map(|domain| domain.parse().map_err(|_| unknown(row, "trust domain", domain)));
    Ok(Slot { purpose, algorithm, domain: domain.transpose()? })
}

fn unknown(row: &Row, field: &'static str, seen: &str) -> SigningFault {
    SigningFault::Row { id: row.id.clone(), field, seen: seen.to_owned() }
}
