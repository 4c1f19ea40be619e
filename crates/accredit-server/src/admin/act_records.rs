//! What is put down about a change: what each resource was and is, whole.
//!
//! An act whose resources do not fit into one record goes on in others (event `act-continued`). The first lists their ids as
//! `parts`; all are written in the transaction of the change.

use accredit_core::model::Resource;
use accredit_core::plan::Plan;
use accredit_core::world::World;
use accredit_id::time::Timestamp;
use accredit_store::audit::NewRecord;
use serde_json::{Value, json};

use super::audit::act_id;
use super::change::on_the_wire;
use crate::{chance, record};

/// Who did what on what was in force.
pub(super) struct Done<'d> {
    pub(super) event: &'static str,
    pub(super) at: Timestamp,
    pub(super) actor: &'d str,
    /// What admitted the actor, and from where.
    pub(super) by: Value,
    pub(super) before: &'d World,
}

impl Done<'_> {
    /// The records of the act, the first being the one that names it.
    pub(super) fn records(&self, plan: &Plan) -> Vec<NewRecord> {
        let pages = paged(changes(plan, self.before));
        let count = pages.len();
        let first: [u8; 16] = chance::bits();
        let mut pages = pages.into_iter().enumerate();
        let own = pages.next().map(|(_, page)| page).unwrap_or_default();
        let continued: Vec<NewRecord> = pages
            .map(|(part, changes)| {
                self.record("act-continued", json!({"continues": act_id(first), "part": part + 1, "parts": count, "changes": changes, "by": self.by}))
            })
            .collect();
        let mut detail = json!({"changes": own, "by": self.by});
        if !continued.is_empty() {
            detail["parts"] = continued.iter().map(|part| act_id(part.id)).collect();
        }
        let named = NewRecord { id: first, ..self.record(self.event, detail) };
        [named].into_iter().chain(continued).collect()
    }

    fn record(&self, event: &'static str, detail: Value) -> NewRecord {
        record::admin_act(event, self.at, self.actor, self.before.sequence, &detail)
    }
}

fn changes<'p>(plan: &'p Plan, before: &'p World) -> impl Iterator<Item = Vec<Value>> + 'p {
    let puts = plan.puts.iter().map(|put| (before.by_id(put.id).map(|old| &**old), Some(&**put)));
    let gone = plan.deletes.iter().map(|gone| (Some(&**gone), None));
    puts.chain(gone).map(|(before, after)| change(before, after))
}

/// One resource's change; several entries where it does not fit into one.
fn change(before: Option<&Resource>, after: Option<&Resource>) -> Vec<Value> {
    let size = |side: Option<&Resource>| side.map_or(0, |resource| resource.body().len() + 400);
    if size(before) + size(after) <= MAX_PAGE {
        return vec![json!({"before": before.map(on_the_wire), "after": after.map(on_the_wire)})];
    }
    let sides = [("before", before), ("after", after)];
    sides
        .into_iter()
        .filter_map(|(side, resource)| Some((side, resource?)))
        .flat_map(|(side, resource)| sided(side, resource))
        .collect()
}

/// One side of a change: whole, or as pieces of its JSON text.
fn sided(side: &str, resource: &Resource) -> Vec<Value> {
    if resource.body().len() <= MAX_PAGE {
        return vec![json!({side: on_the_wire(resource)})];
    }
    let whole = serde_json::to_string(&on_the_wire(resource)).unwrap_or_default();
    let mut rest = whole.as_str();
    let mut texts = Vec::new();
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(MAX_PIECE.min(rest.len())));
        texts.push(piece);
        rest = behind;
    }
    let (kind, name, id) = (resource.kind().document(), resource.name.as_str(), resource.id.to_string());
    let pieces = texts.len();
    let piece = |(place, text): (usize, &&str)| json!({side: {"kind": kind, "name": name, "id": id, "piece": place + 1, "pieces": pieces, "json": text}});
    texts.iter().enumerate().map(piece).collect()
}

/// Fills records one after the other.
fn paged(changes: impl Iterator<Item = Vec<Value>>) -> Vec<Vec<Value>> {
    let (mut pages, mut size) = (vec![Vec::new()], 0);
    for change in changes.flatten() {
        let own = change.to_string().len();
        if size + own > MAX_PAGE && size > 0 {
            pages.push(Vec::new());
            size = 0;
        }
        size += own;
        if let Some(page) = pages.last_mut() {
            page.push(change);
        }
    }
    pages
}

/// Bytes of changes in one record. INVARIANT: with what is around them under the store's 1 MiB a record, also when the ids of
/// all parts stand beside them: 64 MiB of documents, twice, are some 300.
const MAX_PAGE: usize = 512 * 1024;
/// Bytes of a piece before it becomes a JSON text again, in which quotes and backslashes count twice.
const MAX_PIECE: usize = 240 * 1024;
