//! `accredit export`: every resource as YAML that `apply` reads back to no change.

use accredit_api::admin::Resource;
use accredit_core::model::Kind;

use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::{self, Output};
use crate::terminal::Terminal;

/// Print every resource as YAML that `apply` reads back
///
/// The order is the same each time: kinds in the order in which they refer to each other, then names. Ids are
/// written down, so that a server rebuilt from the file breaks no client. JSON output is the admin API's list.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only what this project owns
    #[arg(short, long, value_name = "NAME")]
    pub(crate) project: Option<String>,
}

/// Prints the documents.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let mut list = common.admin()?.list(None, args.project.as_deref()).await?;
    list.resources.sort_by(|one, other| order(one).cmp(&order(other)));
    let text = match common.output {
        Some(output @ (Output::Json | Output::Sarif | Output::Ocsf)) => output.structured(&list)?.unwrap_or_default(),
        _ => list.resources.iter().map(render::document).collect::<Vec<_>>().join("---\n"),
    };
    terminal.show(&text)?;
    Ok(Exit::Done)
}

/// A kind only refers to kinds before it, so that the file reads from top to bottom.
fn order(resource: &Resource) -> (usize, &str) {
    let place = Kind::ALL.iter().position(|kind| kind.document() == resource.kind);
    (place.unwrap_or(Kind::ALL.len()), &resource.name)
}
