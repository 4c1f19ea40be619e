//! `accredit audit erase`: takes a person's values out of the log.

use accredit_api::admin::EraseRequest;

use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::Output;
use crate::terminal::Terminal;

/// Erase the values of somebody's records: claims, explanations, addresses
///
/// What was decided stays, and the log still verifies: it covers commitments to the values. The act is recorded with its
/// reason and without what was erased. What sinks have got is erased there.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("whose").required(true).args(["subject", "decision"]))]
pub(crate) struct Args {
    /// Records with a claim of exactly this value, e.g. the token's `sub`
    #[arg(long, value_name = "VALUE")]
    pub(crate) subject: Option<String>,
    /// Of these only such as are about this provider, by name or id
    #[arg(long, value_name = "NAME", requires = "subject")]
    pub(crate) provider: Option<String>,
    /// One record, `dec_...`
    #[arg(long, value_name = "ID")]
    pub(crate) decision: Option<String>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Say how many records it would be; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Erases, and says what.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Args { subject, provider, decision, reason, dry_run } = args;
    let request = EraseRequest {
        subject: subject.clone(),
        provider: provider.clone(),
        decision: decision.clone(),
        reason: reason.clone(),
        dry_run: *dry_run,
    };
    let response = common.admin()?.erase_audit(&request).await?;
    let output = common.output();
    match output.structured(&response)? {
        Some(text) => terminal.show(&text)?,
        None => {
            let (count, plural) = (response.records, if response.records == 1 { "" } else { "s" });
            let would = if response.dry_run { "would lose" } else { "lost" };
            terminal.show(&format!("{count} record{plural} {would} their values\n"))?;
        }
    }
    if let (Output::Text, Some(act)) = (output, &response.act) {
        terminal.say(&format!("recorded as {act}\n"));
    }
    Ok(Exit::Done)
}
