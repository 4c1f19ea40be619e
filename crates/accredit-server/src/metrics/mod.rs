//! Metrics: what the server counts, for Prometheus to read.
//!
//! [`list`] is the list of all of them, from which the page and its reference are made. Labels are words of the server's own
//! and names of providers; what a claim or a caller says is none (L22). Counting takes no lock where a token is issued.

mod bundles;
mod exchanges;
mod histogram;
mod job_keys;
mod keys;
mod list;
mod page;
mod process;
mod reference;
mod svids;
mod traces;

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

pub(crate) use exchanges::Exchanges;
pub(crate) use histogram::{Histogram, SIZES, TIMES};
pub use reference::reference;
pub(crate) use svids::{FACE as SVID_FACE, Svids};

use crate::app::App;
use crate::tls::Certificates;
use crate::{clock, health};

/// What is counted nowhere else.
#[derive(Default)]
pub(crate) struct Metrics {
    pub(crate) exchanges: Exchanges,
    pub(crate) svids: Svids,
    certificates: OnceLock<Vec<Arc<Certificates>>>,
}

// === impl Metrics ===

impl Metrics {
    /// Tells of these as well.
    pub(crate) fn watch_certificates(&self, certificates: &[Arc<Certificates>]) {
        let _ = self.certificates.set(certificates.to_vec());
    }
}

/// `/metrics`, and the two questions about health beside it.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(Arc::clone(&app)).merge(health::router(app))
}

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let scrape = list::Scrape {
        app: &app,
        now: clock::now(),
        store_bytes: app.store.size().await.ok(),
        clock_mark: app.store.clock_mark().await.ok().flatten(),
        process: process::Process::read(),
        provider_keys: keys::of_providers(&app, clock::now()),
        job_keys: job_keys::by_cluster(&app, clock::now()),
        bundles: bundles::of_owners(&app),
        signing: app.signing.watched(),
    };
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4"), (header::CACHE_CONTROL, "no-store")], page::page(&scrape))
}
