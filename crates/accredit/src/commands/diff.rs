//! `accredit diff`: what `apply` would change, field by field, and with `--replay` for whom.

use accredit_api::admin::{Action, ReplayChange};
use accredit_client::admin::AdminError;

use super::replay::{Past, WithReplay};
use crate::cli::Common;
use crate::documents::{Documents, Files};
use crate::exit::{Exit, Failure};
use crate::render::{Output, changes, findings};
use crate::terminal::Terminal;

/// Show what `apply` would change, field by field
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) files: Files,
    /// Also show what `apply --prune` would delete
    #[arg(long)]
    pub(crate) prune: bool,
    /// Compare only with what this project owns
    #[arg(short, long, value_name = "NAME", requires = "prune")]
    pub(crate) project: Option<String>,
    /// Exit with 1 when anything would change
    #[arg(long)]
    pub(crate) exit_code: bool,
    #[command(flatten)]
    pub(crate) past: Past,
}

/// Asks for a dry run and prints its changes.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Args { files, prune, project, exit_code, past } = args;
    let documents = Documents::read(files, terminal)?;
    let answer = common.admin()?.diff(&documents.request(true, *prune, project.as_deref())).await;
    let response = match answer {
        Err(AdminError::Refused(problem)) => return Err(documents.refused(problem)),
        other => other?,
    };
    let replayed = past.of(common, || ReplayChange::Apply(documents.request(true, *prune, project.as_deref()))).await?;
    let output = common.output();
    let spec_of = |change: &accredit_api::admin::Change| documents.spec_of(&change.kind, &change.name);
    let text = changes::detailed(&response, spec_of);
    WithReplay { response: &response, replay: replayed.as_ref() }.show(output, &text, terminal)?;
    if output == Output::Text {
        terminal.say(&findings::brief(&response.findings, &documents.lint_command(true), |finding| {
            documents.place_of(finding)
        }));
    }
    let differs = response.changes.iter().any(|change| change.action != Action::Unchanged);
    Ok(if *exit_code && differs { Exit::Failed } else { Exit::Done })
}
