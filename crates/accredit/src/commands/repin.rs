//! `accredit mapping repin NAME --reason TEXT`.

use accredit_api::admin::RepinRequest;
use accredit_core::model::Kind;

use super::{pins, whole_name};
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::Output;
use crate::terminal::Terminal;

/// Take first-use pins away, so that the next use of their names pins anew
///
/// Do this when you know why a name has another permanent id now: a repository that was deleted and made again, an
/// organisation that moved. Until the next use, whoever bears the name may pin it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "[PROJECT/]NAME")]
    pub(crate) name: String,
    /// The project, when the name does not say it
    #[arg(short, long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Only pins of names in this claim, e.g. repository
    #[arg(long, value_name = "CLAIM")]
    pub(crate) claim: Option<String>,
    /// Only pins of this name
    #[arg(long, value_name = "NAME")]
    pub(crate) value: Option<String>,
    /// Say which pins would go; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Takes the pins away and prints them.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Args { name, project, reason, claim, value, dry_run } = args;
    let request = RepinRequest {
        mapping: whole_name(Kind::Mapping, name, project.as_deref()),
        claim: claim.clone(),
        value: value.clone(),
        reason: reason.clone(),
        dry_run: *dry_run,
    };
    let response = common.admin()?.repin(&request).await?;
    let output = common.output();
    match output.structured(&response)? {
        Some(text) => terminal.show(&text)?,
        None => terminal.show(&pins::rendered(&response.removed))?,
    }
    if output == Output::Text {
        let (count, would) = (response.removed.len(), if response.dry_run { " would be" } else { "" });
        let plural = if count == 1 { "" } else { "s" };
        terminal.say(&format!("{count} pin{plural}{would} taken away; the next use of a name pins it anew\n"));
    }
    Ok(Exit::Done)
}
