//! `--replay PERIOD`: what a change would have meant for the decisions of that period.

use accredit_api::admin::{ApplyResponse, ReplayChange, ReplayReport, ReplayRequest};
use accredit_core::model::Lifetime;
use serde::Serialize;

use crate::cli::Common;
use crate::exit::Failure;
use crate::render::{Output, replay};
use crate::terminal::Terminal;

/// How far back, and how much of it is shown.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Past {
    /// Also try it on the decisions of this long, e.g. 7d: who would newly be allowed or denied
    #[arg(long, value_name = "PERIOD")]
    pub(crate) replay: Option<Lifetime>,
    /// How many subjects of each kind --replay shows, the commonest first
    #[arg(
        long,
        value_name = "N",
        requires = "replay",
        default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub(crate) top: u32,
}

/// An answer together with its replay, for programs.
#[derive(Serialize)]
pub(crate) struct WithReplay<'r> {
    #[serde(flatten)]
    pub(crate) response: &'r ApplyResponse,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replay: Option<&'r ReplayReport>,
}

// === impl Past ===

impl Past {
    /// A change that is made is not tried as well.
    ///
    /// # Errors
    /// When a replay is asked for without a dry run.
    pub(crate) fn needs_dry_run(&self, dry_run: bool) -> Result<(), Failure> {
        match self.replay.is_some() && !dry_run {
            true => Err(Failure::misused("--replay tries a change, and nothing says that this one is only tried")
                .hint("add --dry-run; what was done is in the audit log")),
            false => Ok(()),
        }
    }

    /// The report, when one is asked for. The change was planned once already, so what is wrong with it has been said.
    ///
    /// # Errors
    /// When the server cannot be asked, or the change is refused meanwhile.
    pub(crate) async fn of(
        &self,
        common: &Common,
        change: impl FnOnce() -> ReplayChange,
    ) -> Result<Option<ReplayReport>, Failure> {
        let Some(period) = self.replay else { return Ok(None) };
        let request = ReplayRequest { change: change(), period: period.as_secs(), top: Some(self.top) };
        Ok(Some(common.admin()?.replay(&request).await?))
    }
}

// === impl WithReplay ===

impl WithReplay<'_> {
    /// Shows both; `text` is the answer as people read it.
    ///
    /// # Errors
    /// When nothing can be written.
    pub(crate) fn show(&self, output: Output, text: &str, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        match output.structured(self)? {
            Some(text) => terminal.show(&text),
            None => {
                terminal.show(text)?;
                terminal.show(&self.replay.map(replay::report).unwrap_or_default())
            }
        }
    }
}
