//! The log as events of OCSF, oldest first: what a sink gets, for whoever asks.

use std::sync::Arc;

use accredit_api::admin::AuditEvents;
use accredit_store::{Place, PlaceFault};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::actor::Caller;
use super::filter::Head;
use super::problem::{AdminFault, Answer};
use crate::app::App;
use crate::ocsf;

/// Which events.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Span {
    /// Not before, Unix seconds.
    #[serde(default)]
    from: Option<i64>,
    /// Before, Unix seconds.
    #[serde(default)]
    to: Option<i64>,
    /// The page before ended here.
    #[serde(default)]
    page_token: Option<String>,
}

/// `GET /v1/audit/events`: a stretch of one chain, and where the next one begins.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    span: Result<Query<Span>, QueryRejection>,
) -> Answer<AuditEvents> {
    caller.actor.reads_everything("the whole audit log")?;
    let Query(Span { from, to, page_token }) = span?;
    let began = from.unwrap_or(i64::MIN);
    let after = page_token.map(|text| text.parse::<Place>()).transpose();
    let after = after.map_err(|fault: PlaceFault| AdminFault::Request(fault.to_string()))?;
    // A record is written some time after what it tells of.
    let starts = app.store.places_since(began.saturating_sub(MARGIN)).await?;
    let Some(start) = starts.iter().copied().find(|start| after.is_none_or(|after| start.chain() >= after.chain()))
    else {
        return Ok(Json(AuditEvents { events: Vec::new(), next_page_token: None }));
    };
    let start = after.filter(|after| after.chain() == start.chain()).unwrap_or(start);
    let stretch = app.store.records_from(start).await?;
    let is_wanted = |found: &&accredit_store::Found| {
        let at = Head::of(&found.record.bytes).and_then(|head| head.at).unwrap_or(found.written_at);
        at >= began && to.is_none_or(|to| at < to)
    };
    let is_past = |found: &accredit_store::Found| to.is_some_and(|to| found.written_at > to.saturating_add(MARGIN));
    let is_over = stretch.records.is_empty() || stretch.records.last().is_some_and(is_past);
    let events = stretch.records.iter().filter(is_wanted).map(|found| ocsf::event(found, true)).collect();
    let next = match is_over {
        false => Some(stretch.next),
        true => starts.iter().copied().find(|next| next.chain() > start.chain()),
    };
    Ok(Json(AuditEvents { events, next_page_token: next.map(|next| next.to_string()) }))
}

/// Seconds between what a record tells of and its being written, at the very most.
const MARGIN: i64 = 600;
