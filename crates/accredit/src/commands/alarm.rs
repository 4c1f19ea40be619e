//! `accredit alarm VERB`: what issuers send that nobody expected.

use accredit_api::admin::{AcknowledgeRequest, Alarm};
use accredit_client::inert::Inert;

use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::explanation::labelled;
use crate::render::table;
use crate::terminal::Terminal;

/// The verbs of alarms.
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Verb {
    /// List those that nobody has acknowledged
    List(List),
    /// Print one, and what to do about it
    Get(One),
    /// Say that one is known and all right
    Acknowledge(Acknowledge),
}

/// Which alarms.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only those of this provider
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Acknowledged ones too
    #[arg(long)]
    pub(crate) all: bool,
}

/// Which alarm.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// `alarm_` and 32 hexadecimal digits
    pub(crate) id: String,
}

/// Which alarm, and why it is all right.
#[derive(Debug, clap::Args)]
pub(crate) struct Acknowledge {
    /// `alarm_` and 32 hexadecimal digits
    pub(crate) id: String,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// Does what the verb says.
pub(crate) async fn run(common: &Common, verb: &Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let admin = common.admin()?;
    match verb {
        Verb::List(List { provider, all }) => {
            let list = admin.alarms(provider.as_deref(), *all).await?;
            match common.output().structured(&list)? {
                Some(text) => terminal.show(&text)?,
                None if list.alarms.is_empty() => terminal.say("no alarm\n"),
                None => terminal.show(&rendered(&list.alarms))?,
            }
        }
        Verb::Get(One { id }) => show(common, &admin.alarm(id).await?, terminal)?,
        Verb::Acknowledge(Acknowledge { id, reason }) => {
            let request = AcknowledgeRequest { id: id.clone(), reason: reason.clone() };
            show(common, &admin.acknowledge(&request).await?, terminal)?;
        }
    }
    Ok(Exit::Done)
}

fn show(common: &Common, alarm: &Alarm, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    match common.output().structured(alarm)? {
        Some(text) => terminal.show(&text),
        None => terminal.show(&described(alarm)),
    }
}

fn rendered(alarms: &[Alarm]) -> String {
    let row = |alarm: &Alarm| {
        let Alarm { id, code, provider, thing, first_seen, last_seen, acknowledged, .. } = alarm;
        let acknowledged = acknowledged.clone().unwrap_or_default();
        let cells = [provider, code, thing, first_seen, last_seen, id];
        cells.into_iter().cloned().chain([acknowledged]).collect::<Vec<_>>()
    };
    let headings = ["PROVIDER", "ALARM", "WHAT", "FIRST SEEN", "LAST SEEN", "ID", "ACKNOWLEDGED"];
    table::table(&headings, &alarms.iter().map(row).collect::<Vec<_>>())
}

fn described(alarm: &Alarm) -> String {
    let Alarm { id, code, provider: _, thing: _, summary, hint, first_seen, last_seen, decision, acknowledged } = alarm;
    let mut out = labelled("alarm", &format!("{}   {}", Inert(code), Inert(id)));
    out.push_str(&labelled("", &Inert(summary).to_string()));
    out.push_str(&labelled("", &format!("hint: {}", Inert(hint))));
    out.push_str(&labelled("seen", &format!("first {}, last {}", Inert(first_seen), Inert(last_seen))));
    let ask = if decision.starts_with("act_") { "audit show" } else { "decision" };
    out.push_str(&labelled("", &format!("accredit {ask} {}", Inert(decision))));
    if let Some(reason) = acknowledged {
        out.push_str(&labelled("known", &Inert(reason).to_string()));
    }
    out
}
