//! Refused acts of administration: each is a record (who, what, why), as far as that cannot fill the disk.
//!
//! Only an identity that was proved comes here. Whoever proves none is told so and costs nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use accredit_api::problem::Problem;
use accredit_id::time::Timestamp;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::{Value, json};

use super::actor::{Actor, Source};
use super::audit::act_id;
use super::problem::{NotPermitted, rendered};
use crate::app::App;
use crate::{clock, record};

/// How many refusals were written down lately, and how many were not.
#[derive(Debug, Default)]
pub(crate) struct RefusedActs(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// When this minute began, Unix seconds.
    since: i64,
    written: HashMap<String, u32>,
    all: u32,
    /// Refusals without a record of their own, by actor.
    left_out: HashMap<String, u64>,
    others: u64,
}

/// What was asked for, as its record has it.
pub(super) struct Asked {
    method: String,
    path: String,
    source: Source,
}

// === impl RefusedActs ===

impl RefusedActs {
    /// Whether a refusal of this actor is written down; else it is counted.
    fn takes(&self, actor: &str, now: Timestamp) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.unix().saturating_sub(counts.since) >= WINDOW {
            (counts.since, counts.all) = (now.unix(), 0);
            counts.written.clear();
        }
        let own = counts.written.get(actor).copied().unwrap_or_default();
        if own < MOST_OF_ACTOR && counts.all < MOST {
            counts.all += 1;
            counts.written.insert(actor.to_owned(), own + 1);
            return true;
        }
        match counts.left_out.len() < MAX_COUNTED || counts.left_out.contains_key(actor) {
            true => *counts.left_out.entry(actor.to_owned()).or_default() += 1,
            false => counts.others += 1,
        }
        false
    }

    /// Takes the counts out of what was not written down, as the detail of a record; `None` when there are none.
    pub(crate) fn take(&self) -> Option<Value> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (left_out, others) = (std::mem::take(&mut counts.left_out), std::mem::take(&mut counts.others));
        drop(counts);
        if left_out.is_empty() {
            return None;
        }
        let mut rows: Vec<_> = left_out.into_iter().collect();
        rows.sort();
        let rows: Vec<_> = rows.into_iter().map(|(actor, count)| json!({"actor": actor, "count": count})).collect();
        Some(json!({"refused": rows, "others": others}))
    }
}

// === impl Asked ===

impl Asked {
    pub(super) fn of(request: &Request) -> Self {
        Self {
            method: request.method().to_string(),
            path: request.uri().path().chars().take(MAX_PATH).collect(),
            source: request.extensions().get::<Source>().copied().unwrap_or_default(),
        }
    }

    /// Writes the refusal down, within bounds; its record's id.
    pub(super) async fn refuse(&self, app: &App, actor: &Actor, code: &str, why: &str) -> Option<String> {
        let now = clock::now();
        if !app.admin.refused.takes(&actor.name, now) {
            return None;
        }
        let in_force = app.read_model.now();
        let detail = json!({
            "method": self.method, "path": self.path, "code": code, "why": why,
            "by": actor.recorded(self.source, &in_force.world),
        });
        let record = record::admin_act("act-refused", now, &actor.name, in_force.world.sequence, &detail);
        let id = act_id(record.id);
        match app.recorder.note(record).await {
            Ok(()) => Some(id),
            Err(fault) => {
                tracing::warn!(
                    event = "act-not-recorded",
                    actor = actor.name,
                    "a refused act could not be recorded: {fault}"
                );
                None
            }
        }
    }
}

/// Writes down what is refused for want of a right, and tells its record's id.
pub(super) async fn write_down(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let asked = Asked::of(&request);
    let actor = request.extensions().get::<Actor>().cloned();
    let response = next.run(request).await;
    let refused = response.extensions().get::<NotPermitted>().cloned();
    let (Some(actor), Some(NotPermitted(problem))) = (actor, refused) else { return response };
    match asked.refuse(&app, &actor, &problem.code, &problem.detail).await {
        Some(id) => rendered(&Problem { decision: Some(id), ..problem }),
        None => response,
    }
}

/// Seconds.
const WINDOW: i64 = 60;
/// In a window. A page of a console asks for a handful of things; a loop asks for more than anybody will read.
const MOST_OF_ACTOR: u32 = 20;
const MOST: u32 = 200;
/// Names that are counted between two records of counts.
const MAX_COUNTED: usize = 256;
const MAX_PATH: usize = 300;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// L23: a flood of refusals is counted, and one actor's does not hide another's.
    #[test]
    fn a_flood_is_counted() {
        let (refused, at) = (RefusedActs::default(), |seconds: i64| Timestamp::from_unix(1_000 + seconds));
        let taken = |actor: &str, count: u32, second| (0..count).filter(|_| refused.takes(actor, at(second))).count();
        assert_eq!(taken("mallory", 1000, 0), 20);
        assert_eq!(taken("paula", 3, 30), 3);
        assert_eq!(refused.take().unwrap(), json!({"refused": [{"actor": "mallory", "count": 980}], "others": 0}));
        assert_eq!(refused.take(), None);
        assert_eq!(taken("mallory", 1, 60), 1);
        let many: usize = (0..1000).map(|number| taken(&format!("m{number}"), 1, 61)).sum();
        assert_eq!(many, 199);
        let counted = refused.take().unwrap();
        assert_eq!((counted["refused"].as_array().unwrap().len(), &counted["others"]), (256, &json!(545)));
    }
}
