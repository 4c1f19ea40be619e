//! SVIDs, counted by cluster and outcome. Labels are names of clusters, kinds and stable codes of reasons; never what a token or a
//! caller says (L22).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use accredit_core::model::Resource;

use super::histogram::{Histogram, TIMES};
use super::list::{Described, NANOSECONDS, Shape};
use crate::traces::{self, Attribute};

/// Counts since the process began.
pub(crate) struct Svids {
    /// By cluster, outcome and reason.
    requests: Mutex<BTreeMap<Request, u64>>,
    /// By cluster and type.
    issued: Mutex<BTreeMap<Issued, u64>>,
    issued_times: Histogram,
    refused_times: Histogram,
}

type Request = (Box<str>, &'static str, &'static str);
type Issued = (Box<str>, &'static str);

// === impl Svids ===

impl Default for Svids {
    fn default() -> Self {
        let (requests, issued) = (Mutex::default(), Mutex::default());
        Self { requests, issued, issued_times: Histogram::new(TIMES), refused_times: Histogram::new(TIMES) }
    }
}

impl Svids {
    /// A request was answered with so many SVIDs of each kind.
    pub(crate) fn issued(&self, cluster: &Resource, tokens: u64, certificates: u64) {
        traces::tell(|| vec![Attribute::Face(FACE), Attribute::Outcome("allowed")]);
        self.count(Some(cluster), "allowed", "-");
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, count) in [("jwt", tokens), ("x509", certificates)] {
            if count > 0 {
                *issued.entry((cluster.name.as_str().into(), kind)).or_default() += count;
            }
        }
    }

    /// None was issued, with this code.
    pub(crate) fn refused(&self, cluster: Option<&Resource>, reason: &'static str) {
        traces::tell(|| vec![Attribute::Face(FACE), Attribute::Outcome("refused"), Attribute::Reason(reason)]);
        self.count(cluster, "refused", reason);
    }

    /// How long an answer took, from the end of its head.
    pub(crate) fn took(&self, is_issued: bool, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        if is_issued { &self.issued_times } else { &self.refused_times }.observe(nanoseconds);
    }

    fn count(&self, cluster: Option<&Resource>, outcome: &'static str, reason: &'static str) {
        let name = cluster.map_or("-", |cluster| cluster.name.as_str());
        *self
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((name.into(), outcome, reason))
            .or_default() += 1;
    }
}

/// What the page tells of SVIDs.
pub(super) static METRICS: &[Described] = &[
    Described {
        name: "accredit_svid_requests_total",
        shape: Shape::Counter,
        labels: &["cluster", "outcome", "reason"],
        help: "Requests for SVIDs, by what became of them.",
        read: |scrape, samples| {
            let counts = scrape.app.metrics.svids.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for ((cluster, outcome, reason), count) in counts {
                samples.with(&[&cluster, outcome, reason], count as f64);
            }
        },
    },
    Described {
        name: "accredit_svids_issued_total",
        shape: Shape::Counter,
        labels: &["cluster", "type"],
        help: "SVIDs issued: a request may ask for several.",
        read: |scrape, samples| {
            let counts = scrape.app.metrics.svids.issued.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for ((cluster, kind), count) in counts {
                samples.with(&[&cluster, kind], count as f64);
            }
        },
    },
    Described {
        name: "accredit_svid_duration_seconds",
        shape: Shape::Histogram,
        labels: &["outcome"],
        help: "From the end of the head of a request for SVIDs until its answer is made, body and record included.",
        read: |scrape, samples| {
            let svids = &scrape.app.metrics.svids;
            samples.histogram(&["allowed"], &svids.issued_times, NANOSECONDS);
            samples.histogram(&["refused"], &svids.refused_times, NANOSECONDS);
        },
    },
];

/// What traces and logs call the endpoint.
pub(crate) const FACE: &str = "svid";
