//! `accredit diff`: what `apply` would change, field by field.

use accredit_api::admin::Action;
use accredit_client::admin::AdminError;

use crate::cli::Common;
use crate::documents::{Documents, Files};
use crate::exit::{Exit, Failure};
use crate::render::{Output, changes};
use crate::terminal::Terminal;

/// Show what `apply` would change, field by field
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) files: Files,
    /// Also show what `apply --prune` would delete
    #[arg(long)]
    pub(crate) prune: bool,
    /// Exit with 1 when anything would change
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// Asks for a dry run and prints its changes.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Args { files, prune, exit_code } = args;
    let documents = Documents::read(files, terminal)?;
    let answer = common.admin()?.apply(&documents.request(true, *prune)).await;
    let response = match answer {
        Err(AdminError::Refused(problem)) => return Err(documents.refused(problem)),
        other => other?,
    };
    let output = common.output();
    match output.structured(&response)? {
        Some(text) => terminal.show(&text)?,
        None => {
            let spec_of = |change: &accredit_api::admin::Change| documents.spec_of(&change.kind, &change.name);
            terminal.show(&changes::detailed(&response, spec_of))?;
        }
    }
    if output == Output::Text {
        terminal.say(&changes::findings(&response.findings, |finding| documents.place_of(finding)));
    }
    let differs = response.changes.iter().any(|change| change.action != Action::Unchanged);
    Ok(if *exit_code && differs { Exit::Failed } else { Exit::Done })
}
