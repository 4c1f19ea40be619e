//! `accredit NOUN VERB NAME`: the verbs that every kind of resource has.

use accredit_core::model::Kind;

use super::{change, get, list, write};
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// The verbs of a noun.
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Verb {
    /// List them
    List(list::Args),
    /// Print one
    #[command(alias = "info")]
    Get(get::Args),
    /// Create one: FIELD=VALUE ..., or a file with --spec
    Create(write::Create),
    /// Change fields of one: FIELD=VALUE ..., --unset FIELD
    Update(write::Update),
    /// Delete one
    Delete(change::Args),
    /// Make one count again
    Enable(change::Args),
    /// Make one count no longer, without deleting it
    Disable(change::Args),
}

/// Does what the verb says to resources of a kind.
pub(crate) async fn run(
    common: &Common,
    kind: Kind,
    verb: &Verb,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Failure> {
    match verb {
        Verb::List(args) => list::run(common, Some(kind), args, terminal).await,
        Verb::Get(args) => get::run(common, kind, args, terminal).await,
        Verb::Create(args) => write::create(common, kind, args, terminal).await,
        Verb::Update(args) => write::update(common, kind, args, terminal).await,
        Verb::Delete(args) => change::run(common, change::Deed::Delete, kind, args, terminal).await,
        Verb::Enable(args) => change::run(common, change::Deed::Enable, kind, args, terminal).await,
        Verb::Disable(args) => change::run(common, change::Deed::Disable, kind, args, terminal).await,
    }
}
