//! `accredit mapping VERB`: what every kind has, and its first-use pins.

use accredit_core::model::Kind;

use super::{noun, pins, repin};
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// The verbs of mappings.
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Verb {
    #[command(flatten)]
    OfAnyKind(noun::Verb),
    /// List the permanent ids that its names were pinned to at their first use
    Pins(pins::Args),
    /// Take such pins away, so that the next use pins anew
    Repin(repin::Args),
}

/// Does what the verb says.
pub(crate) async fn run(common: &Common, verb: &Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    match verb {
        Verb::OfAnyKind(verb) => noun::run(common, Kind::Mapping, verb, terminal).await,
        Verb::Pins(args) => pins::run(common, args, terminal).await,
        Verb::Repin(args) => repin::run(common, args, terminal).await,
    }
}
