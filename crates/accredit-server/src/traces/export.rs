//! The task that hands spans over to the collector (OTLP/HTTP, opentelemetry-proto's `specification.md`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::time::{sleep, timeout};

use super::otlp::{self, Resource};
use super::queue::Queue;
use super::span::Span;
use crate::gather::{Outlet, OutletAnswer};

/// Hands spans over.
pub(super) struct Exporter {
    pub(super) queue: Arc<Queue>,
    pub(super) outlet: Outlet,
    pub(super) resource: Resource,
    /// Besides those of every request; they may hold a secret.
    pub(super) headers: HeaderMap,
    /// For one request, its connection included.
    pub(super) patience: Duration,
    /// How long a span waits at most until it is sent.
    pub(super) every: Duration,
    pub(super) ending: Arc<AtomicBool>,
}

/// What became of a request.
enum Sent {
    /// All was taken but so many.
    Taken { rejected: u64 },
    /// Try again, after so long if the collector says so.
    Later { why: String, after: Option<Duration> },
    /// This will never be taken.
    Never { why: String },
}

// === impl Exporter ===

impl Exporter {
    /// Sends until the server ends, then what is left, once.
    pub(super) async fn run(self) {
        let mut failing = false;
        loop {
            if !self.ending.load(Relaxed) {
                let _ = timeout(self.every, self.queue.more()).await;
            }
            loop {
                let batch = self.queue.take();
                if batch.is_empty() {
                    break;
                }
                self.deliver(&batch, &mut failing).await;
            }
            if self.ending.load(Relaxed) && self.queue.waiting() == 0 {
                return;
            }
        }
    }

    /// Hands a batch over, or gives it up: what comes meanwhile waits in the queue or is dropped there.
    async fn deliver(&self, batch: &[Span], failing: &mut bool) {
        let (body, count) = (Bytes::from(otlp::encode(&self.resource, batch)), batch.len() as u64);
        let counts = &self.queue.counts;
        let mut pauses = PAUSES.iter();
        let why = loop {
            match self.send(&body).await {
                Sent::Taken { rejected } => {
                    let rejected = rejected.min(count);
                    counts.rejected.fetch_add(rejected, Relaxed);
                    counts.exported.fetch_add(count - rejected, Relaxed);
                    if std::mem::take(failing) {
                        tracing::info!(event = "traces-delivered-again", "the collector takes traces again");
                    }
                    return;
                }
                Sent::Never { why } => break why,
                Sent::Later { why, after } => match pauses.next().filter(|_| !self.ending.load(Relaxed)) {
                    Some(pause) => sleep(after.unwrap_or(*pause).min(LONGEST_PAUSE)).await,
                    None => break why,
                },
            }
        };
        counts.undelivered.fetch_add(count, Relaxed);
        // Once for each time that it goes away, not for each batch.
        if !std::mem::replace(failing, true) {
            tracing::warn!(event = "traces-not-delivered", collector = %self.outlet, "traces cannot be delivered: {why}");
        }
    }

    async fn send(&self, body: &Bytes) -> Sent {
        let mut headers = self.headers.clone();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/x-protobuf"));
        let answered = timeout(self.patience, self.outlet.post(headers, body.clone())).await;
        let OutletAnswer { status, retry_after, body } = match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(cause)) => return Sent::Later { why: cause, after: None },
            Err(_) => {
                let why = format!("no answer within {} s", self.patience.as_secs());
                return Sent::Later { why, after: None };
            }
        };
        match status {
            status if status.is_success() => Sent::Taken { rejected: otlp::rejected(&body) },
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                Sent::Later { why: format!("the collector answers {}", status.as_u16()), after: retry_after }
            }
            _ => Sent::Never { why: format!("the collector answers {}", status.as_u16()) },
        }
    }
}

/// Between one try and the next of the same batch.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// The longest that a collector's `Retry-After` is heeded.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
