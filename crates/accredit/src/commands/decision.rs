//! `accredit decision ID`: what was decided, and why.

use accredit_core::model::DecisionId;

use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::explanation;
use crate::terminal::Terminal;

/// Say what was decided, and why
///
/// The id stands in the error body and in the `x-request-id` header of every answer, and is the `jti` of every token.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `dec_` and 32 hexadecimal digits
    pub(crate) id: String,
}

/// Prints the explanation. That the decision was a denial is no failure of this command.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let id: DecisionId = args.id.parse().map_err(|fault| Failure::misused(format!("{fault}")))?;
    let explanation = common.admin()?.decision(&id.to_string()).await?;
    match common.output().structured(&explanation)? {
        Some(text) => terminal.show(&text)?,
        None => terminal.show(&explanation::explanation(&explanation))?,
    }
    Ok(Exit::Done)
}
