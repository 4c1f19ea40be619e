//! `accredit token`: tokens for clients that cannot fetch their own.

use accredit_api::admin::ProjectTokenRequest;
use accredit_core::model::Lifetime;
use clap::Subcommand;

use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// Whose token.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// A bearer for Spiral's command line: workloads, policies and grants of one project
    Spiral(Spiral),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Spiral {
    /// The project, by name or id
    #[arg(short, long, value_name = "PROJECT")]
    project: String,
    /// How long it lives, 1m to 60m [default: 15m]
    #[arg(long, value_name = "LIFETIME")]
    lifetime: Option<Lifetime>,
}

/// Prints the token alone, so that `SPIRAL__AUTHN__TOKEN=$(accredit token spiral -p NAME)` works.
pub(crate) async fn run(common: &Common, verb: &Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Verb::Spiral(Spiral { project, lifetime }) = verb;
    let lifetime = lifetime.map(|lifetime| lifetime.duration().as_secs());
    let token = common.admin()?.spiral_token(&ProjectTokenRequest { project: project.clone(), lifetime }).await?;
    match common.output().structured(&token)? {
        Some(text) => terminal.show(&text)?,
        None => terminal.show(&format!("{}\n", token.token))?,
    }
    Ok(Exit::Done)
}
