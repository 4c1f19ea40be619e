//! `accredit server migrate`: the schema of the store, ahead of a new release.

use std::path::PathBuf;

use accredit_server::{Config, Schema};
use serde_json::json;

use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// Which store, and whether only to look.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Configuration file (TOML); its store is brought up to date
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Say what would be done and change nothing; exit 1 when something is to be done
    #[arg(long)]
    check: bool,
}

/// Looks, or takes the steps.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let config = Config::read(&args.config).map_err(|fault| Failure::misused(fault.to_string()))?;
    let schema = match args.check {
        true => accredit_server::schema(&config).await,
        false => accredit_server::migrate(&config).await,
    };
    let schema = schema.map_err(|fault| {
        let failure = Failure::named(&fault, Some(fault.code()));
        match fault.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    let Schema { found, known, pending, oldest, oldest_then } = &schema;
    let told = json!({
        "found": found, "known": known, "pending": pending, "oldest": oldest, "oldestThen": oldest_then,
    });
    match common.output().structured(&told)? {
        Some(text) => terminal.show(&text)?,
        None => terminal.show(&in_words(&schema, args.check))?,
    }
    let is_due = !schema.pending.is_empty() || !schema.spares_this_program();
    Ok(if args.check && is_due { Exit::Failed } else { Exit::Done })
}

fn in_words(schema: &Schema, check: bool) -> String {
    let Schema { found, known, pending, oldest, oldest_then } = schema;
    if !schema.spares_this_program() {
        return format!(
            "the store has schema {found}, which programs of schema {known} do not work with; it wants {oldest}\n"
        );
    }
    if pending.is_empty() {
        return format!("the store has schema {found}; nothing is to be done\n");
    }
    let steps: Vec<String> = pending.iter().map(ToString::to_string).collect();
    let verb = if check { "would be taken" } else { "were taken" };
    let beside = match oldest_then {
        0 => "every program of before may go on beside it".to_owned(),
        oldest => format!("programs that know less than schema {oldest} must not go on"),
    };
    format!("schema {found} to {known}: steps {} {verb}; {beside}\n", steps.join(", "))
}
