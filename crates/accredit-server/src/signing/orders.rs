//! What operators say about keys: rotate, taint, revoke, rewrap.

use accredit_core::keyring::{self, Command, Key, Slot, Standing};
use accredit_store::{KeyChange, KeyDeed};
use serde_json::{Value, json};

use super::deeds::{self, Moved};
use super::{KeysFault, Schedule, rotation};
use crate::app::App;
use crate::keys::{Held, Sealed, seals};
use crate::record;
use crate::{clock, keys::KeyRing};

/// What somebody orders.
pub(crate) struct Order<'o> {
    /// What is to be done.
    pub(crate) command: Command,
    /// What the audit log calls it.
    pub(crate) event: &'static str,
    /// Why, where that is asked for.
    pub(crate) reason: Option<&'o str>,
    /// Who orders it.
    pub(crate) actor: &'o str,
    /// What admitted him, for the log.
    pub(crate) by: Value,
    /// Say what would happen, change nothing.
    pub(crate) dry_run: bool,
}

/// What came of it.
pub(crate) struct Outcome {
    /// What happened, or would.
    pub(crate) moves: Vec<Moved>,
    /// The keys of before.
    pub(crate) before: KeyRing,
    /// The slots in which no key signs from now on, and when the next one may.
    pub(crate) silent: Vec<(Slot, Option<accredit_id::time::Timestamp>)>,
    /// The store's sequence afterwards.
    pub(crate) sequence: i64,
}

impl App {
    /// Every key, and by which schedule they live.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn keys(&self) -> Result<(Vec<Held>, Schedule), KeysFault> {
        self.signing.read(&self.store, clock::now()).await?;
        Ok((self.signing.keys.load().ring.held().to_vec(), self.signing.schedule))
    }

    /// Carries an order out at once, all or nothing, with its record. What follows from it later, the schedule does.
    ///
    /// # Errors
    /// What keeps it from happening; nothing was written then.
    pub(crate) async fn order_keys(&self, order: Order<'_>) -> Result<Outcome, KeysFault> {
        let Order { command, event, reason, actor, by, dry_run } = order;
        let _one_at_a_time = self.changing.lock().await;
        self.signing.read(&self.store, clock::now()).await?;
        let now = clock::now();
        let (before, sequence) = {
            let keys = self.signing.keys.load();
            (keys.ring.clone(), keys.sequence)
        };
        let (slots, confirmations) = (self.standing_slots(before.lives()).await, self.confirmations().await?);
        let standing = Standing { keys: before.lives(), slots: &slots, confirmations: &confirmations };
        let acts = keyring::command(&standing, &command, now, &self.signing.schedule)?;
        let (moves, _) = deeds::sorted(acts);
        let silent = silent(before.lives(), &moves, &self.signing.schedule);
        if dry_run || moves.is_empty() {
            return Ok(Outcome { moves, before, silent, sequence });
        }
        // What is being signed with the old key right now is decided and signed again.
        let revokes = matches!(command, Command::Taint { .. } | Command::Revoke { .. });
        let detail = json!({"reason": reason, "changes": deeds::told(&moves, &before), "by": by});
        let records = vec![record::admin_act(event, now, actor, sequence, &detail)];
        let expected_sequence = deeds::numbers_bundles(&moves, &before).then_some(sequence);
        let changes = deeds::changes(&moves, &before);
        let head = self.commit_keys(KeyDeed { changes, revokes, records, expected_sequence }).await?;
        rotation::log(&moves);
        self.signing.wake.notify_one();
        Ok(Outcome { moves, before, silent, sequence: head.sequence })
    }

    /// Seals every key anew that is not sealed under the present key-encryption key, in one transaction. Gives their ids,
    /// and the id of that key-encryption key.
    ///
    /// # Errors
    /// What keeps it from happening; nothing was written then.
    pub(crate) async fn rewrap_keys(
        &self,
        actor: &str,
        by: Value,
        dry_run: bool,
    ) -> Result<(Vec<String>, String), KeysFault> {
        let _one_at_a_time = self.changing.lock().await;
        self.signing.read(&self.store, clock::now()).await?;
        let keys = self.signing.keys.load_full();
        let kek = self.signing.unsealer.current();
        let (mut changes, mut lines, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for held in keys.ring.held().iter().filter(|held| held.sealed_by != kek.id) {
            let Some(key) = &held.signing else { continue };
            let sealed = key.seal(kek)?;
            let id = held.key.id.clone();
            let named = |sealed_by: &str| json!({"kind": "Key", "name": id, "sealedBy": sealed_by});
            lines.push(json!({"before": named(&held.sealed_by), "after": named(&sealed.wrapped_by)}));
            changes.push(KeyChange::Rewrap { id: id.clone(), wrapped: sealed.bytes, kek_id: sealed.wrapped_by });
            ids.push(id);
        }
        if let Some((bytes, wrapped_by)) = self.store.key_of_seals().await? {
            let sealed =
                seals::rewrapped(&self.signing.unsealer, &Sealed { wrapped_by, bytes }).map_err(KeysFault::seal)?;
            changes.extend(
                sealed.map(|sealed| KeyChange::RewrapSeals { wrapped: sealed.bytes, kek_id: sealed.wrapped_by }),
            );
        }
        if !dry_run && !changes.is_empty() {
            let detail = json!({"changes": lines, "by": by});
            let records = vec![record::admin_act("keys-rewrapped", clock::now(), actor, keys.sequence, &detail)];
            self.commit_keys(KeyDeed { changes, records, ..KeyDeed::default() }).await?;
            tracing::info!(
                event = "signing-keys-sealed",
                keys = ids.len(),
                key_encryption_key = kek.id,
                "signing keys sealed anew"
            );
        }
        Ok((ids, kek.id.clone()))
    }
}

/// The slots that lose their signer, and when a published key may sign in them.
fn silent(keys: &[Key], moves: &[Moved], schedule: &Schedule) -> Vec<(Slot, Option<accredit_id::time::Timestamp>)> {
    let mut after = keys.to_vec();
    for Moved { id, life, .. } in moves {
        after.iter_mut().filter(|key| key.id == *id).for_each(|key| key.life = *life);
    }
    let mut silent: Vec<(Slot, Option<accredit_id::time::Timestamp>)> = Vec::new();
    for Key { slot, .. } in keys {
        let of_slot = || after.iter().filter(|key| key.slot == *slot);
        let signs = of_slot().any(|key| key.life.state == keyring::State::Active);
        if !signs && silent.iter().all(|(known, _)| known != slot) {
            let next = of_slot().filter(|key| key.life.state == keyring::State::Published);
            silent.push((*slot, next.map(|key| schedule.may_sign_at(slot.purpose, &key.life)).min()));
        }
    }
    silent
}
