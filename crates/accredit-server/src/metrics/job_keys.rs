//! The keys of issuers of jobs, cluster by cluster: an issuer may be listed by several, and is told of under the name of each.

use accredit_id::time::Timestamp;

use super::exchanges::MOST_PROVIDERS;
use super::keys::is_stale;
use super::list::{Described, Scrape, Shape};
use super::page::Samples;
use crate::app::App;
use crate::gather::{KeyHealth, KeyState};
use crate::issue::OfCluster;

/// The keys of every cluster's issuers that were asked for, by the cluster's name; those that need somebody come first.
pub(super) fn by_cluster(app: &App, now: Timestamp) -> Vec<OfCluster> {
    let mut all = app.keys_by_cluster(now);
    let is_well = |cluster: &OfCluster| cluster.health.iter().all(|(_, health)| !is_stale(health));
    all.sort_by(|one, other| (is_well(one), &one.name).cmp(&(is_well(other), &other.name)));
    all
}

/// What is said of them.
pub(super) static METRICS: &[Described] = &[
    Described {
        name: "accredit_job_issuer_keys_stale",
        shape: Shape::Gauge,
        labels: &["cluster"],
        help: "Issuers of this cluster's jobs whose keys could not be fetched the last time, or are too old to be used.",
        read: |scrape, samples| each(scrape, samples, |health| Some(count(health, is_stale))),
    },
    Described {
        name: "accredit_job_issuer_keys_missing",
        shape: Shape::Gauge,
        labels: &["cluster"],
        help: "Issuers of this cluster's jobs that have no key to verify by: their jobs are refused.",
        read: |scrape, samples| {
            each(scrape, samples, |health| {
                Some(count(health, |one| matches!(one.state, KeyState::Failing | KeyState::Expired)))
            });
        },
    },
    Described {
        name: "accredit_job_issuer_keys_age_seconds",
        shape: Shape::Gauge,
        labels: &["cluster"],
        help: "How long ago the oldest keys of this cluster's issuers of jobs were fetched, or confirmed by their issuer.",
        read: |scrape, samples| {
            let now = scrape.now;
            each(scrape, samples, |health| {
                let oldest = health.filter_map(|one| one.fetched_at).min();
                oldest.map(|at| now.seconds_since(at).max(0) as f64)
            });
        },
    },
    Described {
        name: "accredit_job_issuer_keys_usable_until_timestamp_seconds",
        shape: Shape::Gauge,
        labels: &["cluster"],
        help: "When the first of this cluster's issuers of jobs has no keys any more unless they are fetched before, in seconds since 1970.",
        read: |scrape, samples| {
            each(scrape, samples, |health| {
                health.filter_map(|one| one.usable_until).min().map(|end| end.unix() as f64)
            });
        },
    },
];

type Health<'h> = &'h mut dyn Iterator<Item = &'h KeyHealth>;

fn each(scrape: &Scrape<'_>, samples: &mut Samples<'_>, value: impl Fn(Health<'_>) -> Option<f64>) {
    for cluster in scrape.job_keys.iter().take(MOST_PROVIDERS) {
        if let Some(value) = value(&mut cluster.health.iter().map(|(_, health)| health)) {
            samples.with(&[&cluster.name], value);
        }
    }
}

fn count(health: Health<'_>, is_meant: impl Fn(&KeyHealth) -> bool) -> f64 {
    health.filter(|one| is_meant(one)).count() as f64
}
