//! `accredit audit export`: the log as events of OCSF, a line each.

use accredit_client::inert;

use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::moment;
use crate::render::Output;
use crate::terminal::Terminal;

/// Print records as OCSF events, oldest first, one line of JSON each
///
/// What `audit.export` of the server's configuration delivers by itself, for once and by hand. An event's `metadata.uid` is
/// the id of its record.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only from this time on
    #[arg(long, value_name = "RFC3339")]
    pub(crate) since: Option<String>,
    /// Only before this time
    #[arg(long, value_name = "RFC3339")]
    pub(crate) until: Option<String>,
}

/// Prints page after page.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    if !matches!(common.output(), Output::Text | Output::Ocsf) {
        return Err(Failure::misused("events are written as `ocsf` alone"));
    }
    let seconds = |time: &Option<String>| {
        let at = time.as_deref().map(moment::parse).transpose().map_err(Failure::misused)?;
        Ok::<_, Failure>(at.map(|at| at.unix()))
    };
    let (from, to) = (seconds(&args.since)?, seconds(&args.until)?);
    let admin = common.admin()?;
    let mut next: Option<String> = None;
    loop {
        let page = admin.audit_events(from, to, next.as_deref()).await?;
        let mut lines = String::new();
        for event in &page.events {
            lines.push_str(&inert::json(&event.to_string()));
            lines.push('\n');
        }
        terminal.show(&lines)?;
        next = page.next_page_token;
        if next.is_none() {
            return Ok(Exit::Done);
        }
    }
}
