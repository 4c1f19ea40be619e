//! The task that takes the schedule's steps, and the reading of the store before somebody signs.
//!
//! Every server of a store runs it. What is done is decided from the stored times alone and written with the revision that
//! it was decided on, so that of two servers one does it and the other finds it done; whatever a crash leaves half done, the
//! next round of anybody goes on with.

use std::sync::Arc;
use std::time::Duration;

use accredit_core::keyring::{self, Slot, Standing};
use accredit_core::model::Signing as Algorithms;
use accredit_id::time::Timestamp;
use accredit_store::{Head, KeyDeed, StoreError};
use serde_json::json;

use super::deeds::{self, Moved};
use super::{KeysFault, algorithm};
use crate::app::App;
use crate::keys::SigningKey;
use crate::record::{self, RecordFault, StoreWork};
use crate::{chance, clock};

/// The JWK Set as it is served.
pub(crate) struct PublishedKeys {
    /// The document.
    pub(crate) json: String,
    /// `Cache-Control`.
    pub(crate) cache_control: String,
}

impl App {
    /// Reads and steps until the process ends.
    pub(crate) async fn keep_keys(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.pause()) => {}
                () = self.signing.wake.notified() => {}
            }
            match self.step_keys().await {
                Ok(()) => {}
                // Another server was faster; the next round sees what it did.
                Err(KeysFault::Recorded(RecordFault::Store(fault)))
                    if matches!(*fault, StoreError::KeyMoved { .. } | StoreError::Conflict { .. }) =>
                {
                    self.signing.wake.notify_one();
                }
                Err(fault) => {
                    tracing::warn!(event = "signing-keys-not-kept", "signing keys could not be looked after: {fault}")
                }
            }
        }
    }

    /// The key that signs access tokens so, by a reading of the store that is recent. `None` while no key may sign.
    pub(crate) async fn signer(&self, signing: Algorithms, now: Timestamp) -> Option<Arc<SigningKey>> {
        // What other servers have changed may not be in force here; or nothing may be minted, whatever the store says of keys.
        if self.following.is_blind() || !self.signing.trust.lets_mint(now) {
            return None;
        }
        if let Some(key) = self.signing.signer(signing, now) {
            return Some(key);
        }
        if let Err(fault) = self.signing.read(&self.store, clock::now()).await {
            tracing::warn!(event = "signing-keys-unread", "signing keys cannot be read: {fault}");
        }
        let key = self.signing.signer(signing, clock::now());
        if key.is_none() {
            tracing::warn!(event = "no-signing-key", algorithm = %algorithm(signing), "no key may sign access tokens now");
        }
        key
    }

    /// The JWK Set. While the store cannot be read, another server may have published a key that this one does not know:
    /// nobody is to keep what it says then.
    pub(crate) async fn published_keys(&self) -> PublishedKeys {
        let signing = &self.signing;
        let is_recent = || signing.keys.load().is_recent(&signing.schedule, clock::now());
        if !is_recent()
            && let Err(fault) = signing.read(&self.store, clock::now()).await
        {
            tracing::warn!(event = "signing-keys-unread", "signing keys cannot be read: {fault}");
        }
        let cache_control = match is_recent() {
            true => format!("public, max-age={}", signing.schedule.cache.as_secs()),
            false => "no-cache".to_owned(),
        };
        PublishedKeys { json: signing.published_json(), cache_control }
    }

    /// Fills a slot that something asks for now, such as an API for RS256. Making its keys takes up to a second, so not at
    /// every start. True when that took new keys. The caller holds `changing`.
    pub(crate) async fn ensure_signer(&self, signing: Algorithms) -> Result<bool, KeysFault> {
        let slot = Slot { algorithm: algorithm(signing), ..Slot::es256(keyring::Purpose::Access) };
        loop {
            self.signing.read(&self.store, clock::now()).await?;
            let keys = self.signing.keys.load_full();
            if keys.ring.lives().iter().any(|key| key.slot == slot) {
                return Ok(false);
            }
            let now = clock::now();
            let deed = deeds::found(slot, self.signing.making(now)).await?;
            // Of two servers that need it, one makes it.
            let deed = KeyDeed { expected_sequence: Some(keys.sequence), ..deed };
            match self.commit_keys(deed).await {
                Ok(_) => {
                    if self.store.is_shared() {
                        // Nothing is signed by it before every server publishes it.
                        tokio::time::sleep(FOLLOWED_WITHIN).await;
                    }
                    return Ok(true);
                }
                Err(KeysFault::Recorded(RecordFault::Store(fault)))
                    if matches!(*fault, StoreError::Conflict { .. }) => {}
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Does everything that is to be done by now. What cannot be made for one slot keeps no other one waiting.
    async fn step_keys(&self) -> Result<(), KeysFault> {
        self.found_domains().await?;
        let mut given_up: Vec<Slot> = Vec::new();
        for _ in 0..MOST_STEPS {
            let now = clock::now();
            let keys = self.signing.keys.load_full();
            let slots = {
                let _one_at_a_time = self.changing.lock().await;
                self.standing_slots(keys.ring.lives()).await
            };
            let confirmations = self.confirmations().await?;
            let standing = Standing { keys: keys.ring.lives(), slots: &slots, confirmations: &confirmations };
            let acts = keyring::step(&standing, now, &self.signing.schedule);
            let (moves, mut slots) = deeds::sorted(acts);
            slots.retain(|slot| !given_up.contains(slot));
            if moves.is_empty() && slots.is_empty() {
                break;
            }
            if !moves.is_empty() {
                let _one_at_a_time = self.changing.lock().await;
                let detail = json!({"changes": deeds::told(&moves, &keys.ring)});
                let records = vec![record::admin_act("keys-moved", now, "server", keys.sequence, &detail)];
                let changes = deeds::changes(&moves, &keys.ring);
                let expected_sequence = deeds::numbers_bundles(&moves, &keys.ring).then_some(keys.sequence);
                self.commit_keys(KeyDeed { changes, records, expected_sequence, ..KeyDeed::default() }).await?;
                log(&moves);
            }
            for slot in slots {
                let expected_sequence = Some(self.signing.keys.load().sequence);
                let deed = match slot.domain {
                    None => Some(deeds::make(slot, self.signing.making(now)).await?),
                    Some(domain) => self.make_for(domain, slot, false).await,
                };
                let Some(deed) = deed else {
                    given_up.push(slot);
                    continue;
                };
                // Of two servers that miss a key, one makes it.
                let deed = KeyDeed { expected_sequence, ..deed };
                let _one_at_a_time = self.changing.lock().await;
                self.commit_keys(deed).await?;
            }
        }
        Ok(())
    }

    /// Writes a deed and brings it into force. The caller holds `changing`.
    pub(super) async fn commit_keys(&self, deed: KeyDeed) -> Result<Head, KeysFault> {
        let revokes = deed.revokes;
        let head = self.recorder.work(StoreWork::Keys(deed)).await?;
        self.signing.read(&self.store, clock::now()).await?;
        if revokes {
            // Whoever was decided on before is decided again from now on, and finds the new keys.
            self.publish_head(&self.read_model.now(), head, &[]).await;
        }
        Ok(head)
    }

    /// Often enough that a step is noticed well within the margin; not in step with other servers.
    fn pause(&self) -> Duration {
        let pause = (self.signing.schedule.margin / 8).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        let [jitter, ..] = chance::bits();
        pause / 2 + pause * u32::from(jitter) / 510
    }
}

/// One line a move.
pub(super) fn log(moves: &[Moved]) {
    for Moved { id, step, life } in moves {
        tracing::info!(event = "signing-key-moved", key.id = %id, step = step.name(), state = life.state.name(), "signing key moved");
    }
}

/// Making a key, publishing it, letting it sign and making the next one are four.
const MOST_STEPS: usize = 8;
/// A change on one server is in force on all others by then.
pub(super) const FOLLOWED_WITHIN: Duration = Duration::from_secs(1);
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
