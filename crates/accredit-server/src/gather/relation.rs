//! The bundle of one foreign trust domain: held, judged before it is replaced, asked for by its own hint.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accredit_core::model::{FederationProfile, Id, KeysSpec, Resource};
use accredit_id::base64url;
use accredit_id::bundle::{Bundle, DroppedEntry};
use accredit_id::digest::sha256;
use accredit_id::jose::jwk::{KeySet, Source};
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::svid::authority::Authority;
use accredit_id::time::Timestamp;
use accredit_store::KeptBundle;
use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use super::bundle::KnownBy;
use super::fault::{FetchCause, FetchFault};
use super::fetch::Fetcher;
use super::provider_keys::COOL_DOWN;

/// The bundle of one foreign trust domain, of a federation or of a provider whose keys are a bundle's.
pub(crate) struct Relation {
    /// The federation or provider.
    pub(crate) owner: Id,
    pub(crate) terms: Terms,
    held: ArcSwapOption<HeldBundle>,
    attempts: Mutex<BundleAttempts>,
    /// Counts the fetches that have landed.
    landed: watch::Sender<u64>,
}

/// Where a bundle lies, and by what its endpoint is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Terms {
    /// The foreign trust domain.
    pub(crate) trust_domain: String,
    pub(crate) url: String,
    pub(crate) profile: FederationProfile,
    pub(crate) endpoint_spiffe_id: Option<SpiffeId>,
    /// By what the endpoint is known until a bundle is held, and a digest of that.
    bootstrap: Vec<Authority>,
    origin: String,
    /// Whether it counts at all.
    pub(crate) enabled: bool,
}

/// A bundle that is held.
#[derive(Debug)]
pub(crate) struct HeldBundle {
    pub(crate) sequence: Option<u64>,
    pub(crate) refresh_hint: Option<u64>,
    pub(crate) jwt: Arc<KeySet>,
    pub(crate) x509: Vec<Authority>,
    pub(crate) dropped: Vec<DroppedEntry>,
    pub(crate) kept: KeptBundle,
}

/// What was tried.
#[derive(Clone, Debug, Default)]
pub(crate) struct BundleAttempts {
    under_way: bool,
    wanted: bool,
    pub(crate) began_at: Option<Timestamp>,
    /// When what is held was brought or confirmed last by this server.
    pub(crate) confirmed_at: Option<Timestamp>,
    pub(crate) next_at: Option<Timestamp>,
    pub(crate) last_error: Option<Arc<FetchFault>>,
    pub(crate) fetches: u64,
    pub(crate) failures: u64,
    /// The same by their codes.
    pub(crate) faults: BTreeMap<&'static str, u64>,
}

/// What a fetch brought.
pub(crate) enum Brought {
    /// The bundle that is held.
    Same,
    /// Another one, to be written down before it counts.
    News(Box<HeldBundle>),
}

// === impl Relation ===

impl Relation {
    /// A relation, with what was held under other terms: a sequence never goes back, whatever its endpoint is.
    pub(super) fn new(owner: Id, terms: Terms, before: Option<&Self>) -> Self {
        let held = ArcSwapOption::new(before.and_then(|before| before.held.load_full()));
        Self { owner, terms, held, attempts: Mutex::default(), landed: watch::Sender::new(0) }
    }

    /// The bundle that is held, whoever may rely on it.
    pub(crate) fn held(&self) -> Option<Arc<HeldBundle>> {
        self.held.load_full()
    }

    /// The keys of JWT-SVIDs; none while nothing is held, or while the relation does not count. An empty set is everything
    /// revoked.
    pub(crate) fn keys(&self) -> Option<Arc<KeySet>> {
        self.held.load().as_ref().filter(|_| self.terms.enabled).map(|held| Arc::clone(&held.jwt))
    }

    /// Takes in what the store holds, unless something newer is held.
    pub(crate) fn hear(&self, kept: KeptBundle) {
        if self.held.load().as_ref().is_some_and(|held| held.kept.revision >= kept.revision) {
            return;
        }
        match HeldBundle::read(kept) {
            Ok(held) => self.held.store(Some(Arc::new(held))),
            Err(fault) => {
                tracing::error!(event = "bundle-unreadable", owner.id = %self.owner, "a bundle of the store cannot be read: {fault}");
            }
        }
    }

    pub(crate) fn attempts(&self) -> BundleAttempts {
        self.trying().clone()
    }

    /// Whether a fetch is to begin now. Says yes once for each.
    pub(super) fn begins(&self, now: Timestamp) -> bool {
        let mut attempts = self.trying();
        let is_due = attempts.wanted || attempts.next_at.is_none_or(|next| next <= now || attempts.has_gone_back(now));
        if !self.terms.enabled || attempts.under_way || !is_due {
            return false;
        }
        attempts.under_way = true;
        attempts.wanted = false;
        attempts.began_at = Some(now);
        true
    }

    /// Asks for a fetch, at most one in each cool-down but for an operator's; whoever waits hears of it when it has landed.
    pub(super) fn want(&self, now: Timestamp, by_operator: bool) -> Option<watch::Receiver<u64>> {
        let mut attempts = self.trying();
        let is_cooling =
            attempts.began_at.is_some_and(|began| now.seconds_since(began).unsigned_abs() < COOL_DOWN.as_secs());
        if !self.terms.enabled || !attempts.under_way && is_cooling && !by_operator {
            return None;
        }
        attempts.wanted |= !attempts.under_way;
        Some(self.landed.subscribe())
    }

    /// Fetches the bundle and judges it by what is held (L15).
    pub(crate) async fn fetch(&self, fetcher: &Fetcher, now: Timestamp) -> Result<Brought, FetchFault> {
        let held = self.held();
        let (bundle, document) = {
            let known = held.as_ref().filter(|held| held.kept.origin == self.terms.origin);
            let authorities = known.map_or(&self.terms.bootstrap, |held| &held.x509);
            let known_by = match &self.terms.endpoint_spiffe_id {
                Some(id) => KnownBy::Spiffe { id, authorities },
                None => KnownBy::Web,
            };
            fetcher.bundle(&self.terms.url, known_by).await?
        };
        let kept = KeptBundle {
            owner: self.owner.to_string(),
            document,
            origin: self.terms.origin.clone(),
            revision: held.as_ref().map_or(0, |held| held.kept.revision) + 1,
            fetched_at: now.unix(),
        };
        let news = HeldBundle::of(bundle, kept);
        match held {
            None => Ok(Brought::News(Box::new(news))),
            Some(held) => match held.precedes(&news).map_err(|cause| self.fault(cause))? {
                true => Ok(Brought::News(Box::new(news))),
                false => Ok(Brought::Same),
            },
        }
    }

    /// A fault of this relation's bundle.
    pub(crate) fn fault(&self, cause: FetchCause) -> FetchFault {
        FetchFault::of_bundle(&self.terms.url, cause)
    }

    /// Puts another bundle into force.
    pub(crate) fn hold(&self, held: HeldBundle) {
        self.held.store(Some(Arc::new(held)));
    }

    /// A fetch has landed. Says whether its fault is another one than before.
    pub(crate) fn land(&self, outcome: Result<(), FetchFault>, now: Timestamp) -> bool {
        let hint = self.held.load().as_ref().map(|held| held.refresh_hint);
        let mut attempts = self.trying();
        attempts.under_way = false;
        attempts.next_at = Some(now.plus(until_next(self.owner, hint, now)));
        let before = attempts.last_error.as_ref().map(|fault| fault.code());
        match outcome {
            Ok(()) => {
                attempts.fetches += 1;
                attempts.confirmed_at = Some(now);
                attempts.last_error = None;
            }
            Err(fault) => {
                attempts.failures += 1;
                *attempts.faults.entry(fault.code()).or_default() += 1;
                attempts.last_error = Some(Arc::new(fault));
            }
        }
        let is_other = attempts.last_error.as_ref().is_some_and(|fault| before != Some(fault.code()));
        drop(attempts);
        self.landed.send_modify(|landed| *landed += 1);
        is_other
    }

    fn trying(&self) -> MutexGuard<'_, BundleAttempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Terms ===

impl Terms {
    /// What a resource says of a bundle; `None` for whatever has none.
    pub(super) fn of(resource: &Resource, enabled: bool) -> Option<Self> {
        if let Some(federation) = resource.as_federation() {
            let document = federation.bootstrap_bundle.as_ref().map(ToString::to_string);
            let bootstrap = document.as_ref().and_then(|text| Bundle::parse(text.as_bytes(), Source::Uploaded).ok());
            return Some(Self {
                trust_domain: federation.foreign.to_string(),
                url: federation.url.clone(),
                profile: federation.profile,
                endpoint_spiffe_id: federation.endpoint_spiffe_id.as_ref().and_then(|id| id.parse().ok()),
                bootstrap: bootstrap.map(|bundle| bundle.x509).unwrap_or_default(),
                origin: document.map(|text| base64url::encode(&sha256(text.as_bytes())[..16])).unwrap_or_default(),
                enabled,
            });
        }
        let provider = resource.as_provider()?;
        let KeysSpec::SpiffeBundle(bundle) = &provider.keys else { return None };
        Some(Self {
            trust_domain: provider.trust_domain.as_ref()?.to_string(),
            url: bundle.url.clone(),
            profile: FederationProfile::HttpsWeb,
            endpoint_spiffe_id: None,
            bootstrap: Vec::new(),
            origin: String::new(),
            enabled,
        })
    }
}

// === impl HeldBundle ===

impl HeldBundle {
    fn of(bundle: Bundle, kept: KeptBundle) -> Self {
        let Bundle { sequence, refresh_hint, jwt, x509, dropped } = bundle;
        Self { sequence, refresh_hint, jwt: Arc::new(jwt), x509, dropped, kept }
    }

    fn read(kept: KeptBundle) -> Result<Self, accredit_id::bundle::BundleFault> {
        Ok(Self::of(Bundle::parse(kept.document.as_bytes(), Source::Fetched)?, kept))
    }

    /// Whether another bundle takes this one's place: not an older one, and not one that has changed without counting on
    /// (L15).
    fn precedes(&self, next: &Self) -> Result<bool, FetchCause> {
        let is_same = self.names() == next.names();
        match (self.sequence, next.sequence) {
            (Some(held), seen) if seen.is_none_or(|seen| seen < held) => Err(FetchCause::BundleOlder { held, seen }),
            (Some(sequence), seen) if seen == Some(sequence) && !is_same => {
                Err(FetchCause::BundleUncounted { sequence })
            }
            (held, seen) => {
                let is_known_alike = self.kept.origin == next.kept.origin && self.refresh_hint == next.refresh_hint;
                Ok(!is_same || held != seen || !is_known_alike)
            }
        }
    }

    /// What each key is called by its own bytes, and what it is for, whatever the order.
    pub(crate) fn names(&self) -> Vec<String> {
        let jwt = self.jwt.keys().map(|key| format!("jwt {} {} {}", key.kid(), key.algorithms(), key.thumbprint()));
        let x509 = self.x509.iter().map(|authority| format!("x509 {}", authority.fingerprint()));
        let mut names: Vec<String> = jwt.chain(x509).collect();
        names.sort_unstable();
        names
    }
}

// === impl BundleAttempts ===

impl BundleAttempts {
    /// A clock that was set back does not put the next fetch off.
    fn has_gone_back(&self, now: Timestamp) -> bool {
        self.began_at.is_some_and(|began| now < began)
    }
}

/// How long until a bundle is asked for again: what its hint says within bounds, five minutes where it says nothing, a minute
/// while none is held, and up to a fifth earlier, each relation by its own measure; where that would be too early, later by as much.
fn until_next(owner: Id, hint: Option<Option<u64>>, now: Timestamp) -> Duration {
    let hint = match hint {
        None => SOONEST,
        Some(None) => USUAL,
        Some(Some(seconds)) => Duration::from_secs(seconds).clamp(SOONEST, LATEST),
    };
    let mut hasher = std::hash::DefaultHasher::new();
    std::hash::Hash::hash(&(owner.bits(), now), &mut hasher);
    let early = u32::try_from(std::hash::Hasher::finish(&hasher) % 200).unwrap_or_default();
    (hint - hint * early / 1000).max(SOONEST + SOONEST * early / 1000)
}

/// What clients take where a bundle says nothing (SPIFFE Trust Domain and Bundle section 4.1.2).
const USUAL: Duration = Duration::from_secs(300);
/// Whatever the hint says, no oftener.
const SOONEST: Duration = Duration::from_secs(60);
/// Whatever the hint says, no more seldom.
const LATEST: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn held(document: &str) -> HeldBundle {
        let kept = KeptBundle {
            owner: String::new(),
            document: document.to_owned(),
            origin: String::new(),
            revision: 1,
            fetched_at: 0,
        };
        HeldBundle::read(kept).unwrap()
    }

    /// L15: what takes the place of a bundle, and what never does.
    #[test]
    fn l15_a_bundle_never_goes_back() {
        let key = r#"{"kty":"EC","use":"jwt-svid","kid":"a","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        let document = |keys: &str, rest: &str| held(&format!("{{\"keys\":[{keys}]{rest}}}"));
        let renamed = key.replace("\"a\"", "\"b\"");
        for (before, after, expected) in [
            ((key, ",\"spiffe_sequence\":5"), (key, ",\"spiffe_sequence\":5"), Ok(false)),
            ((key, ",\"spiffe_sequence\":5"), (key, ",\"spiffe_sequence\":6"), Ok(true)),
            ((key, ",\"spiffe_sequence\":5"), (key, ",\"spiffe_sequence\":4"), Err("bundle-older")),
            ((key, ",\"spiffe_sequence\":5"), ("", ",\"spiffe_sequence\":4"), Err("bundle-older")),
            ((key, ",\"spiffe_sequence\":5"), (key, ""), Err("bundle-older")),
            ((key, ",\"spiffe_sequence\":5"), (&renamed, ",\"spiffe_sequence\":5"), Err("bundle-uncounted")),
            ((key, ",\"spiffe_sequence\":5"), ("", ",\"spiffe_sequence\":5"), Err("bundle-uncounted")),
            ((key, ",\"spiffe_sequence\":5"), ("", ",\"spiffe_sequence\":6"), Ok(true)),
            ((key, ",\"spiffe_sequence\":5"), (key, ",\"spiffe_sequence\":5,\"spiffe_refresh_hint\":9"), Ok(true)),
            ((key, ""), (key, ",\"spiffe_sequence\":0"), Ok(true)),
            ((key, ""), (&renamed, ""), Ok(true)),
            ((key, ""), (key, ""), Ok(false)),
        ] {
            let (next, verdict) = (document(after.0, after.1), document(before.0, before.1));
            let verdict = verdict.precedes(&next).map_err(|cause| FetchFault::of_bundle("", cause).code());
            assert_eq!(verdict, expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn the_next_fetch_is_by_the_hint_within_bounds() {
        let owner = Id::new(accredit_core::model::Kind::Federation, [1; 16]);
        let at = |hint| {
            let all = (0..500).map(|second| until_next(owner, hint, Timestamp::from_unix(second)).as_secs());
            let all: Vec<u64> = all.collect();
            (all.iter().copied().min().unwrap(), all.into_iter().max().unwrap())
        };
        for (hint, least, most) in [
            (None, 60, 72),
            (Some(None), 240, 300),
            (Some(Some(0)), 60, 72),
            (Some(Some(1000)), 800, 1000),
            (Some(Some(u64::MAX)), 69_000, 86_400),
        ] {
            let (earliest, latest) = at(hint);
            assert!(least <= earliest && latest <= most && (least == most || earliest < latest), "{hint:?}");
        }
    }
}
