//! Whether the server lives, and whether it should be sent anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use accredit_core::model::Signing;
use axum::extract::State;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use axum::{Router, body::Body};
use serde_json::json;

use crate::app::App;
use crate::clock;

/// What only the process itself knows of its health.
#[derive(Debug, Default)]
pub(crate) struct Health {
    draining: AtomicBool,
}

/// Why nobody should be sent here. The codes are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unready {
    /// The server was told to end.
    Draining,
    /// The writer has ended, or the store refused what was written last.
    StoreNotWritable,
    /// The store cannot be reached, so that it cannot be seen what other servers change.
    StoreUnreachable,
    /// What other servers changed cannot be used here.
    StoreNotFollowed,
    /// There is no key that signs access tokens.
    NoSigningKey,
    /// The clock is more than a minute behind what the store has seen.
    ClockBehind,
    /// Somebody else wrote to what trust rests on.
    StoreTampered,
}

// === impl Health ===

impl Health {
    /// The server was told to end.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Relaxed);
    }
}

// === impl Unready ===

impl Unready {
    /// Every reason.
    pub(crate) const ALL: [Unready; 7] = [
        Unready::Draining,
        Unready::StoreNotWritable,
        Unready::StoreUnreachable,
        Unready::StoreNotFollowed,
        Unready::NoSigningKey,
        Unready::ClockBehind,
        Unready::StoreTampered,
    ];

    /// Its code.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Unready::Draining => "draining",
            Unready::StoreNotWritable => "store-not-writable",
            Unready::StoreUnreachable => "store-unreachable",
            Unready::StoreNotFollowed => "store-not-followed",
            Unready::NoSigningKey => "no-signing-key",
            Unready::ClockBehind => "clock-behind",
            Unready::StoreTampered => "store-tampered",
        }
    }

    /// What it says to whoever looks.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Unready::Draining => "the server was told to end and takes nobody new for long",
            Unready::StoreNotWritable => "the store cannot be written, so nothing is issued",
            Unready::StoreUnreachable => "the store cannot be reached, so nothing is issued",
            Unready::StoreNotFollowed => "what other servers changed cannot be used here; the log says why",
            Unready::NoSigningKey => "no key is active that signs access tokens",
            Unready::ClockBehind => {
                "the clock is more than a minute behind what the store has seen, so nothing is issued"
            }
            Unready::StoreTampered => {
                "rows that trust rests on were changed in the database; `accredit status` names them"
            }
        }
    }

    /// Whether it holds now.
    pub(crate) fn holds(self, app: &App) -> bool {
        match self {
            Unready::Draining => app.health.draining.load(Relaxed),
            Unready::StoreNotWritable => !app.recorder.is_open() || app.recorder.stats().is_failing(),
            Unready::StoreUnreachable => app.following.is_cut_off(),
            Unready::StoreNotFollowed => app.following.is_blind() && !app.following.is_cut_off(),
            Unready::NoSigningKey => app.signing.active(Signing::Es256, clock::now()).is_none(),
            Unready::ClockBehind => app.signing.trust.is_behind(clock::now()),
            Unready::StoreTampered => app.signing.trust.is_in_doubt() || !app.store.tampering().is_empty(),
        }
    }
}

/// `/livez` and `/readyz`.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new().route("/livez", get(|| async { "ok\n" })).route("/readyz", get(ready)).with_state(app)
}

async fn ready(State(app): State<Arc<App>>) -> Response<Body> {
    let why: Vec<_> = Unready::ALL
        .into_iter()
        .filter(|why| why.holds(&app))
        .map(|why| json!({"code": why.code(), "message": why.sentence()}))
        .collect();
    let body = match why.is_empty() {
        true => json!({"ready": true, "sequence": app.read_model.now().world.sequence}),
        false => json!({"ready": false, "why": why}),
    };
    let mut response = Response::new(Body::from(body.to_string()));
    if !why.is_empty() {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
