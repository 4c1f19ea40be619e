//! Following what other servers of the same store do.
//!
//! Nothing that is recorded rests on it: each commit looks at what the store knows. But a server decides on what it has in
//! memory, so what others change is brought there: as soon as they say so, every quarter of a second at the latest, and at once
//! when a decision turns out to be of yesterday.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accredit_core::model::{Id, Kind};
use accredit_core::plan::{self, Stored};
use accredit_core::world::World;
use accredit_core::world::pins::PinKey;
use accredit_id::time::Timestamp;
use accredit_store::{Head, Known, NamePin, News, Row, Sighting, StoreError};

use crate::admin::aside;
use crate::app::{App, what_holds};
use crate::read_model::InForce;
use crate::signing::KeysFault;
use crate::{clock, key_history};

/// How far this server has followed.
#[derive(Debug)]
pub(crate) struct Following {
    known: Mutex<Known>,
    /// Whether it failed when the store was looked at last.
    is_blind: AtomicBool,
    /// Whether that was because the store could not be reached.
    is_cut_off: AtomicBool,
}

/// Why what others did is not in force here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowFault {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Signing keys.
    #[error(transparent)]
    Keys(#[from] KeysFault),
    /// A resource that another server wrote.
    #[error("another server wrote a resource that cannot be used here: {0}")]
    Resource(String),
}

// === impl Following ===

impl Following {
    /// Goes on from here.
    pub(crate) fn from(known: Known) -> Self {
        Self { known: Mutex::new(known), is_blind: AtomicBool::new(false), is_cut_off: AtomicBool::new(false) }
    }

    /// Whether others may have changed something of which this server does not know.
    pub(crate) fn is_blind(&self) -> bool {
        self.is_blind.load(Relaxed)
    }

    /// Whether that is so because the store cannot be reached; otherwise it holds what is not understood here.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.is_blind() && self.is_cut_off.load(Relaxed)
    }

    /// How it went when the store was looked at.
    fn looked(&self, caught_up: &Result<(), FollowFault>) {
        self.is_cut_off.store(caught_up.as_ref().is_err_and(FollowFault::is_of_the_wire), Relaxed);
        self.is_blind.store(caught_up.is_err(), Relaxed);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl FollowFault ===

impl FollowFault {
    /// Whether nothing was learned of the store, rather than something that is not understood.
    fn is_of_the_wire(&self) -> bool {
        matches!(
            self,
            Self::Store(StoreError::Unavailable { .. }) | Self::Keys(KeysFault::Store(StoreError::Unavailable { .. }))
        )
    }
}

impl App {
    /// Follows until the process ends; where the store is this process's own, there is nothing to follow.
    pub(crate) async fn follow(self: Arc<Self>) {
        if !self.store.is_shared() {
            return;
        }
        loop {
            self.store.changed().await;
            let was_blind = self.following.is_blind();
            match self.catch_up().await {
                Ok(()) => {
                    if was_blind {
                        tracing::info!(event = "store-followed-again", "what other servers do is followed again");
                    }
                    self.try_the_store_again().await;
                }
                Err(fault) if !was_blind => {
                    tracing::error!(event = "store-not-followed", "what other servers do cannot be followed: {fault}");
                }
                Err(_) => {}
            }
        }
    }

    /// Brings into force what others did.
    pub(crate) async fn catch_up(&self) -> Result<(), FollowFault> {
        let _one_at_a_time = self.changing.lock().await;
        self.catch_up_meanwhile().await
    }

    /// The same, where the caller holds `changing`. Nothing to do where the store is this process's own.
    pub(crate) async fn catch_up_meanwhile(&self) -> Result<(), FollowFault> {
        if !self.store.is_shared() {
            return Ok(());
        }
        let caught_up = self.bring_news().await;
        self.following.looked(&caught_up);
        caught_up
    }

    /// Before a decision that was of yesterday is made again: until something is in force that it was not made on. Elsewhere it
    /// is there already, or is being published.
    pub(crate) async fn await_what_is_newer(&self, decided_on: i64, attempt: u64) {
        if !self.store.is_shared() {
            return tokio::time::sleep(Duration::from_millis(attempt)).await;
        }
        let caught_up = async {
            let _one_at_a_time = self.changing.lock().await;
            // Many wait here at the same time; the first one does it for all.
            if self.read_model.now().revocation <= decided_on {
                // What cannot be followed is told by whoever follows all the time.
                let _ = self.catch_up_meanwhile().await;
            }
        };
        let _ = tokio::time::timeout(LONGEST_WAIT, caught_up).await;
    }

    /// Before somebody is told what another server did: whatever he asks here next must know of it.
    pub(crate) async fn hear_of_others(&self) {
        if !self.store.is_shared() {
            return;
        }
        let caught_up = async {
            let _one_at_a_time = self.changing.lock().await;
            // What cannot be followed is told by whoever follows all the time.
            let _ = self.catch_up_meanwhile().await;
        };
        let _ = tokio::time::timeout(LONGEST_WAIT, caught_up).await;
    }

    /// Brings a head into force behind a deed of this server that changed no resource: whoever decided on what was before
    /// decides again. The caller holds `changing`.
    pub(crate) async fn publish_head(&self, before: &InForce, head: Head, unpinned: &[PinKey]) {
        if self.store.is_shared() {
            // Others may have changed something in between, so that it takes more than the number.
            if let Err(fault) = self.catch_up_meanwhile().await {
                tracing::warn!(event = "change-not-in-force", "what was changed is not in force here yet: {fault}");
            }
            return;
        }
        let mut world = before.world.clone();
        world.sequence = head.sequence;
        self.read_model.publish(InForce { world, revocation: head.revocation }, unpinned);
    }

    async fn bring_news(&self) -> Result<(), FollowFault> {
        let before = self.read_model.now();
        // What this server changed itself is in force, and need not be brought again.
        let known = *self.following.known();
        let since = Known { sequence: known.sequence.max(before.world.sequence), ..known };
        let news = match self.store.news(since).await {
            Ok(None) => return Ok(()),
            Ok(Some(news)) => news,
            Err(StoreError::UnknownSequence { .. }) => return self.start_over().await,
            Err(fault) => return Err(fault.into()),
        };
        self.signing.trust.look(&self.store, clock::now());
        // What somebody else wrote counts no more, nor what refers to it.
        if !self.store.tampering().is_empty() {
            return self.read_anew().await;
        }
        let now = news.known;
        if news.head.sequence > since.sequence {
            self.bring_resources(&before, &news).await?;
        }
        self.bring_the_rest(news);
        *self.following.known() = now;
        Ok(())
    }

    async fn bring_resources(&self, before: &InForce, news: &News) -> Result<(), FollowFault> {
        let puts = stored(&news.puts)?;
        let deletes: Vec<Id> = news.deletes.iter().filter_map(|(_, id)| id.parse().ok()).collect();
        let follow = || plan::follow(&before.world, news.head.sequence, puts, &deletes, &self.context());
        let next = aside(follow).map_err(|fault| FollowFault::Resource(fault.message))?;
        // Somebody may have taken pins away.
        let pins = match news.head.revocation > before.revocation {
            true => Some(self.store.pins().await?),
            false => None,
        };
        // The keys first: what is decided behind a revocation is signed by those that it left.
        self.signing.read(&self.store, clock::now()).await?;
        self.replace(before, next, news.head.revocation, pins.as_deref());
        let (changes, sequence) = (news.puts.len() + news.deletes.len(), news.head.sequence);
        if changes > 0 {
            tracing::info!(event = "resources-followed", changes, sequence, "another server changed resources");
        }
        Ok(())
    }

    /// The store is not the one that it was: it was restored, or another one took its place.
    async fn start_over(&self) -> Result<(), FollowFault> {
        tracing::warn!(event = "store-gone-back", "the store has gone back; everything is read anew");
        self.read_anew().await
    }

    async fn read_anew(&self) -> Result<(), FollowFault> {
        let before = self.read_model.now();
        let known = self.store.known().await?;
        let loaded = self.store.load().await?;
        let (sequence, rows) = (loaded.head.sequence, stored(&loaded.rows)?);
        let next = match self.store.tampering().is_empty() {
            true => aside(|| plan::restore(sequence, rows, &self.context()))
                .map_err(|fault| FollowFault::Resource(fault.message))?,
            false => aside(|| what_holds(sequence, rows, &self.context())),
        };
        let pins = self.store.pins().await?;
        self.signing.read(&self.store, clock::now()).await?;
        self.replace(&before, next, loaded.head.revocation, Some(&pins));
        let (revoked, sightings) = (self.store.revoked_tokens().await?, self.store.sightings().await?);
        let bundles = self.store.bundles().await?;
        let (head, puts, deletes) = (loaded.head, Vec::new(), Vec::new());
        self.bring_the_rest(News { known, head, puts, deletes, pins, revoked, sightings, bundles });
        *self.following.known() = Known { sequence: loaded.head.sequence, ..known };
        Ok(())
    }

    /// Puts another world into force. Keys of providers that are not what they were go first (J13).
    fn replace(&self, before: &InForce, next: World, revocation: i64, pins: Option<&[NamePin]>) {
        // Before it is decided on: where rows are missing, a mapping may be there without the one that narrows it.
        self.signing.trust.look(&self.store, clock::now());
        let is_changed = |id: Id| match (before.world.by_id(id), next.by_id(id)) {
            (Some(before), Some(next)) => !Arc::ptr_eq(before, next),
            _ => true,
        };
        let providers = next.of_kind(Kind::Provider);
        self.renew_keys(
            providers
                .into_iter()
                .filter(|provider| before.world.by_id(provider.id).is_some() && is_changed(provider.id)),
        );
        let is_left = |id: &str| id.parse::<Id>().is_ok_and(|id| next.by_id(id).is_some());
        if before.world.of_kind(Kind::Provider).iter().any(|provider| next.by_id(provider.id).is_none()) {
            self.provider_keys.retain(|id| next.by_id(id).is_some());
            self.watch.retain(is_left);
            self.key_history.retain(is_left);
        }
        self.read_model.follow(InForce { world: next, revocation }, pins);
        self.relations.follow(&self.read_model.now().world);
    }

    fn bring_the_rest(&self, news: News) {
        let News { pins, revoked, sightings, bundles, .. } = news;
        self.relations.hear(bundles);
        if !pins.is_empty() {
            self.read_model.pin(&pins);
        }
        let now = clock::now();
        for token in revoked {
            self.tokens.revoke_decision(token.decision, Timestamp::from_unix(token.expires_at), now);
        }
        let (key_sets, seen) =
            sightings.into_iter().partition::<Vec<Sighting>, _>(|seen| seen.code == key_history::CODE);
        self.key_history.hear(key_sets);
        self.watch.hear(seen);
    }
}

/// Rows as the plan reads them.
fn stored(rows: &[Row]) -> Result<Vec<Stored>, FollowFault> {
    let read = |row: &Row| {
        let id = row.id.parse::<Id>().map_err(|fault| FollowFault::Resource(fault.to_string()))?;
        let Row { name, enabled, revision, body, .. } = row.clone();
        Ok(Stored { id, name, enabled, revision, body })
    };
    rows.iter().map(read).collect()
}

/// A request waits no longer for what is newer; it is told to come back then.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
