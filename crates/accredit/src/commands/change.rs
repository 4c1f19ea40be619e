//! `delete`, `enable` and `disable`: three deeds on one resource.

use accredit_api::admin::{NamedResource, ReplayChange};
use accredit_core::model::Kind;

use super::replay::{Past, WithReplay};
use super::{kinds, trust_domain, whole_name};
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::{Output, changes, findings};
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
    /// Only while the resource is at this revision
    #[arg(long, value_name = "N")]
    pub(crate) revision: Option<i64>,
    /// Say what would happen, also what another mapping would newly allow; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) past: Past,
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
    let Args { name, project, revision, dry_run, past } = args;
    past.needs_dry_run(*dry_run)?;
    let resource = NamedResource {
        kind: kind.document().to_owned(),
        name: whole_name(kind, name, project.as_deref()),
        revision: *revision,
        dry_run: *dry_run,
    };
    let admin = common.admin()?;
    let ends = match (deed, kind) {
        (Deed::Delete | Deed::Disable, Kind::TrustDomain) => {
            admin.trust_domain_status(&resource.name).await.ok().map(|status| trust_domain::what_ends(&status, deed))
        }
        _ => None,
    };
    let response = match deed {
        Deed::Delete => admin.delete(&resource).await?,
        Deed::Disable => admin.disable(&resource).await?,
        Deed::Enable => admin.enable(&resource).await?,
    };
    let change = || match deed {
        Deed::Delete => ReplayChange::Delete(resource),
        Deed::Disable => ReplayChange::Disable(resource),
        Deed::Enable => ReplayChange::Enable(resource),
    };
    let replayed = past.of(common, change).await?;
    let output = common.output();
    let text = changes::brief(&response, terminal.width());
    WithReplay { response: &response, replay: replayed.as_ref() }.show(output, &text, terminal)?;
    if output == Output::Text {
        terminal.say(&ends.unwrap_or_default());
        terminal.say(&findings::brief(&response.findings, "accredit lint", |_| None));
    }
    Ok(Exit::Done)
}
