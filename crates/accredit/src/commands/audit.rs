//! `accredit audit`: what happened, and the proof that nothing was taken away.

mod heads;

use std::path::{Path, PathBuf};

use accredit_api::admin::VerifyAuditRequest;
use accredit_core::model::Kind;
use serde_json::Value;

pub(crate) use self::heads::read as read_heads;
use super::{audit_erase, audit_export, whole_name};
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::moment;
use crate::render::{Output, count, table, yaml};
use crate::terminal::Terminal;

/// Read the audit log, and prove that it is whole
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Verb {
    /// List records, newest first
    List(List),
    /// Print one record whole
    Show(Show),
    /// Print records as OCSF events, oldest first, one line of JSON each
    Export(audit_export::Args),
    /// Erase the values of somebody's records: claims, explanations, addresses
    Erase(audit_erase::Args),
    /// Walk every chain and check every signed head
    Verify(Verify),
    /// Print the signed heads, to be kept where the server cannot write: they prove later that nothing was rewritten
    Heads(Heads),
}

/// What it is compared with.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// Heads that were kept elsewhere, as `accredit audit heads` prints them: a log that was rewritten or cut off does not
    /// have them
    #[arg(long, value_name = "FILE")]
    pub(crate) heads: Option<PathBuf>,
}

/// Where to.
#[derive(Debug, clap::Args)]
pub(crate) struct Heads {
    /// Append those that are not in this file yet, instead of printing all
    #[arg(long, value_name = "FILE")]
    pub(crate) append: Option<PathBuf>,
}

/// Which records.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Only records older than the one at this position of the log
    #[arg(long, value_name = "POSITION")]
    pub(crate) before: Option<String>,
    /// Only this event, e.g. `exchange-denied`, `resources-applied`
    #[arg(long, value_name = "EVENT")]
    pub(crate) event: Option<String>,
    /// Only about this provider, by name or id
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Only about this service account, by name or id
    #[arg(long, value_name = "[PROJECT/]NAME")]
    pub(crate) service_account: Option<String>,
    /// Only what this mapping allowed, by name or id
    #[arg(long, value_name = "[PROJECT/]NAME")]
    pub(crate) mapping: Option<String>,
    /// Only refusals for this reason
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,
    /// Only from this time on
    #[arg(long, value_name = "RFC3339")]
    pub(crate) from: Option<String>,
    /// Only before this time
    #[arg(long, value_name = "RFC3339")]
    pub(crate) to: Option<String>,
    /// The project of service account and mapping, when their names do not say it
    #[arg(short, long, value_name = "NAME")]
    pub(crate) project: Option<String>,
}

/// Which record.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// `dec_...` of an exchange, `act_...` of an act of administration
    pub(crate) id: String,
}

/// Does what the verb says.
pub(crate) async fn run(common: &Common, verb: &Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    match verb {
        Verb::List(args) => list(common, args, terminal).await,
        Verb::Show(args) => show(common, args, terminal).await,
        Verb::Export(args) => audit_export::run(common, args, terminal).await,
        Verb::Erase(args) => audit_erase::run(common, args, terminal).await,
        Verb::Verify(Verify { heads }) => verify(common, heads.as_deref(), terminal).await,
        Verb::Heads(Heads { append }) => heads::run(common, append.as_deref(), terminal).await,
    }
}

async fn list(common: &Common, args: &List, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let List { limit, before, event, provider, service_account, mapping, reason, from, to, project } = args;
    let whole = |kind, name: &Option<String>| name.as_ref().map(|name| whole_name(kind, name, project.as_deref()));
    let seconds = |time: &Option<String>| {
        let at = time.as_deref().map(moment::parse).transpose().map_err(Failure::misused)?;
        Ok::<_, Failure>(at.map(|at| at.unix().to_string()))
    };
    let (from, to) = (seconds(from)?, seconds(to)?);
    let (service_account, mapping) = (whole(Kind::ServiceAccount, service_account), whole(Kind::Mapping, mapping));
    let filters = [
        ("event", event.as_deref()),
        ("provider", provider.as_deref()),
        ("service_account", service_account.as_deref()),
        ("mapping", mapping.as_deref()),
        ("reason", reason.as_deref()),
        ("from", from.as_deref()),
        ("to", to.as_deref()),
    ];
    let list = common.admin()?.audit(*limit, before.as_deref(), &filters).await?;
    if let Some(text) = common.output().structured(&list)? {
        terminal.show(&text)?;
        return Ok(Exit::Done);
    }
    if list.records.is_empty() {
        terminal.say("no record\n");
        return Ok(Exit::Done);
    }
    let row = |record: &accredit_api::admin::AuditRecord| {
        vec![record.at.clone(), record.event.clone(), record.id.clone(), record.summary.clone()]
    };
    let rows: Vec<_> = list.records.iter().map(row).collect();
    terminal.show(&table::table(&["TIME", "EVENT", "ID", "WHAT"], &rows))?;
    if let Some(next) = list.next_page_token {
        terminal.say(&format!("older ones: accredit audit list --before {next}\n"));
    }
    Ok(Exit::Done)
}

async fn show(common: &Common, args: &Show, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let admin = common.admin()?;
    let mut record = admin.audit_record(&args.id).await?;
    // An act that does not fit into one record goes on in others; whoever asks for it means all of it.
    let parts = record.detail.pointer("/detail/parts").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut changes = Vec::new();
    for part in parts.iter().filter_map(Value::as_str) {
        let part = admin.audit_record(part).await?;
        changes.extend(part.detail.pointer("/detail/changes").and_then(Value::as_array).cloned().unwrap_or_default());
    }
    if let Some(own) = record.detail.pointer_mut("/detail/changes").and_then(Value::as_array_mut) {
        own.extend(changes);
        *own = whole_changes(std::mem::take(own));
    }
    if let Some(text) = common.output().structured(&record)? {
        terminal.show(&text)?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    let members = [
        ("id", &record.id),
        ("time", &record.at),
        ("event", &record.event),
        ("what", &record.summary),
        ("position", &record.position),
    ];
    for (name, value) in members {
        text.push_str(&yaml::document(&serde_json::json!({ name: value })));
    }
    text.push_str(&yaml::document(&serde_json::json!({ "detail": record.detail })));
    terminal.show(&text)?;
    Ok(Exit::Done)
}

/// Puts together what was written apart: a change's two sides, and the pieces of a side.
fn whole_changes(changes: Vec<Value>) -> Vec<Value> {
    let mut whole: Vec<Value> = Vec::new();
    let mut text = String::new();
    for change in changes {
        let Some((side, piece)) = one_side(&change) else {
            whole.push(change);
            continue;
        };
        let resource = match piece.get("json").and_then(Value::as_str) {
            None => piece.clone(),
            Some(more) => {
                text.push_str(more);
                if piece.get("piece") != piece.get("pieces") {
                    continue;
                }
                serde_json::from_str(&std::mem::take(&mut text)).unwrap_or_default()
            }
        };
        let is_after = |before: &Value| {
            side == "after" && before.get("after").is_none() && before["before"]["id"] == resource["id"]
        };
        match whole.last_mut().filter(|last| is_after(last)) {
            Some(last) => last["after"] = resource,
            None => whole.push(serde_json::json!({ side: resource })),
        }
    }
    whole.into_iter().map(both_sides).collect()
}

/// The side of an entry that has one alone.
fn one_side(change: &Value) -> Option<(&'static str, &Value)> {
    match (change.get("before"), change.get("after")) {
        (Some(before), None) => Some(("before", before)),
        (None, Some(after)) => Some(("after", after)),
        _ => None,
    }
}

/// A side that nobody wrote was not there.
fn both_sides(change: Value) -> Value {
    let side = |name: &str| change.get(name).cloned().unwrap_or_default();
    serde_json::json!({"before": side("before"), "after": side("after")})
}

async fn verify(common: &Common, heads: Option<&Path>, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let heads = heads.map(heads::wire).transpose()?.unwrap_or_default();
    let result = common.admin()?.verify_audit(&VerifyAuditRequest { heads }).await?;
    let output = common.output();
    match output.structured(&result)? {
        Some(text) => terminal.show(&text)?,
        None => {
            let mut walked = vec![
                count_of(result.chains, "chain"),
                count_of(result.batches, "batch"),
                count_of(result.records, "record"),
                count_of(result.heads, "signed head"),
            ];
            // Taken away by rule, and told apart from what is missing.
            for (count, what) in [(result.erased, "without its value"), (result.removed, "removed")] {
                if count > 0 {
                    walked.push(format!("{count} {what}"));
                }
            }
            let verdict = if result.breaks.is_empty() { "whole" } else { "broken" };
            terminal.show(&format!("{verdict}    {}\n", walked.join("  ")))?;
        }
    }
    if result.breaks.is_empty() {
        return Ok(Exit::Done);
    }
    if output == Output::Text {
        let row = |broken: &accredit_api::admin::AuditBreak| {
            vec![broken.chain.clone(), broken.batch.to_string(), broken.message.clone()]
        };
        let rows: Vec<_> = result.breaks.iter().map(row).collect();
        terminal.show(&table::table(&["CHAIN", "BATCH", "WHAT"], &rows))?;
    }
    Err(Failure::failed(format!("audit log is not what was written, in {}", count(result.breaks.len(), "place")))
        .hint("compare the store with a backup before anything else writes to it"))
}

fn count_of(number: u64, what: &str) -> String {
    match (number, what) {
        (1, what) => format!("1 {what}"),
        (number, "batch") => format!("{number} batches"),
        (number, what) => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_written_apart_is_put_together() {
        let one = json!({"before": null, "after": {"id": "a"}});
        let parts = vec![
            one.clone(),
            json!({"before": {"id": "b", "x": 1}}),
            json!({"after": {"id": "b", "piece": 1, "pieces": 2, "json": "{\"id\": \"b\", "}}),
            json!({"after": {"id": "b", "piece": 2, "pieces": 2, "json": "\"x\": 2}"}}),
            json!({"after": {"id": "c"}}),
            json!({"before": {"id": "d"}}),
        ];
        let expected = vec![
            one,
            json!({"before": {"id": "b", "x": 1}, "after": {"id": "b", "x": 2}}),
            json!({"before": null, "after": {"id": "c"}}),
            json!({"before": {"id": "d"}, "after": null}),
        ];
        assert_eq!(whole_changes(parts), expected);
    }
}
