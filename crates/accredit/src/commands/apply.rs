//! `accredit apply`: brings documents into force, all or nothing.

use accredit_api::admin::ReplayChange;
use accredit_client::admin::AdminError;

use super::replay::{Past, WithReplay};
use crate::cli::Common;
use crate::documents::{Documents, Files};
use crate::exit::{Exit, Failure};
use crate::render::{Output, changes, findings};
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
    /// Delete only what this project owns
    #[arg(short, long, value_name = "NAME", requires = "prune")]
    pub(crate) project: Option<String>,
    #[command(flatten)]
    pub(crate) past: Past,
}

/// Applies the documents and prints what changed.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Args { files, dry_run, prune, project, past } = args;
    past.needs_dry_run(*dry_run)?;
    let documents = Documents::read(files, terminal)?;
    let answer = common.admin()?.apply(&documents.request(*dry_run, *prune, project.as_deref())).await;
    let response = match answer {
        Err(AdminError::Refused(problem)) => return Err(documents.refused(problem)),
        other => other?,
    };
    let replayed = past.of(common, || ReplayChange::Apply(documents.request(true, *prune, project.as_deref()))).await?;
    let output = common.output();
    let text = changes::brief(&response, terminal.width());
    WithReplay { response: &response, replay: replayed.as_ref() }.show(output, &text, terminal)?;
    if output == Output::Text {
        terminal.say(&findings::brief(&response.findings, &documents.lint_command(*dry_run), |finding| {
            documents.place_of(finding)
        }));
    }
    Ok(Exit::Done)
}
