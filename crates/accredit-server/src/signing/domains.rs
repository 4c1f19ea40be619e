//! Keys of trust domains: which there are to be, the first ones of each, and what stands above its authorities.

use std::time::Duration;

use accredit_core::keyring::{self, Confirmation, Key, Purpose, Slot};
use accredit_core::model::{Id, Kind};
use accredit_store::{BundleConfirmation, KeyDeed, StoreError};

use super::KeysFault;
use super::deeds::{self, Making, OfDomain};
use super::rotation::FOLLOWED_WITHIN;
use crate::app::App;
use crate::clock;
use crate::keys::{Upstream, UpstreamFault};
use crate::record::RecordFault;

impl App {
    /// The slots that are to have keys. A trust domain of which keys are there and that nobody knows counts as one that
    /// exists, unless it is certain that it was deleted: what is removed is lost. The caller holds `changing`.
    pub(super) async fn standing_slots(&self, keys: &[Key]) -> Vec<Slot> {
        let mut slots = self.known_slots();
        let unknown = |slots: &[Slot]| -> Vec<Slot> {
            let is_unknown =
                |slot: &Slot| slot.domain.is_some() && slots.iter().all(|known| known.domain != slot.domain);
            keys.iter().map(|key| key.slot).filter(is_unknown).collect()
        };
        if unknown(&slots).is_empty() {
            return slots;
        }
        // Another server may have made it, and its keys, since resources were read here.
        let is_certain =
            self.catch_up_meanwhile().await.is_ok() && !self.following.is_blind() && self.store.tampering().is_empty();
        slots = self.known_slots();
        if !is_certain {
            slots.extend(unknown(&slots));
        }
        slots
    }

    /// Has new trust domains get their keys at once: whoever made one finds its documents there, and its keys signing, when he
    /// hears that it was made. What keeps them from being made is in the log, and the schedule goes on trying.
    pub(crate) async fn found_new_domains(&self) {
        let founding = async {
            for _ in 0..ATTEMPTS {
                match self.found_domains().await {
                    // Nobody is to meet a token of it whom another server tells that there is no such trust domain.
                    Ok(true) if self.store.is_shared() => return tokio::time::sleep(FOLLOWED_WITHIN).await,
                    Ok(_) => return,
                    Err(KeysFault::Recorded(RecordFault::Store(fault)))
                        if matches!(*fault, StoreError::KeyMoved { .. } | StoreError::Conflict { .. }) => {}
                    Err(fault) => {
                        tracing::warn!(
                            event = "signing-keys-not-kept",
                            "keys of a new trust domain could not be made: {fault}"
                        );
                        return;
                    }
                }
            }
        };
        let _ = tokio::time::timeout(LONGEST_FOUNDING, founding).await;
    }

    /// Makes the first keys of trust domains that have none: all that can be made in one go, so that nobody meets a bundle that
    /// lacks half of them. Says whether any were made.
    pub(super) async fn found_domains(&self) -> Result<bool, KeysFault> {
        let _one_at_a_time = self.signing.founding.lock().await;
        self.signing.read(&self.store, clock::now()).await?;
        let mut has_made = false;
        let mut slots = self.known_slots();
        slots.retain(|slot| slot.domain.is_some());
        for of_domain in slots.chunk_by(|one, other| one.domain == other.domain) {
            let keys = self.signing.keys.load_full();
            // Of two servers that meet a new trust domain, one makes its keys.
            let mut deed = KeyDeed { expected_sequence: Some(keys.sequence), ..KeyDeed::default() };
            for slot in of_domain {
                let is_of_it = |key: &Key| key.slot.domain == slot.domain && key.slot.purpose == slot.purpose;
                let Some(domain) = slot.domain.filter(|_| !keys.ring.lives().iter().any(is_of_it)) else { continue };
                let made = self.make_for(domain, *slot, true).await.unwrap_or_default();
                deed.changes.extend(made.changes);
                deed.records.extend(made.records);
            }
            if !deed.changes.is_empty() {
                let _one_at_a_time = self.changing.lock().await;
                self.commit_keys(deed).await?;
                has_made = true;
            }
        }
        Ok(has_made)
    }

    /// A key, or with `is_first` the first two, of a trust domain. `None`, and a line in the log, when it cannot be made.
    pub(super) async fn make_for(&self, domain: Id, slot: Slot, is_first: bool) -> Option<KeyDeed> {
        let world = self.read_model.now();
        let name = &world.world.by_id(domain)?.as_trust_domain()?.name;
        let now = clock::now();
        let upstream = match slot.purpose {
            Purpose::X509Ca => {
                self.upstreams.get(name.as_str()).map(|files| Upstream::read(files, name, now)).transpose()
            }
            _ => Ok(None),
        };
        let upstream = match upstream {
            Ok(upstream) => upstream,
            Err(fault) => {
                tell_upstream(name.as_str(), &fault);
                return None;
            }
        };
        let bundle = keyring::next_bundle(self.signing.keys.load().ring.lives(), domain, now);
        let of_domain = OfDomain { name, upstream: upstream.as_ref(), bundle };
        let making = Making { domain: Some(of_domain), ..self.signing.making(now) };
        let made = match is_first {
            true => deeds::found(slot, making).await,
            false => deeds::make(slot, making).await,
        };
        let tell = |fault| {
            tracing::error!(event = "domain-key-not-made", trust_domain.name = %name, "key of a trust domain cannot be made: {fault}");
        };
        made.map_err(tell).ok()
    }

    /// What nodes say they have seen.
    pub(super) async fn confirmations(&self) -> Result<Vec<Confirmation>, KeysFault> {
        if self.read_model.now().world.of_kind(Kind::TrustDomain).is_empty() {
            return Ok(Vec::new());
        }
        let said = |row: BundleConfirmation| {
            Some(Confirmation {
                domain: row.domain.parse().ok()?,
                node: row.node,
                sequence: u64::try_from(row.sequence).unwrap_or_default(),
                seen_at: accredit_id::time::Timestamp::from_unix(row.seen_at),
            })
        };
        Ok(self.store.bundle_confirmations().await?.into_iter().filter_map(said).collect())
    }

    /// Puts down that a node hands on the bundle of its trust domain with this sequence.
    ///
    /// # Errors
    /// The store does not answer; the node says it again when it comes the next time.
    #[expect(dead_code, reason = "nodes say it when they come")]
    pub(crate) async fn confirm_bundle(&self, domain: Id, node: &str, sequence: u64) -> Result<(), KeysFault> {
        let now = clock::now().unix();
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        let said = BundleConfirmation { domain: domain.to_string(), node: node.to_owned(), sequence, seen_at: now };
        Ok(self.store.confirm_bundle(&said, now - FORGOTTEN_AFTER).await?)
    }

    /// Before the first round: looks whether authorities above those of trust domains can be used, and says so; has trust
    /// domains without keys, as after a restore, get theirs at once.
    pub(crate) fn begin_domains(&self) {
        let keys = self.signing.keys.load_full();
        let has_keys = |slot: &Slot| keys.ring.lives().iter().any(|key| key.slot.domain == slot.domain);
        if self.known_slots().iter().any(|slot| !has_keys(slot)) {
            self.signing.hurry();
        }
        let world = self.read_model.now();
        for resource in world.world.of_kind(Kind::TrustDomain) {
            let Some(domain) = resource.as_trust_domain() else { continue };
            let Some(files) = self.upstreams.get(domain.name.as_str()) else { continue };
            if let Err(fault) = Upstream::read(files, &domain.name, clock::now()) {
                tell_upstream(domain.name.as_str(), &fault);
            }
        }
    }

    fn known_slots(&self) -> Vec<Slot> {
        let world = self.read_model.now();
        let domains = world.world.of_kind(Kind::TrustDomain);
        let of_domain = domains.iter().filter_map(|resource| {
            resource.as_trust_domain().map(|domain| Slot::of_domain(resource.id, domain.jwt_signing))
        });
        Slot::ALWAYS.into_iter().chain(of_domain.flatten()).collect()
    }
}

fn tell_upstream(domain: &str, fault: &UpstreamFault) {
    let hint = fault.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    tracing::error!(
        event = "upstream-unusable",
        trust_domain.name = domain,
        code = fault.code(),
        "authority above those of trust domain `{domain}` cannot be used: {fault}{hint}"
    );
}

/// So often another server may be faster.
const ATTEMPTS: u32 = 8;
/// Whoever makes a trust domain waits no longer for its keys; two RSA keys take a second.
const LONGEST_FOUNDING: Duration = Duration::from_secs(10);
/// Nodes that said nothing for a month are forgotten, in seconds.
const FORGOTTEN_AFTER: i64 = 30 * 24 * 3600;
