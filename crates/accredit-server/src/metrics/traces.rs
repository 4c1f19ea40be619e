//! What became of spans. Nothing is said while traces are off.

use super::list::{Described, Shape, count};

/// What is said of traces.
pub(super) static METRICS: &[Described] = &[
    Described {
        name: "accredit_trace_spans_exported_total",
        shape: Shape::Counter,
        labels: &[],
        help: "Spans that the collector took.",
        read: |scrape, samples| {
            if let Some((counts, _)) = scrape.app.traces.counts() {
                samples.one(count(&counts.exported));
            }
        },
    },
    Described {
        name: "accredit_trace_spans_dropped_total",
        shape: Shape::Counter,
        labels: &["reason"],
        help: "Spans that nobody has: `queue-full` (too many waited), `not-delivered` (the collector did not answer, or with a fault), `rejected` (it said that it did not take them).",
        read: |scrape, samples| {
            if let Some((counts, _)) = scrape.app.traces.counts() {
                samples.with(&["queue-full"], count(&counts.full));
                samples.with(&["not-delivered"], count(&counts.undelivered));
                samples.with(&["rejected"], count(&counts.rejected));
            }
        },
    },
    Described {
        name: "accredit_trace_queue",
        shape: Shape::Gauge,
        labels: &[],
        help: "Spans that wait to be sent; nobody waits for them.",
        read: |scrape, samples| {
            if let Some((_, waiting)) = scrape.app.traces.counts() {
                samples.one(waiting as f64);
            }
        },
    },
];
