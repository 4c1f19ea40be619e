//! The admin API, over the local socket and the remote listener: resources, questions, the log. The table of routes is in `accredit_api::admin`.

mod act_records;
mod acting;
mod actor;
mod alarms;
mod audit;
mod audit_heads;
mod backup;
mod blot;
mod body;
mod bootstrap;
mod change;
mod cluster_keys;
mod decision;
#[cfg(feature = "fuzzing")]
pub(crate) mod doors;
mod erase;
mod events;
mod explain;
mod explain_svid;
mod federation;
mod filter;
mod gate;
mod idempotency;
mod identities;
mod keys;
mod lint;
mod login;
mod openapi;
mod operation;
mod operations;
mod operations_of_authority;
mod page;
mod pins;
mod pointer;
mod precondition;
mod problem;
mod provider_keys;
mod published;
mod refused;
mod rendered;
mod replay;
mod resources;
mod retold;
mod schemas;
mod sets;
mod spending;
mod spiral;
mod survey;
mod svid;
mod trust_domains;
mod walk;

use std::sync::Arc;

pub(crate) use actor::{Actor, Source};
pub use audit_heads::signed_head;
pub(crate) use bootstrap::{BootstrapFault, bootstrap};
pub(crate) use change::{aside, carry_out};
pub(crate) use gate::Gate;
pub use openapi::document as openapi;
#[cfg(test)]
use openapi::document;
pub(crate) use problem::AdminFault;

use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post, put};
use axum::{Extension, Router};

use crate::app::App;
use crate::{finishing, metrics, traces};

/// What is kept in memory about acts of administration.
#[derive(Default)]
pub(crate) struct Kept {
    in_flight: idempotency::InFlight,
    pub(crate) refused: refused::RefusedActs,
}

/// The routes for the server's own user.
pub(crate) fn local(app: Arc<App>) -> Router {
    let watched = metrics::router(Arc::clone(&app));
    let open = Router::new().route("/openapi.json", get(openapi::serve));
    let own = Router::new().route("/v1/backup", post(backup::make)).with_state(Arc::clone(&app));
    inside(app)
        .merge(open)
        .merge(own)
        .layer(Extension(Actor::local()))
        .layer(Extension(Source::default()))
        .merge(watched)
}

/// The routes for administrators elsewhere, who come as an [`Actor`] in the request's extensions or not at all.
pub(crate) fn remote(gate: Arc<Gate>) -> Router {
    inside(Arc::clone(&gate.app))
        .layer(middleware::from_fn_with_state(Arc::clone(&gate), gate::enter))
        .merge(anybody(Arc::clone(&gate)))
        .layer(middleware::from_fn_with_state(gate, gate::tell_nonce))
}

/// What is answered to whoever asks: how to log in, and the description of the routes, which is the same everywhere.
fn anybody(gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/admin/login-options", get(login::options))
        .route("/admin/token", post(login::token))
        .route("/openapi.json", get(openapi::serve))
        .layer(DefaultBodyLimit::max(MAX_LOGIN_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&gate.app), traces::every_act))
        .with_state(gate)
}

/// The routes for actors, each refusal written down.
fn inside(app: Arc<App>) -> Router {
    router(Arc::clone(&app))
        .layer(middleware::from_fn(actor::require))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), refused::write_down))
        .layer(middleware::from_fn(finishing::every_request))
        .layer(middleware::from_fn_with_state(app, traces::every_act))
}

fn router(app: Arc<App>) -> Router {
    let once = || middleware::from_fn_with_state(Arc::clone(&app), idempotency::once);
    Router::new()
        .route("/v1/{kinds}", post(resources::create).layer(once()).get(resources::list))
        .route(
            "/v1/{kinds}/{*name}",
            put(resources::put)
                .delete(resources::delete)
                .post(resources::turn)
                .layer(once())
                .layer(middleware::from_fn(resources::placed))
                .get(resources::get),
        )
        .route("/v1/apply", post(sets::apply).layer(once()))
        .route("/v1/diff", post(sets::diff))
        .route("/v1/resources", get(sets::list))
        .route("/v1/resource", get(sets::get))
        .route("/v1/resource/delete", post(sets::delete).layer(once()))
        .route("/v1/resource/enable", post(sets::enable).layer(once()))
        .route("/v1/resource/disable", post(sets::disable).layer(once()))
        .route("/v1/lint", get(lint::report))
        .route("/v1/explain", post(explain::explain))
        .route("/v1/replay", post(replay::replay))
        .route("/v1/replay/identities", post(identities::replay))
        .route("/v1/decision", get(decision::decision))
        .route("/v1/decisions/{id}", get(decision::one))
        .route("/v1/audit", get(audit::list))
        .route("/v1/audit/record", get(audit::show))
        .route("/v1/audit/{id}", get(audit::one))
        .route("/v1/audit/verify", post(audit::verify))
        .route("/v1/audit/events", get(events::list))
        .route("/v1/audit/erase", post(erase::erase))
        .route("/v1/audit/heads", get(audit_heads::list))
        .route("/v1/alarms", get(alarms::list))
        .route("/v1/alarm", get(alarms::get))
        .route("/v1/alarm/acknowledge", post(alarms::acknowledge))
        .route("/v1/keys", get(keys::list))
        .route("/v1/keys/rotate", post(keys::rotate))
        .route("/v1/keys/taint", post(keys::taint))
        .route("/v1/keys/revoke", post(keys::revoke))
        .route("/v1/keys/rewrap", post(keys::rewrap))
        .route("/v1/pins", get(pins::list))
        .route("/v1/pins/repin", post(pins::repin))
        .route("/v1/provider-keys", get(provider_keys::get))
        .route("/v1/cluster-keys", get(cluster_keys::get))
        .route("/v1/trust-domain-status", get(trust_domains::get))
        .route("/v1/trust-domain-documents", get(published::get))
        .route("/v1/federation-bundle", get(federation::get))
        .route("/v1/federation-bundle/refresh", post(federation::refresh))
        .route("/v1/status", get(sets::status))
        .route("/v1/whoami", get(login::whoami))
        .route("/v1/spiral/token", post(spiral::token))
        .route("/v1/svid/mint", post(svid::mint))
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

/// 64 KiB: a subject token of 16 KiB, every byte of it percent-encoded.
const MAX_LOGIN_BODY: usize = 64 * 1024;
/// 64 MiB: a set of documents.
const MAX_BODY: usize = 64 * 1024 * 1024;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests;
