//! How the bundles of foreign trust domains are.

use std::sync::Arc;

use accredit_id::time::Timestamp;

use super::exchanges::MOST_PROVIDERS;
use super::list::{Described, Scrape, Shape};
use super::page::Samples;
use crate::app::App;
use crate::gather::{BundleAttempts, HeldBundle};

/// A bundle, and whose it is.
pub(super) struct OfOwner {
    kind: &'static str,
    name: String,
    is_enabled: bool,
    held: Option<Arc<HeldBundle>>,
    attempts: BundleAttempts,
}

/// The bundle of every federation and provider that has one, by name; those that need somebody come first.
pub(super) fn of_owners(app: &App) -> Vec<OfOwner> {
    let in_force = app.read_model.now();
    let named = app.relations.all().into_iter().filter_map(|relation| {
        let owner = in_force.world.by_id(relation.owner)?;
        let (kind, name, is_enabled) = (owner.kind().noun(), owner.name.to_string(), relation.terms.enabled);
        Some(OfOwner { kind, name, is_enabled, held: relation.held(), attempts: relation.attempts() })
    });
    let mut all: Vec<_> = named.collect();
    all.sort_by(|one, other| (!one.is_stale(), one.kind, &one.name).cmp(&(!other.is_stale(), other.kind, &other.name)));
    all
}

/// What is said of bundles.
pub(super) static METRICS: &[Described] = &[
    Described {
        name: "accredit_stale_bundles",
        shape: Shape::Gauge,
        labels: &[],
        help: "Bundles of foreign trust domains that could not be refreshed, or are not there at all; also those that are not named below.",
        read: |scrape, samples| samples.one(scrape.bundles.iter().filter(|bundle| bundle.is_stale()).count() as f64),
    },
    Described {
        name: "accredit_bundle_stale",
        shape: Shape::Gauge,
        labels: &["kind", "name"],
        help: "1 when the latest fetch of this federation's or provider's bundle failed or was refused, or none is held, else 0.",
        read: |scrape, samples| each(scrape, samples, |bundle| Some(f64::from(bundle.is_stale()))),
    },
    Described {
        name: "accredit_bundle_confirmed_timestamp_seconds",
        shape: Shape::Gauge,
        labels: &["kind", "name"],
        help: "When this bundle was last fetched, or confirmed by its endpoint, in seconds since 1970.",
        read: |scrape, samples| each(scrape, samples, |bundle| bundle.confirmed_at().map(|at| at.unix() as f64)),
    },
    Described {
        name: "accredit_bundle_age_seconds",
        shape: Shape::Gauge,
        labels: &["kind", "name"],
        help: "How long ago this bundle was fetched, or confirmed by its endpoint.",
        read: |scrape, samples| {
            let now = scrape.now;
            each(scrape, samples, |bundle| bundle.confirmed_at().map(|at| now.seconds_since(at).max(0) as f64));
        },
    },
    Described {
        name: "accredit_bundle_keys",
        shape: Shape::Gauge,
        labels: &["kind", "name", "use"],
        help: "What this bundle holds: keys of JWT-SVIDs and authorities of X509-SVIDs. None of either is everything revoked.",
        read: |scrape, samples| {
            for bundle in scrape.bundles.iter().take(MOST_PROVIDERS) {
                let Some(held) = &bundle.held else { continue };
                samples.with(&[bundle.kind, &bundle.name, "jwt-svid"], held.jwt.keys().count() as f64);
                samples.with(&[bundle.kind, &bundle.name, "x509-svid"], held.x509.len() as f64);
            }
        },
    },
    Described {
        name: "accredit_bundle_fetches_total",
        shape: Shape::Counter,
        labels: &["kind", "name", "outcome"],
        help: "Fetches of this bundle: `allowed` when they brought or confirmed it, `refused` when not.",
        read: |scrape, samples| {
            for bundle in scrape.bundles.iter().take(MOST_PROVIDERS) {
                samples.with(&[bundle.kind, &bundle.name, "allowed"], bundle.attempts.fetches as f64);
                samples.with(&[bundle.kind, &bundle.name, "refused"], bundle.attempts.failures as f64);
            }
        },
    },
    Described {
        name: "accredit_bundle_refusals_total",
        shape: Shape::Counter,
        labels: &["kind", "name", "reason"],
        help: "Fetches of this bundle that brought nothing, by reason. `bundle-older` and `bundle-uncounted` are what an attacker would serve.",
        read: |scrape, samples| {
            for bundle in scrape.bundles.iter().take(MOST_PROVIDERS) {
                let faults = &bundle.attempts.faults;
                // There from the beginning: of a counter that comes with its first count, nobody sees it grow.
                let quiet = ALARMING.iter().filter(|reason| !faults.contains_key(**reason));
                quiet.for_each(|reason| samples.with(&[bundle.kind, &bundle.name, reason], 0.0));
                for (reason, count) in faults {
                    samples.with(&[bundle.kind, &bundle.name, reason], *count as f64);
                }
            }
        },
    },
];

// === impl OfOwner ===

impl OfOwner {
    /// What is disabled is asked for by nobody.
    fn is_stale(&self) -> bool {
        let has_failed = self.attempts.last_error.is_some();
        let was_tried = self.attempts.fetches + self.attempts.failures > 0;
        self.is_enabled && (has_failed || was_tried && self.held.is_none())
    }

    fn confirmed_at(&self) -> Option<Timestamp> {
        let since = self.held.as_ref().map(|held| Timestamp::from_unix(held.kept.fetched_at));
        self.attempts.confirmed_at.max(since)
    }
}

fn each(scrape: &Scrape<'_>, samples: &mut Samples<'_>, value: impl Fn(&OfOwner) -> Option<f64>) {
    for bundle in scrape.bundles.iter().take(MOST_PROVIDERS) {
        if let Some(value) = value(bundle) {
            samples.with(&[bundle.kind, &bundle.name], value);
        }
    }
}

/// What somebody is woken for.
const ALARMING: [&str; 2] = ["bundle-older", "bundle-uncounted"];
