//! `accredit mapping pins NAME`.

use accredit_api::admin::Pin;
use accredit_core::model::Kind;

use super::whole_name;
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::table;
use crate::terminal::Terminal;

/// Whose pins.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "[PROJECT/]NAME")]
    pub(crate) name: String,
    /// The project, when the name does not say it
    #[arg(short, long, value_name = "NAME")]
    pub(crate) project: Option<String>,
}

/// Prints a table.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let list = common.admin()?.pins(&whole_name(Kind::Mapping, &args.name, args.project.as_deref())).await?;
    match common.output().structured(&list)? {
        Some(text) => terminal.show(&text)?,
        None if list.pins.is_empty() => terminal.say("no pin\n"),
        None => terminal.show(&rendered(&list.pins))?,
    }
    Ok(Exit::Done)
}

/// A line a pin.
pub(super) fn rendered(pins: &[Pin]) -> String {
    let row = |pin: &Pin| {
        let Pin { mapping: _, claim, value, id_claim, id, decision, at } = pin;
        [claim, value, id_claim, id, at, decision].map(String::clone).to_vec()
    };
    let headings = ["CLAIM", "NAME", "PINNED BY", "TO", "SINCE", "DECISION"];
    table::table(&headings, &pins.iter().map(row).collect::<Vec<_>>())
}
