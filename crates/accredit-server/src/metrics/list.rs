//! Every metric: its name, what it says, and where its value is.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use accredit_id::time::Timestamp;

use super::bundles::{self, OfOwner};
use super::keys::{self, OfProvider};
use super::page::Samples;
use super::process::Process;
use super::{job_keys, svids, traces};
use crate::app::App;
use crate::budget::Connections;
use crate::export::Sink;
use crate::health::Unready;
use crate::issue::OfCluster;
use crate::signing::Watched;

/// One metric.
pub(super) struct Described {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) labels: &'static [&'static str],
    /// One sentence, also on the reference page.
    pub(super) help: &'static str,
    pub(super) read: fn(&Scrape<'_>, &mut Samples<'_>),
}

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Only grows, and begins anew with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// What the values are read from.
pub(super) struct Scrape<'s> {
    pub(super) app: &'s App,
    pub(super) now: Timestamp,
    pub(super) store_bytes: Option<u64>,
    pub(super) clock_mark: Option<i64>,
    pub(super) process: Process,
    pub(super) provider_keys: Vec<OfProvider>,
    pub(super) job_keys: Vec<OfCluster>,
    pub(super) bundles: Vec<OfOwner>,
    pub(super) signing: Watched,
}

/// All of them, in the order of the page.
pub(super) fn every() -> impl Iterator<Item = &'static Described> {
    let all = [METRICS, svids::METRICS, keys::METRICS, job_keys::METRICS, bundles::METRICS, traces::METRICS];
    all.into_iter().flatten()
}

/// What is no other list's. Names are never used again for something else.
static METRICS: &[Described] = &[
    Described {
        name: "accredit_build_info",
        shape: Shape::Gauge,
        labels: &["version"],
        help: "1, with the version that runs.",
        read: |_, samples| samples.with(&[env!("CARGO_PKG_VERSION")], 1),
    },
    Described {
        name: "accredit_ready",
        shape: Shape::Gauge,
        labels: &[],
        help: "1 while `/readyz` answers 200, else 0.",
        read: |scrape, samples| samples.one(!Unready::ALL.iter().any(|why| why.holds(scrape.app))),
    },
    Described {
        name: "accredit_unready",
        shape: Shape::Gauge,
        labels: &["reason"],
        help: "1 for each reason that keeps the server from being ready, else 0.",
        read: |scrape, samples| Unready::ALL.iter().for_each(|why| samples.with(&[why.code()], why.holds(scrape.app))),
    },
    Described {
        name: "accredit_exchanges_total",
        shape: Shape::Counter,
        labels: &["face", "provider", "outcome", "reason"],
        help: "Requests for a token, by what became of them.",
        read: |scrape, samples| {
            scrape.app.metrics.exchanges.each(|labels, count| samples.with(&labels, count as f64));
        },
    },
    Described {
        name: "accredit_exchange_duration_seconds",
        shape: Shape::Histogram,
        labels: &["outcome"],
        help: "From the end of a request's head until its answer is made, body and record included.",
        read: |scrape, samples| {
            let exchanges = &scrape.app.metrics.exchanges;
            samples.histogram(&["allowed"], &exchanges.allowed_times, NANOSECONDS);
            samples.histogram(&["refused"], &exchanges.refused_times, NANOSECONDS);
        },
    },
    Described {
        name: "accredit_throttled_total",
        shape: Shape::Counter,
        labels: &["budget"],
        help: "Requests answered 429 because a budget was spent.",
        read: |scrape, samples| {
            let throttled = &scrape.app.budgets.throttled;
            samples.with(&["source"], count(&throttled.sources));
            samples.with(&["token"], count(&throttled.tokens));
            samples.with(&["subject"], count(&throttled.subjects));
            samples.with(&["provider"], count(&throttled.providers));
            samples.with(&["replay-marks"], count(&throttled.marks));
        },
    },
    Described {
        name: "accredit_strangers_queued_total",
        shape: Shape::Counter,
        labels: &[],
        help: "Requests of sources that were not served lately, which waited behind others of their kind.",
        read: |scrape, samples| samples.one(count(scrape.app.budgets.queued())),
    },
    Described {
        name: "accredit_unrecorded_refusals_total",
        shape: Shape::Counter,
        labels: &[],
        help: "Refusals of verified tokens that were counted in the audit log instead of recorded one by one.",
        read: |scrape, samples| samples.one(count(&scrape.app.budgets.throttled.unrecorded)),
    },
    Described {
        name: "accredit_sources_in_debt",
        shape: Shape::Gauge,
        labels: &[],
        help: "Addresses that have failed so lately that their budget is not full.",
        read: |scrape, samples| samples.one(scrape.app.budgets.sources_in_debt() as f64),
    },
    Described {
        name: "accredit_connections",
        shape: Shape::Gauge,
        labels: &["listener"],
        help: "Connections that are open.",
        read: |scrape, samples| each_listener(scrape, |of| samples.with(&[of.listener], of.open() as f64)),
    },
    Described {
        name: "accredit_connections_accepted_total",
        shape: Shape::Counter,
        labels: &["listener"],
        help: "Connections that were let in.",
        read: |scrape, samples| each_listener(scrape, |of| samples.with(&[of.listener], count(&of.accepted))),
    },
    Described {
        name: "accredit_connections_refused_total",
        shape: Shape::Counter,
        labels: &["listener", "reason"],
        help: "Connections turned away: `full`, `source` (it has its share), `peer` (it may not speak here, or did not finish its handshake).",
        read: |scrape, samples| {
            each_listener(scrape, |of| {
                samples.with(&[of.listener, "full"], count(&of.refused_full));
                samples.with(&[of.listener, "source"], count(&of.refused_source));
                samples.with(&[of.listener, "peer"], count(&of.refused_peer));
            });
        },
    },
    Described {
        name: "accredit_certificate_reads_total",
        shape: Shape::Counter,
        labels: &["listener", "outcome"],
        help: "Certificates read again while the server ran: `allowed` when taken, `refused` when they could not be used.",
        read: |scrape, samples| {
            for certificates in scrape.app.metrics.certificates.get().into_iter().flatten() {
                samples.with(&[certificates.listener, "allowed"], count(&certificates.replaced));
                samples.with(&[certificates.listener, "refused"], count(&certificates.refused));
            }
        },
    },
    Described {
        name: "accredit_certificate_ends_timestamp_seconds",
        shape: Shape::Gauge,
        labels: &["listener"],
        help: "When the certificate that a listener shows ends, or one of its chain before it, in seconds since 1970.",
        read: |scrape, samples| {
            for certificates in scrape.app.metrics.certificates.get().into_iter().flatten() {
                let ends_at = certificates.ends_at();
                ends_at.into_iter().for_each(|at| samples.with(&[certificates.listener], at.unix() as f64));
            }
        },
    },
    Described {
        name: "accredit_record_queue",
        shape: Shape::Gauge,
        labels: &[],
        help: "Records that wait to be written; their answers wait with them.",
        read: |scrape, samples| samples.one(scrape.app.recorder.waiting() as f64),
    },
    Described {
        name: "accredit_record_batch_records",
        shape: Shape::Histogram,
        labels: &[],
        help: "Records that share one flush to the disk.",
        read: |scrape, samples| samples.histogram(&[], &scrape.app.recorder.stats().sizes, 1.0),
    },
    Described {
        name: "accredit_record_commit_seconds",
        shape: Shape::Histogram,
        labels: &[],
        help: "How long writing one batch takes, its flush to the disk included.",
        read: |scrape, samples| samples.histogram(&[], &scrape.app.recorder.stats().times, NANOSECONDS),
    },
    Described {
        name: "accredit_record_failures_total",
        shape: Shape::Counter,
        labels: &[],
        help: "Batches that the store refused; nothing was issued on them.",
        read: |scrape, samples| samples.one(count(&scrape.app.recorder.stats().failed)),
    },
    Described {
        name: "accredit_record_queue_full_total",
        shape: Shape::Counter,
        labels: &[],
        help: "Requests answered 503 because too many records were waiting.",
        read: |scrape, samples| samples.one(count(&scrape.app.recorder.stats().full)),
    },
    Described {
        name: "accredit_record_commit_running_seconds",
        shape: Shape::Gauge,
        labels: &[],
        help: "How long the commit has taken so far that is under way, 0 when none is; answers wait behind it.",
        read: |scrape, samples| samples.one(scrape.app.recorder.stats().running().as_secs_f64()),
    },
    Described {
        name: "accredit_audit_unsigned_seconds",
        shape: Shape::Gauge,
        labels: &[],
        help: "For how long there have been records that no signed head of the audit log covers; about a minute while there are new ones.",
        read: |scrape, samples| samples.one(scrape.app.recorder.stats().unsigned(scrape.now) as f64),
    },
    Described {
        name: "accredit_audit_export_lag_records",
        shape: Shape::Gauge,
        labels: &["sink"],
        help: "Records of the audit log that a sink has not confirmed yet.",
        read: |scrape, samples| each_sink(scrape, |sink| samples.with(&[&sink.name], sink.lag.records() as f64)),
    },
    Described {
        name: "accredit_audit_export_lag_seconds",
        shape: Shape::Gauge,
        labels: &["sink"],
        help: "How old the oldest of these records is.",
        read: |scrape, samples| each_sink(scrape, |sink| samples.with(&[&sink.name], sink.lag.seconds() as f64)),
    },
    Described {
        name: "accredit_audit_export_failures_total",
        shape: Shape::Counter,
        labels: &["sink"],
        help: "Deliveries to a sink that failed and are tried again.",
        read: |scrape, samples| each_sink(scrape, |sink| samples.with(&[&sink.name], sink.lag.failures() as f64)),
    },
    Described {
        name: "accredit_audit_export_refused",
        shape: Shape::Gauge,
        labels: &["sink"],
        help: "1 while a sink refuses an event for good and everything behind it waits, else 0.",
        read: |scrape, samples| each_sink(scrape, |sink| samples.with(&[&sink.name], sink.lag.is_refused())),
    },
    Described {
        name: "accredit_store_bytes",
        shape: Shape::Gauge,
        labels: &[],
        help: "Size of the store.",
        read: |scrape, samples| scrape.store_bytes.into_iter().for_each(|bytes| samples.one(bytes as f64)),
    },
    Described {
        name: "accredit_store_sequence",
        shape: Shape::Gauge,
        labels: &[],
        help: "The number of the last change that is in force here.",
        read: |scrape, samples| samples.one(scrape.app.read_model.now().world.sequence as f64),
    },
    Described {
        name: "accredit_clock_seconds",
        shape: Shape::Gauge,
        labels: &[],
        help: "The time that the server goes by, in seconds since 1970.",
        read: |scrape, samples| samples.one(scrape.now.unix() as f64),
    },
    Described {
        name: "accredit_clock_behind_seconds",
        shape: Shape::Gauge,
        labels: &[],
        help: "How far the clock is behind the latest time in the store; more than a few seconds means that it was set back.",
        read: |scrape, samples| {
            let behind = scrape.clock_mark.map(|mark| (mark - scrape.now.unix()).max(0));
            behind.into_iter().for_each(|behind| samples.one(behind as f64));
        },
    },
    Described {
        name: "process_cpu_seconds_total",
        shape: Shape::Counter,
        labels: &[],
        help: "Processor time that the process has used.",
        read: |scrape, samples| scrape.process.cpu_seconds.into_iter().for_each(|seconds| samples.one(seconds)),
    },
    Described {
        name: "process_open_fds",
        shape: Shape::Gauge,
        labels: &[],
        help: "File descriptors that are open.",
        read: |scrape, samples| scrape.process.open_files.into_iter().for_each(|files| samples.one(files)),
    },
    Described {
        name: "process_max_fds",
        shape: Shape::Gauge,
        labels: &[],
        help: "File descriptors that may be open.",
        read: |scrape, samples| scrape.process.most_files.into_iter().for_each(|files| samples.one(files)),
    },
    Described {
        name: "process_start_time_seconds",
        shape: Shape::Gauge,
        labels: &[],
        help: "When the process began, in seconds since 1970.",
        read: |scrape, samples| scrape.process.began_at.into_iter().for_each(|at| samples.one(at)),
    },
    Described {
        name: "process_resident_memory_bytes",
        shape: Shape::Gauge,
        labels: &[],
        help: "Memory that the process has in use.",
        read: |scrape, samples| scrape.process.resident_bytes.into_iter().for_each(|bytes| samples.one(bytes)),
    },
];

// === impl Shape ===

impl Shape {
    pub(super) fn name(self) -> &'static str {
        match self {
            Shape::Counter => "counter",
            Shape::Gauge => "gauge",
            Shape::Histogram => "histogram",
        }
    }
}

pub(super) fn count(counter: &AtomicU64) -> f64 {
    counter.load(Relaxed) as f64
}

fn each_listener(scrape: &Scrape<'_>, mut lend: impl FnMut(&Connections)) {
    let all = &scrape.app.connections;
    [&all.public, &all.admin, &all.metrics].into_iter().for_each(|of| lend(of));
}

fn each_sink(scrape: &Scrape<'_>, lend: impl FnMut(&Sink)) {
    scrape.app.exports.sinks().iter().for_each(lend);
}

pub(super) const NANOSECONDS: f64 = 1e9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_count_in() {
        for described in every() {
            let Described { name, shape, labels, help, .. } = described;
            assert_eq!(every().filter(|other| other.name == *name).count(), 1, "{name} stands twice");
            assert_eq!(name.ends_with("_total"), *shape == Shape::Counter, "{name}");
            assert!(name.starts_with("accredit_") || name.starts_with("process_"), "{name}");
            assert!(help.ends_with('.') && !help.contains(['\n', '|', '\\']), "{name}");
            assert!(labels.iter().all(|label| super::super::reference().contains(&format!("| `{label}` |"))), "{name}");
        }
    }
}
