//! The keys of one provider: held, refreshed behind the callers' backs, never fetched twice at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accredit_core::model::Id;
use accredit_id::jose::jwk::KeySet;
use accredit_id::shown::Shown;
use accredit_id::time::Timestamp;
use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use tokio::time::timeout;

use super::fault::FetchFault;
use super::fetch::{Fetched, Fetcher};
use super::live::LiveKeys;
use super::seen_sets::{SeenSet, SeenSets};
use super::source::{KeyPlace, KeySource};

/// The keys of one provider.
///
/// | what is asked for | what happens |
/// |---|---|
/// | a key that is held | answered at once; if the set is due, a refresh begins behind |
/// | a key that is not held | whoever begins the refresh waits two seconds for it at most, so that the first token of a new key is not lost; everybody else is answered at once from what is held |
/// | any key, none held | everybody waits for the one fetch that is under way |
///
/// At most one fetch is under way, and one begins at most every [`COOL_DOWN`], whatever comes in and whatever comes out. A set
/// that is empty or broken never replaces a good one. Nothing is fetched before somebody asks.
///
/// Time is the caller's: `now` is the wall clock, because sets held too long are judged by it also after the machine slept.
pub(crate) struct ProviderKeys {
    provider: Id,
    source: Arc<KeySource>,
    fetcher: Arc<Fetcher>,
    seen: Arc<SeenSets>,
    held: ArcSwapOption<Held>,
    attempts: Mutex<Attempts>,
}

/// There are no keys to judge by, and why: the token can be neither accepted nor called false.
#[derive(Debug, Clone)]
pub(crate) struct KeysUnavailable {
    /// Why the latest fetch failed; `None` when it is still under way.
    pub(crate) fault: Option<Arc<FetchFault>>,
    /// From when on another fetch may begin.
    pub(crate) next_try: Option<Timestamp>,
}

/// The time between the beginnings of two fetches for one provider. INVARIANT: longer than a fetch may take (10 s), so that
/// a provider which never answers is left alone in between.
pub(crate) const COOL_DOWN: Duration = Duration::from_secs(30);

/// How long fetched keys are used at most. INVARIANT: a key that its issuer withdrew verifies nothing after this, even
/// when the issuer has not been reached since.
pub(crate) const HARD_LIMIT: Duration = Duration::from_secs(24 * 3600);

// === impl ProviderKeys ===

impl ProviderKeys {
    /// Keys that will be fetched from `source` when they are first asked for. Each look at them is added to `seen`.
    pub(crate) fn new(provider: Id, source: Arc<KeySource>, fetcher: Arc<Fetcher>, seen: Arc<SeenSets>) -> Self {
        if let KeyPlace::Uploaded(set) = &source.place
            && !set.is_empty()
        {
            seen.add(SeenSet { provider, at: None, set: Arc::clone(set), location: Box::default() });
        }
        let attempts = Mutex::new(Attempts::default());
        Self { provider, source, fetcher, seen, held: ArcSwapOption::const_empty(), attempts }
    }

    /// Where these keys come from.
    pub(crate) fn source(&self) -> &Arc<KeySource> {
        &self.source
    }

    /// The keys that are held and not too old. Fetches nothing, also not behind: for whoever only explains.
    pub(crate) fn current(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        match &self.source.place {
            KeyPlace::Uploaded(set) => return Some(Arc::clone(set)),
            KeyPlace::Live(live) => return live.keys(),
            KeyPlace::Discovery { .. } | KeyPlace::JwksUrl(_) => {}
        }
        let held = self.held.load();
        held.as_ref().filter(|held| held.is_usable(now)).map(|held| Arc::clone(&held.fetched.set))
    }

    /// The keys to judge a token by that names `kid`. The set may still lack it; then it is not to be had.
    ///
    /// Returns at once except in the two cases of the table above: within two seconds while keys are held, within a fetch's ten
    /// while none are.
    pub(crate) async fn keys_for(
        self: &Arc<Self>,
        kid: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<KeySet>, KeysUnavailable> {
        if let Some(set) = self.held_for(kid, now) {
            return Ok(set);
        }
        if let KeyPlace::Live(live) = &self.source.place {
            live.refreshed(now).await;
            return live.keys().ok_or_else(|| {
                let fault = live.relation().and_then(|relation| relation.attempts().last_error);
                KeysUnavailable { fault, next_try: None }
            });
        }
        let held = self.current(now);
        match self.begin(now) {
            Begun::Here(mut landed) | Begun::Elsewhere(mut landed) if held.is_none() => wait(&mut landed).await,
            // Running out of patience is no fault: what is held answers.
            Begun::Here(mut landed) => drop(timeout(PATIENCE, wait(&mut landed)).await),
            Begun::Elsewhere(_) | Begun::NotYet => {}
        }
        self.current(now).or(held).ok_or_else(|| {
            let attempts = self.attempts();
            KeysUnavailable { fault: attempts.last_error.clone(), next_try: attempts.next_try(now) }
        })
    }

    /// The keys that are held, when `kid` is among them (or no `kid` is asked for). Never waits; begins a refresh behind when
    /// the set is due.
    pub(crate) fn held_for(self: &Arc<Self>, kid: Option<&str>, now: Timestamp) -> Option<Arc<KeySet>> {
        match &self.source.place {
            KeyPlace::Uploaded(set) => return Some(Arc::clone(set)),
            KeyPlace::Live(live) => {
                return live.keys().filter(|set| kid.is_none_or(|kid| set.keys().any(|key| key.kid() == kid)));
            }
            KeyPlace::Discovery { .. } | KeyPlace::JwksUrl(_) => {}
        }
        let held = self.held.load();
        let held = held.as_ref().filter(|held| held.is_usable(now))?;
        if kid.is_some_and(|kid| held.fetched.set.keys().all(|key| key.kid() != kid)) {
            return None;
        }
        if held.is_due(now) {
            self.begin(now);
        }
        Some(Arc::clone(&held.fetched.set))
    }

    /// Says that a key is not among those of this provider, for operators: how old what is held is, and when it is worth
    /// trying again.
    pub(crate) fn lacking(&self, provider: &str, kid: &str, now: Timestamp) -> (String, Option<String>) {
        let lacking = format!("provider `{provider}` has no key `{}`", Shown::of(kid));
        if matches!(self.source.place, KeyPlace::Uploaded(_)) {
            return (
                format!("{lacking}; its keys were uploaded"),
                Some("upload the issuer's present key set".to_owned()),
            );
        }
        if let KeyPlace::Live(live) = &self.source.place {
            return live_lacking(live, &lacking);
        }
        let age = self.held.load().as_ref().map(|held| now.seconds_since(held.fetched_at).max(0));
        let attempts = self.attempts();
        let text = match (age, &attempts.last_error) {
            (Some(age), None) => format!("{lacking}; its keys were fetched {age} s ago"),
            (Some(age), Some(fault)) => {
                format!("{lacking}; its keys were fetched {age} s ago, and not since: {}", fault.operator_text())
            }
            (None, _) => lacking,
        };
        // A refresh that is under way may bring it any moment.
        let next_try = attempts.next_try(now).filter(|_| attempts.flight().is_none());
        let wait = next_try.map_or(1, |next| next.seconds_since(now));
        (text, Some(format!("retry in {wait} s")))
    }

    /// Begins a fetch unless one is under way or began a moment ago.
    fn begin(self: &Arc<Self>, now: Timestamp) -> Begun {
        let mut attempts = self.attempts();
        if let Some(landed) = attempts.flight() {
            return Begun::Elsewhere(landed);
        }
        if attempts.next_try(now).is_some() {
            return Begun::NotYet;
        }
        let (flight, landed) = watch::channel(());
        attempts.landed = Some(landed.clone());
        attempts.began_at = Some(now);
        attempts.pause = COOL_DOWN;
        drop(attempts);
        let keys = Arc::clone(self);
        let fetcher = Arc::clone(&self.fetcher);
        // A task of its own: whoever began the fetch may hang up, those who wait with him shall not be the worse for it.
        tokio::spawn(fetcher.told(async move {
            let held = keys.held();
            let outcome = keys.fetcher.keys(&keys.source, held.as_deref().map(|held| &held.fetched)).await;
            keys.land(outcome, now);
            drop(flight);
        }));
        Begun::Here(landed)
    }

    /// Takes in what a fetch that began at `began_at` brought.
    fn land(&self, outcome: Result<Fetched, FetchFault>, began_at: Timestamp) {
        let last_error = match outcome {
            Ok(fetched) => {
                self.take_in(fetched, began_at);
                None
            }
            Err(fault) => {
                let (code, problem) = (fault.code(), fault.operator_text());
                tracing::warn!(event = "provider-keys-not-fetched", provider.id = %self.provider, error.code = code, "provider keys not fetched: {problem}");
                Some(Arc::new(fault))
            }
        };
        let mut attempts = self.attempts();
        if let Some(asked) = last_error.as_ref().and_then(|fault| fault.retry_after()) {
            attempts.pause = asked.clamp(COOL_DOWN, LONGEST_PAUSE);
        }
        match &last_error {
            None => attempts.fetches += 1,
            Some(_) => attempts.failures += 1,
        }
        attempts.last_error = last_error;
        attempts.landed = None;
    }

    fn take_in(&self, fetched: Fetched, began_at: Timestamp) {
        let due_after = due_after(self.provider, fetched.holds_for, began_at);
        let (usable, dropped) = (fetched.set.keys().len(), fetched.set.dropped().len());
        for key in fetched.set.dropped().iter().filter(|key| key.fault.is_alarming()) {
            let code = key.fault.code();
            tracing::error!(event = "provider-publishes-secrets", provider.id = %self.provider, key.fault = code, "provider publishes secret keys");
        }
        tracing::debug!(event = "provider-keys-fetched", provider.id = %self.provider, keys.usable = usable, keys.dropped = dropped, "provider keys fetched");
        let (set, location) = (Arc::clone(&fetched.set), fetched.location.clone());
        self.held.store(Some(Arc::new(Held { fetched, fetched_at: began_at, due_after })));
        self.seen.add(SeenSet { provider: self.provider, at: Some(began_at), set, location });
    }

    /// What is held, however old.
    pub(super) fn held(&self) -> Option<Arc<Held>> {
        self.held.load_full()
    }

    #[cfg(test)]
    pub(super) fn is_refreshing(&self) -> bool {
        self.attempts().flight().is_some()
    }

    pub(super) fn attempts(&self) -> MutexGuard<'_, Attempts> {
        // Nothing that holds the lock can panic half-way.
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl KeysUnavailable ===

impl KeysUnavailable {
    /// The sentence for operators, with the provider's name.
    pub(crate) fn operator_text(&self, provider: &str) -> String {
        match &self.fault {
            Some(fault) => format!("provider `{provider}` has no keys: {}", fault.operator_text()),
            None => format!("provider `{provider}` has no keys yet"),
        }
    }

    /// What the operator can do, where there is one thing.
    pub(crate) fn hint(&self) -> Option<String> {
        self.fault.as_ref().and_then(|fault| fault.hint()).map(str::to_owned)
    }
}

/// A set that was fetched.
pub(super) struct Held {
    pub(super) fetched: Fetched,
    pub(super) fetched_at: Timestamp,
    /// How long after `fetched_at` a refresh is due.
    due_after: Duration,
}

impl Held {
    pub(super) fn is_usable(&self, now: Timestamp) -> bool {
        now.seconds_since(self.fetched_at).unsigned_abs() < HARD_LIMIT.as_secs()
    }

    /// A clock that was set back counts as time passed, so that a set is not held fresh for ever.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        now.seconds_since(self.fetched_at).unsigned_abs() >= self.due_after.as_secs()
    }

    pub(super) fn refresh_at(&self) -> Timestamp {
        self.fetched_at.plus(self.due_after)
    }

    pub(super) fn usable_until(&self) -> Timestamp {
        self.fetched_at.plus(HARD_LIMIT)
    }
}

/// What was tried.
#[derive(Default)]
pub(super) struct Attempts {
    /// Closes when the fetch under way has landed, or when its task died.
    landed: Option<watch::Receiver<()>>,
    pub(super) began_at: Option<Timestamp>,
    /// How long after `began_at` no other fetch begins.
    pause: Duration,
    pub(super) last_error: Option<Arc<FetchFault>>,
    pub(super) fetches: u64,
    pub(super) failures: u64,
}

impl Attempts {
    fn flight(&self) -> Option<watch::Receiver<()>> {
        self.landed.as_ref().filter(|landed| landed.has_changed().is_ok()).cloned()
    }

    pub(super) fn next_try(&self, now: Timestamp) -> Option<Timestamp> {
        let began_at = self.began_at?;
        let next = began_at.plus(self.pause);
        // A clock that was set back does not prolong the pause.
        (began_at <= now && now < next).then_some(next)
    }
}

/// The same of keys that are kept elsewhere.
fn live_lacking(live: &LiveKeys, lacking: &str) -> (String, Option<String>) {
    let Some(relation) = live.relation() else {
        return (format!("{lacking}; its keys are this server's own"), None);
    };
    let text = match (relation.held(), relation.attempts().last_error) {
        (Some(held), None) if held.jwt.is_empty() => format!("{lacking}: everything of its trust domain is revoked"),
        (_, None) => lacking.to_owned(),
        (_, Some(fault)) => format!("{lacking}: {}", fault.operator_text()),
    };
    (text, Some("see `accredit federation get`, or `accredit provider keys`".to_owned()))
}

enum Begun {
    Here(watch::Receiver<()>),
    Elsewhere(watch::Receiver<()>),
    NotYet,
}

/// Waits until the fetch has landed; the sender never sends, it only goes away.
async fn wait(landed: &mut watch::Receiver<()>) {
    while landed.changed().await.is_ok() {}
}

/// When a set is due for a refresh: what the answer allows within bounds, ten minutes when it says nothing, and up to a
/// fifth earlier, each provider by its own measure, so that those which were first asked together part ways. Where that would be
/// too early, it is later by as much.
fn due_after(provider: Id, holds_for: Option<Duration>, fetched_at: Timestamp) -> Duration {
    let allowed = holds_for.unwrap_or(FRESH).clamp(FRESHEST, HARD_LIMIT);
    let mut hasher = std::hash::DefaultHasher::new();
    std::hash::Hash::hash(&(provider.bits(), fetched_at), &mut hasher);
    let early = u32::try_from(std::hash::Hasher::finish(&hasher) % 150).unwrap_or_default() + 50;
    (allowed - allowed * early / 1000).max(FRESHEST + FRESHEST * early / 1000)
}

/// How long a set counts as fresh when its answer says nothing.
const FRESH: Duration = Duration::from_secs(600);

/// The shortest time between a set and its refresh, whatever the answer says.
const FRESHEST: Duration = Duration::from_secs(60);

/// The longest that a provider's `Retry-After` is heeded: it must not lock its own users out.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How long whoever asks for a key that is not held waits for the fetch that he began, while others are.
const PATIENCE: Duration = Duration::from_secs(2);
