//! What becomes of the keys of a backup: none of them signs again, since one of them may have been revoked after it was made.

use accredit_core::keyring::{Purpose, Schedule, Slot, State};
use accredit_id::time::Timestamp;
use accredit_store::{KeyChange, SigningKey as Row};

use super::{KeysFault, deeds};
use crate::keys::{KeyRing, Unsealer, stored_life};

/// What a restore does with the keys of its backup, and the keys that sign instead of them.
///
/// Keys of tokens are taken out: what they signed is refused from then on, by introspection at once, by others when they fetch
/// the key set again. Keys of audit heads stay to verify the heads of before. The new ones are the first of their slots, and
/// sign at once.
///
/// # Errors
/// A key that does not open: the key-encryption key is not the backup's.
pub(crate) async fn restored(
    keys: &[Row],
    unsealer: &Unsealer,
    schedule: &Schedule,
    now: Timestamp,
) -> Result<Vec<KeyChange>, KeysFault> {
    let ring = KeyRing::open(keys, unsealer, &KeyRing::default())?;
    let mut changes = Vec::new();
    let mut slots = Slot::ALWAYS.to_vec();
    for held in ring.held() {
        let (id, slot, mut life) = (held.key.id.clone(), held.key.slot, held.key.life);
        if slot.domain.is_none() && !slots.contains(&slot) {
            slots.push(slot);
        }
        match (slot.purpose, life.state) {
            (Purpose::Access | Purpose::Internal | Purpose::JwtSvid | Purpose::X509Ca, _) => {
                changes.push(KeyChange::Remove { id });
            }
            (Purpose::Audit, State::Retired | State::Removed) => {}
            (Purpose::Audit, State::Prepared | State::Published | State::Active) => {
                (life.state, life.retired_at) = (State::Retired, Some(now));
                changes.push(KeyChange::Move { id, revision: held.revision, life: stored_life(&life) });
            }
        }
    }
    for slot in slots {
        changes.extend(
            deeds::found(slot, deeds::Making { kek: unsealer.current(), schedule, now, domain: None }).await?.changes,
        );
    }
    Ok(changes)
}
