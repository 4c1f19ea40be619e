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
    revision: i64,
    /// Sections that are new, gone or different.
    sections: Vec<String>,
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
    changes.truncate(*limit as usize);
    let shown = |change: &Change| json!({"revision": change.revision, "at": change.at, "record": change.record, "sections": change.sections});
    let told: Vec<Value> = changes.iter().map(shown).collect();
    if let Some(text) = common.output().structured(&json!({"cluster": cluster.name, "changes": told}))? {
        terminal.show(&text)?;
        return Ok(Exit::Done);
    }
    let row = |change: &Change| {
        let sections = if change.sections.is_empty() { "none".to_owned() } else { change.sections.join(", ") };
        vec![change.revision.to_string(), change.at.clone(), change.record.clone(), sections]
    };
    let rows: Vec<_> = changes.iter().map(row).collect();
    terminal.show(&table::table(&["REVISION", "TIME", "RECORD", "SECTIONS CHANGED"], &rows))?;
    Ok(Exit::Done)
}

/// What a record tells of a cluster.
fn of_record(record: &AuditRecord, cluster: &str) -> Vec<Change> {
    let changes = record.detail.pointer("/detail/changes").and_then(Value::as_array).map(Vec::as_slice);
    let is_its = |change: &&Value| change["after"]["id"] == *cluster;
    let told = |change: &Value| Change {
        at: record.at.clone(),
        record: record.id.clone(),
        revision: change["after"]["revision"].as_i64().unwrap_or_default(),
        sections: different(&change["before"]["spec"]["config"], &change["after"]["spec"]["config"]),
    };
    changes.unwrap_or_default().iter().filter(is_its).map(told).collect()
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
const EVENTS: [&str; 5] =
    ["resources-applied", "resource-created", "resource-put", "resource-enabled", "resource-disabled"];
/// So far back the log is read for each of them.
const MOST_PAGES: usize = 20;
