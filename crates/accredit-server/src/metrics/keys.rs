//! How keys are: those of providers, and our own.

use accredit_core::keyring::{Key, Slot, State};
use accredit_core::model::Id;
use accredit_id::time::Timestamp;

use super::exchanges::MOST_PROVIDERS;
use super::list::{Described, Scrape, Shape};
use super::page::Samples;
use crate::app::App;
use crate::gather::{KeyHealth, KeyState};

/// The keys of a provider, with its name.
pub(super) struct OfProvider {
    name: String,
    health: KeyHealth,
}

/// The keys of every provider that was asked for and that is still there, by name.
pub(super) fn of_providers(app: &App, now: Timestamp) -> Vec<OfProvider> {
    let in_force = app.read_model.now();
    let named = app.provider_keys.health(now).into_iter().filter_map(|(id, health)| {
        let provider = in_force.world.by_id(id).filter(|provider| is_fetched_for(provider))?;
        Some(OfProvider { name: provider.name.to_string(), health })
    });
    let mut all: Vec<_> = named.collect();
    // Where there are more than a page can name, those that need somebody come first.
    all.sort_by(|one, other| (!one.is_stale(), &one.name).cmp(&(!other.is_stale(), &other.name)));
    all
}

/// Those that accept signed requests have no keys.
fn is_fetched_for(provider: &accredit_core::model::Resource) -> bool {
    provider.as_provider().is_some_and(|known| known.signed_requests.is_none())
}

/// What is said of keys.
pub(super) static METRICS: &[Described] = &[
    Described {
        name: "accredit_stale_providers",
        shape: Shape::Gauge,
        labels: &[],
        help: "Providers whose keys could not be refreshed, or cannot be had at all; also those that are not named below.",
        read: |scrape, samples| {
            samples.one(scrape.provider_keys.iter().filter(|keys| keys.is_stale()).count() as f64);
        },
    },
    Described {
        name: "accredit_provider_keys_stale",
        shape: Shape::Gauge,
        labels: &["provider"],
        help: "1 when the latest fetch of this provider's keys failed or what is held is too old to be used, else 0.",
        read: |scrape, samples| each(scrape, samples, |health| Some(f64::from(is_stale(health)))),
    },
    Described {
        name: "accredit_provider_keys_usable",
        shape: Shape::Gauge,
        labels: &["provider"],
        help: "Keys that tokens of this provider are verified by.",
        read: |scrape, samples| {
            each(scrape, samples, |health| {
                Some(if health.state == KeyState::Expired { 0.0 } else { health.usable as f64 })
            });
        },
    },
    Described {
        name: "accredit_provider_keys_dropped",
        shape: Shape::Gauge,
        labels: &["provider"],
        help: "Keys of this provider's latest set that are not used, because they are too weak or malformed.",
        read: |scrape, samples| each(scrape, samples, |health| Some(health.dropped as f64)),
    },
    Described {
        name: "accredit_provider_keys_age_seconds",
        shape: Shape::Gauge,
        labels: &["provider"],
        help: "How long ago this provider's keys were fetched, or confirmed by it; nothing for keys that were uploaded.",
        read: |scrape, samples| {
            let now = scrape.now;
            each(scrape, samples, |health| health.fetched_at.map(|at| now.seconds_since(at).max(0) as f64));
        },
    },
    Described {
        name: "accredit_provider_keys_fetched_timestamp_seconds",
        shape: Shape::Gauge,
        labels: &["provider"],
        help: "When this provider's keys were last fetched, or confirmed by it, in seconds since 1970.",
        read: |scrape, samples| each(scrape, samples, |health| health.fetched_at.map(unix)),
    },
    Described {
        name: "accredit_provider_keys_refresh_timestamp_seconds",
        shape: Shape::Gauge,
        labels: &["provider"],
        help: "From when on the next request begins a refresh of this provider's keys, in seconds since 1970.",
        read: |scrape, samples| each(scrape, samples, |health| health.refresh_at.map(unix)),
    },
    Described {
        name: "accredit_provider_keys_usable_until_timestamp_seconds",
        shape: Shape::Gauge,
        labels: &["provider"],
        help: "When this provider's tokens are refused for want of keys unless they are fetched before, in seconds since 1970.",
        read: |scrape, samples| each(scrape, samples, |health| health.usable_until.map(unix)),
    },
    Described {
        name: "accredit_provider_keys_fetches_total",
        shape: Shape::Counter,
        labels: &["provider", "outcome"],
        help: "Fetches of this provider's keys: `allowed` when they brought a set, `refused` when not.",
        read: |scrape, samples| {
            for keys in scrape.provider_keys.iter().take(MOST_PROVIDERS) {
                samples.with(&[&keys.name, "allowed"], keys.health.fetches as f64);
                samples.with(&[&keys.name, "refused"], keys.health.failures as f64);
            }
        },
    },
    Described {
        name: "accredit_signing_keys",
        shape: Shape::Gauge,
        labels: &["purpose", "algorithm", "state", "trust_domain"],
        help: "Our own signing keys that are not removed.",
        read: |scrape, samples| {
            for slot in named_slots(scrape) {
                let domain = name_of(slot, scrape);
                for state in State::ALL.into_iter().filter(|state| *state != State::Removed) {
                    let are = |key: &&Key| key.slot == slot && key.life.state == state;
                    let count = scrape.signing.keys.iter().filter(are).count();
                    samples
                        .with(&[slot.purpose.name(), &slot.algorithm.to_string(), state.name(), &domain], count as f64);
                }
            }
        },
    },
    Described {
        name: "accredit_signing_key_due_timestamp_seconds",
        shape: Shape::Gauge,
        labels: &["purpose", "algorithm", "trust_domain"],
        help: "When the turn of the key that signs now is over, in seconds since 1970.",
        read: |scrape, samples| each_active(scrape, samples, unix),
    },
    Described {
        name: "accredit_signing_key_overdue_seconds",
        shape: Shape::Gauge,
        labels: &["purpose", "algorithm", "trust_domain"],
        help: "How long the key that signs now has been signing beyond its turn; more than a few minutes means that it is not replaced.",
        read: |scrape, samples| {
            let now = scrape.now;
            each_active(scrape, samples, |due| now.seconds_since(due).max(0) as f64);
        },
    },
    Described {
        name: "accredit_signing_keys_read_age_seconds",
        shape: Shape::Gauge,
        labels: &[],
        help: "How long ago our own keys were read from the store; a server that cannot read them signs nothing after the margin.",
        read: |scrape, samples| samples.one(scrape.now.seconds_since(scrape.signing.read_at).max(0) as f64),
    },
];

// === impl OfProvider ===

impl OfProvider {
    fn is_stale(&self) -> bool {
        is_stale(&self.health)
    }
}

pub(super) fn is_stale(health: &KeyHealth) -> bool {
    match health.state {
        KeyState::Stale | KeyState::Failing | KeyState::Expired => true,
        KeyState::Unasked | KeyState::Uploaded | KeyState::Fresh | KeyState::Due => false,
    }
}

fn each(scrape: &Scrape<'_>, samples: &mut Samples<'_>, value: impl Fn(&KeyHealth) -> Option<f64>) {
    for keys in scrape.provider_keys.iter().take(MOST_PROVIDERS) {
        if let Some(value) = value(&keys.health) {
            samples.with(&[&keys.name], value);
        }
    }
}

/// Lends the end of the turn of each key that signs.
fn each_active(scrape: &Scrape<'_>, samples: &mut Samples<'_>, value: impl Fn(Timestamp) -> f64) {
    for slot in named_slots(scrape) {
        let active = |key: &&Key| key.slot == slot && key.life.state == State::Active;
        // Where two are active for a moment, the older one signs.
        let due = scrape.signing.keys.iter().filter(active).map(|key| scrape.signing.schedule.due_at(&key.life)).min();
        if let Some(due) = due {
            samples.with(&[slot.purpose.name(), &slot.algorithm.to_string(), &name_of(slot, scrape)], value(due));
        }
    }
}

/// The slots that a page names: those of no trust domain, and those of the first ones.
fn named_slots(scrape: &Scrape<'_>) -> Vec<Slot> {
    let mut domains: Vec<Id> = Vec::new();
    let mut slots = scrape.signing.slots();
    slots.retain(|slot| {
        let Some(domain) = slot.domain else { return true };
        if !domains.contains(&domain) && domains.len() < MOST_DOMAINS && !name_of(*slot, scrape).is_empty() {
            domains.push(domain);
        }
        domains.contains(&domain)
    });
    slots
}

/// The name of a slot's trust domain; empty for none, and for one that is gone.
fn name_of(slot: Slot, scrape: &Scrape<'_>) -> String {
    let in_force = scrape.app.read_model.now();
    let domain = slot.domain.and_then(|domain| in_force.world.by_id(domain)?.as_trust_domain());
    domain.map(|domain| domain.name.to_string()).unwrap_or_default()
}

const MOST_DOMAINS: usize = 100;

fn unix(at: Timestamp) -> f64 {
    at.unix() as f64
}
