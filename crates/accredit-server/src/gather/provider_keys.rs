//! The keys of one provider: held, refreshed behind the callers' backs, never fetched twice at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accredit_id::jose::jwk::KeySet;
use accredit_id::shown::Shown;
use accredit_id::time::Timestamp;
use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use super::fault::FetchFault;
use super::fetch::{Fetched, Fetcher};
use super::source::{KeyPlace, KeySource};

/// The keys of one provider.
///
/// | what is asked for | what happens |
/// |---|---|
/// | a key that is held | answered at once; if the set is due, a refresh begins behind |
/// | a key that is not held | whoever begins the refresh waits for it; everybody else is answered at once from what is held |
/// | any key, none held | everybody waits for the one fetch that is under way |
///
/// At most one fetch is under way, and one begins at most every [`COOL_DOWN`], whatever comes in and whatever comes out. A set
/// that is empty or broken never replaces a good one. Nothing is fetched before somebody asks.
///
/// Time is the caller's: `now` is the wall clock, because sets held too long are judged by it also after the machine slept.
pub(crate) struct ProviderKeys {
    provider: Box<str>,
    source: Arc<KeySource>,
    fetcher: Arc<Fetcher>,
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
    /// Keys that will be fetched from `source` when they are first asked for. `provider` is its id, for the log.
    pub(crate) fn new(provider: &str, source: Arc<KeySource>, fetcher: Arc<Fetcher>) -> Self {
        let attempts = Mutex::new(Attempts::default());
        Self { provider: provider.into(), source, fetcher, held: ArcSwapOption::const_empty(), attempts }
    }

    /// Where these keys come from.
    pub(crate) fn source(&self) -> &Arc<KeySource> {
        &self.source
    }

    /// The keys that are held and not too old. Fetches nothing, also not behind: for whoever only explains.
    pub(crate) fn current(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        if let KeyPlace::Uploaded(set) = &self.source.place {
            return Some(Arc::clone(set));
        }
        let held = self.held.load();
        held.as_ref().filter(|held| held.is_usable(now)).map(|held| Arc::clone(&held.set))
    }

    /// The keys to judge a token by that names `kid`. The set may still lack it; then it is not to be had.
    ///
    /// Returns at once except in the two cases of the table above, and then within a fetch's ten seconds.
    pub(crate) async fn keys_for(
        self: &Arc<Self>,
        kid: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<KeySet>, KeysUnavailable> {
        if let Some(set) = self.held_for(kid, now) {
            return Ok(set);
        }
        let held = self.current(now);
        match self.begin(now) {
            Begun::Here(mut landed) => wait(&mut landed).await,
            Begun::Elsewhere(mut landed) if held.is_none() => wait(&mut landed).await,
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
        if let KeyPlace::Uploaded(set) = &self.source.place {
            return Some(Arc::clone(set));
        }
        let held = self.held.load();
        let held = held.as_ref().filter(|held| held.is_usable(now))?;
        if kid.is_some_and(|kid| held.set.keys().all(|key| key.kid() != kid)) {
            return None;
        }
        if held.is_due(now) {
            self.begin(now);
        }
        Some(Arc::clone(&held.set))
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
        // A task of its own: whoever began the fetch may hang up, those who wait with him shall not be the worse for it.
        tokio::spawn(async move {
            let outcome = keys.fetcher.keys(&keys.source).await;
            keys.land(outcome, now);
            drop(flight);
        });
        Begun::Here(landed)
    }

    /// Takes in what a fetch that began at `began_at` brought.
    fn land(&self, outcome: Result<Fetched, FetchFault>, began_at: Timestamp) {
        let last_error = match outcome {
            Ok(fetched) => {
                let due_after = due_after(&self.provider, fetched.max_age, began_at);
                let (usable, dropped) = (fetched.set.keys().len(), fetched.set.dropped().len());
                for key in fetched.set.dropped().iter().filter(|key| key.fault.is_alarming()) {
                    let code = key.fault.code();
                    tracing::error!(provider.id = %self.provider, key.fault = code, "provider publishes secret keys");
                }
                self.held.store(Some(Arc::new(Held { set: fetched.set, fetched_at: began_at, due_after })));
                tracing::debug!(provider.id = %self.provider, keys.usable = usable, keys.dropped = dropped, "provider keys fetched");
                None
            }
            Err(fault) => {
                let (code, problem) = (fault.code(), fault.operator_text());
                tracing::warn!(provider.id = %self.provider, error.code = code, "provider keys not fetched: {problem}");
                Some(Arc::new(fault))
            }
        };
        let mut attempts = self.attempts();
        if let Some(asked) = last_error.as_ref().and_then(|fault| fault.retry_after()) {
            attempts.pause = asked.clamp(COOL_DOWN, LONGEST_PAUSE);
        }
        attempts.last_error = last_error;
        attempts.landed = None;
    }

    #[cfg(test)]
    pub(super) fn is_refreshing(&self) -> bool {
        self.attempts().flight().is_some()
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
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

struct Held {
    set: Arc<KeySet>,
    fetched_at: Timestamp,
    /// How long after `fetched_at` a refresh is due.
    due_after: Duration,
}

impl Held {
    fn is_usable(&self, now: Timestamp) -> bool {
        now.seconds_since(self.fetched_at).unsigned_abs() < HARD_LIMIT.as_secs()
    }

    /// A clock that was set back counts as time passed, so that a set is not held fresh for ever.
    fn is_due(&self, now: Timestamp) -> bool {
        now.seconds_since(self.fetched_at).unsigned_abs() >= self.due_after.as_secs()
    }
}

#[derive(Default)]
struct Attempts {
    /// Closes when the fetch under way has landed, or when its task died.
    landed: Option<watch::Receiver<()>>,
    began_at: Option<Timestamp>,
    /// How long after `began_at` no other fetch begins.
    pause: Duration,
    last_error: Option<Arc<FetchFault>>,
}

impl Attempts {
    fn flight(&self) -> Option<watch::Receiver<()>> {
        self.landed.as_ref().filter(|landed| landed.has_changed().is_ok()).cloned()
    }

    fn next_try(&self, now: Timestamp) -> Option<Timestamp> {
        let began_at = self.began_at?;
        let next = began_at.plus(self.pause);
        // A clock that was set back does not prolong the pause.
        (began_at <= now && now < next).then_some(next)
    }
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
/// fifth earlier, each provider by its own measure, so that those which were first asked together part ways.
fn due_after(provider: &str, max_age: Option<Duration>, fetched_at: Timestamp) -> Duration {
    let allowed = max_age.unwrap_or(FRESH).clamp(FRESHEST, HARD_LIMIT);
    let mut hasher = std::hash::DefaultHasher::new();
    std::hash::Hash::hash(&(provider, fetched_at), &mut hasher);
    let early = u32::try_from(std::hash::Hasher::finish(&hasher) % 150).unwrap_or_default() + 50;
    (allowed - allowed * early / 1000).max(FRESHEST)
}

/// How long a set counts as fresh when its answer says nothing.
const FRESH: Duration = Duration::from_secs(600);

/// The shortest time between a set and its refresh, whatever the answer says.
const FRESHEST: Duration = Duration::from_secs(60);

/// The longest that a provider's `Retry-After` is heeded: it must not lock its own users out.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
