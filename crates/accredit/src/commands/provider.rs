//! `accredit provider VERB`: what every kind has, and a provider's keys.

use accredit_core::model::Kind;

use super::{noun, provider_keys};
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// The verbs of providers.
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Verb {
    #[command(flatten)]
    OfAnyKind(noun::Verb),
    /// Say how its keys are, and which it was seen to have
    Keys(provider_keys::Args),
}

/// Does what the verb says.
pub(crate) async fn run(common: &Common, verb: &Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    match verb {
        Verb::OfAnyKind(verb) => noun::run(common, Kind::Provider, verb, terminal).await,
        Verb::Keys(args) => provider_keys::run(common, args, terminal).await,
    }
}
