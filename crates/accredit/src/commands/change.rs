//! `delete`, `enable` and `disable`: three deeds on one resource.

use accredit_api::admin::NamedResource;
use accredit_core::model::Kind;

use super::{kinds, whole_name};
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::{Output, changes};
use crate::terminal::Terminal;

/// What is done to the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Delete,
    Disable,
    Enable,
}

/// Which resource.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "[PROJECT/]NAME")]
    pub(crate) name: String,
    /// The project, when the name does not say it
    #[arg(short, long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// Say what would happen, also what another mapping would newly allow; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The verb-first form.
#[derive(Debug, clap::Args)]
pub(crate) struct OfAnyKind {
    /// Which kind
    #[arg(value_name = "KIND", value_parser = kinds())]
    pub(crate) kind: Kind,
    #[command(flatten)]
    pub(crate) change: Args,
}

/// Does the deed and prints what changed.
pub(crate) async fn run(
    common: &Common,
    deed: Deed,
    kind: Kind,
    args: &Args,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Failure> {
    let Args { name, project, dry_run } = args;
    let resource = NamedResource {
        kind: kind.document().to_owned(),
        name: whole_name(kind, name, project.as_deref()),
        dry_run: *dry_run,
    };
    let admin = common.admin()?;
    let response = match deed {
        Deed::Delete => admin.delete(&resource).await?,
        Deed::Disable => admin.disable(&resource).await?,
        Deed::Enable => admin.enable(&resource).await?,
    };
    let output = common.output();
    match output.structured(&response)? {
        Some(text) => terminal.show(&text)?,
        None => terminal.show(&changes::brief(&response, terminal.width()))?,
    }
    if output == Output::Text {
        terminal.say(&changes::findings(&response.findings, |_| None));
    }
    Ok(Exit::Done)
}
