//! `accredit apply`: brings documents into force, all or nothing.

use accredit_client::admin::AdminError;

use crate::cli::Common;
use crate::documents::{Documents, Files};
use crate::exit::{Exit, Failure};
use crate::render::{Output, changes};
use crate::terminal::Terminal;

/// Bring resources of YAML files into force, all or nothing
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) files: Files,
    /// Say what would happen, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Also delete every resource that is not in the files
    #[arg(long)]
    pub(crate) prune: bool,
}

/// Applies the documents and prints what changed.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Args { files, dry_run, prune } = args;
    let documents = Documents::read(files, terminal)?;
    let answer = common.admin()?.apply(&documents.request(*dry_run, *prune)).await;
    let response = match answer {
        Err(AdminError::Refused(problem)) => return Err(documents.refused(problem)),
        other => other?,
    };
    let output = common.output();
    match output.structured(&response)? {
        Some(text) => terminal.show(&text)?,
        None => terminal.show(&changes::brief(&response, terminal.width()))?,
    }
    if output == Output::Text {
        terminal.say(&changes::findings(&response.findings, |finding| documents.place_of(finding)));
    }
    Ok(Exit::Done)
}
