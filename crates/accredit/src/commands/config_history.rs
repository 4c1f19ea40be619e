//! `accredit config history`: who changed which sections when, read from the log that nobody can rewrite unseen.

use accredit_api::admin::AuditRecord;
use accredit_core::model::Kind;
use serde_json::{Value, json};

use super::config::{Of, Scope};
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::table;
use crate::terminal::Terminal;

/// Say who changed which sections when, newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) of: Of,
    /// How many changes at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
}

/// One change.
struct Change {
    at: String,
    record: String,
    by: String,
    revision: i64,
    /// Sections that are new, gone or different; nothing where the record does not hold both sides.
    sections: Option<Vec<String>>,
}

/// Walks the log back to where the cluster was made, or the limit is reached.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Args { of: Of { scope: Scope::Cluster, id }, limit } = args;
    let admin = common.admin()?;
    let cluster = admin.resource(Kind::Cluster.document(), id).await?;
    let wanted = cluster.id.unwrap_or_default();
    let mut changes: Vec<Change> = Vec::new();
    for event in EVENTS {
        let mut before: Option<String> = None;
        // Each event has pages of its own; what they hold is put into one order below.
        for _ in 0..MOST_PAGES {
            let page = admin.audit(1000, before.as_deref(), &[("event", Some(event))]).await?;
            for record in &page.records {
                changes.extend(of_record(record, &wanted));
            }
            match page.next_page_token {
                Some(next) => before = Some(next),
                None => break,
            }
        }
    }
    changes.sort_by_key(|change| std::cmp::Reverse(change.revision));
    changes.dedup_by_key(|change| change.revision);
    let missing = missing(&changes, cluster.revision.unwrap_or_default());
    changes.truncate(*limit as usize);
    let shown = |change: &Change| {
        let Change { at, record, by, revision, sections } = change;
        json!({"revision": revision, "at": at, "by": by, "record": record, "sections": sections})
    };
    let told: Vec<Value> = changes.iter().map(shown).collect();
    let gone: Vec<Value> = missing.iter().map(|(from, to)| json!({"from": from, "to": to})).collect();
    let all = json!({"cluster": cluster.name, "changes": told, "notInLog": gone});
    if let Some(text) = common.output().structured(&all)? {
        terminal.show(&text)?;
        return Ok(Exit::Done);
    }
    let row = |change: &Change| {
        let sections = match change.sections.as_deref() {
            Some([]) => "none".to_owned(),
            Some(sections) => sections.join(", "),
            None => "not recorded in one piece".to_owned(),
        };
        vec![change.revision.to_string(), change.at.clone(), change.by.clone(), change.record.clone(), sections]
    };
    let rows: Vec<_> = changes.iter().map(row).collect();
    terminal.show(&table::table(&["REVISION", "TIME", "BY", "RECORD", "SECTIONS CHANGED"], &rows))?;
    for (from, to) in missing {
        let which = if from == to { format!("revision {from} is") } else { format!("revisions {from} to {to} are") };
        terminal.say(&format!("{which} not in the log any more, or lie further back than was read\n"));
    }
    Ok(Exit::Done)
}

/// The revisions of which no record was found, in stretches, the newest first: retention removes records, and what a cluster is
/// outlives them.
fn missing(changes: &[Change], present: i64) -> Vec<(i64, i64)> {
    let (mut missing, mut next) = (Vec::new(), present);
    for revision in changes.iter().map(|change| change.revision).chain([0]) {
        if revision < next {
            missing.push((revision + 1, next));
        }
        next = revision - 1;
    }
    missing
}

/// What a record tells of a cluster.
fn of_record(record: &AuditRecord, cluster: &str) -> Vec<Change> {
    let detail = &record.detail["detail"];
    let changes = detail["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
    // What did not fit into the record of an act lies in others, which name it.
    let act = detail["continues"].as_str().unwrap_or(&record.id);
    let told = |change: &Value| {
        let after = change.get("after").filter(|after| after["id"] == *cluster)?;
        let sections =
            change.get("before").map(|before| different(&before["spec"]["config"], &after["spec"]["config"]));
        Some(Change {
            at: record.at.clone(),
            record: act.to_owned(),
            by: record.detail["actor"].as_str().unwrap_or_default().to_owned(),
            revision: after["revision"].as_i64()?,
            sections,
        })
    };
    changes.iter().filter_map(told).collect()
}

/// The sections that differ between two configurations.
fn different(before: &Value, after: &Value) -> Vec<String> {
    let sections = |config: &Value| config.as_array().cloned().unwrap_or_default();
    let (before, after) = (sections(before), sections(after));
    let missing = |one: &&Value, others: &[Value]| !others.contains(one);
    let changed = after.iter().filter(|one| missing(one, &before));
    let gone = before.iter().filter(|one| missing(one, &after));
    let mut names: Vec<String> =
        changed.chain(gone).filter_map(|one| one["section"].as_str().map(str::to_owned)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The acts by which a cluster is written.
const EVENTS: [&str; 6] =
    ["resources-applied", "resource-created", "resource-put", "resource-enabled", "resource-disabled", "act-continued"];
/// So far back the log is read for each of them.
const MOST_PAGES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_without_a_record_are_told() {
        let change = |revision: i64| Change {
            at: String::new(),
            record: String::new(),
            by: String::new(),
            revision,
            sections: Some(Vec::new()),
        };
        for (found, present, expected) in [
            (vec![3, 2, 1], 3, vec![]),
            (vec![], 0, vec![]),
            (vec![], 4, vec![(1, 4)]),
            (vec![5, 4], 5, vec![(1, 3)]),
            (vec![6, 3], 7, vec![(7, 7), (4, 5), (1, 2)]),
        ] {
            let changes: Vec<Change> = found.iter().copied().map(change).collect();
            assert_eq!(missing(&changes, present), expected, "{found:?} of {present}");
        }
    }

    /// Both sides, one alone, and what an act that goes on in another record is called by.
    #[test]
    fn a_record_tells_who_changed_what() {
        let side = |sections: &[&str], revision: i64| {
            let config: Vec<_> = sections.iter().map(|section| json!({"section": section, "spec": {}})).collect();
            json!({"id": "cl_1", "revision": revision, "spec": {"config": config}})
        };
        let record = AuditRecord {
            position: String::new(),
            id: "act_2".to_owned(),
            at: "2026-11-21T10:05:43Z".to_owned(),
            event: "act-continued".to_owned(),
            summary: String::new(),
            detail: json!({"actor": "olga", "detail": {"continues": "act_1", "changes": [
                {"before": side(&["A", "B"], 1), "after": side(&["B", "C"], 2)},
                {"before": null, "after": {"id": "cl_2", "revision": 1}},
                {"after": side(&["A"], 3)},
                {"before": side(&["A"], 2)},
            ]}}),
        };
        let told: Vec<_> = of_record(&record, "cl_1")
            .into_iter()
            .map(|Change { record, by, revision, sections, .. }| (record, by, revision, sections))
            .collect();
        let all = |revision, sections| ("act_1".to_owned(), "olga".to_owned(), revision, sections);
        let names = ["A", "C"].map(str::to_owned).to_vec();
        assert_eq!(told, [all(2, Some(names)), all(3, None)]);
    }
}
