//! The admin API over the local socket: resources, questions, the log. The table of routes is in `accredit_api::admin`.

mod audit;
mod explain;
mod problem;
mod replay;
mod resources;
mod survey;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::app::App;

/// The routes.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/apply", post(resources::apply))
        .route("/v1/resources", get(resources::list))
        .route("/v1/resource", get(resources::get))
        .route("/v1/resource/delete", post(resources::delete))
        .route("/v1/resource/enable", post(resources::enable))
        .route("/v1/resource/disable", post(resources::disable))
        .route("/v1/explain", post(explain::explain))
        .route("/v1/replay", post(replay::replay))
        .route("/v1/decision", get(explain::decision))
        .route("/v1/audit", get(audit::list))
        .route("/v1/audit/record", get(audit::show))
        .route("/v1/audit/verify", post(audit::verify))
        .route("/v1/status", get(resources::status))
        .fallback(problem::no_such_route)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

/// 64 MiB: a set of documents.
const MAX_BODY: usize = 64 * 1024 * 1024;
