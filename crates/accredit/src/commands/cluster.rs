//! `accredit cluster VERB`: what every kind has, and `create` with the two fields that never change.

use accredit_core::model::Kind;

use super::{change, cluster_keys, get, list, noun, write};
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// The verbs of clusters.
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Verb {
    /// List them
    List(list::Args),
    /// Print one
    #[command(alias = "info")]
    Get(get::Args),
    /// Say how the keys are by which its jobs are judged, issuer by issuer
    Keys(cluster_keys::Args),
    /// Create one: --trust-domain NAME [--realm NAME]
    Create(NewCluster),
    /// Change fields of one: FIELD=VALUE ..., --unset FIELD
    Update(write::Update),
    /// Delete one
    Delete(change::Args),
    /// Make one count again
    Enable(change::Args),
    /// Make one count no longer, without deleting it
    Disable(change::Args),
}

/// What a new cluster is to be.
#[derive(Debug, clap::Args)]
pub(crate) struct NewCluster {
    /// Its trust domain, by name or id; never changes
    #[arg(long, value_name = "NAME")]
    pub(crate) trust_domain: Option<String>,
    /// The realm of the trust domain that it belongs to; never changes
    #[arg(long, value_name = "NAME")]
    pub(crate) realm: Option<String>,
    #[command(flatten)]
    pub(crate) create: write::Create,
}

/// Does what the verb says.
pub(crate) async fn run(common: &Common, verb: Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let verb = match verb {
        Verb::Create(NewCluster { trust_domain, realm, mut create }) => {
            let said = [("trustDomain", trust_domain), ("realm", realm)];
            let assigned = said.into_iter().filter_map(|(field, value)| Some(format!("{field}={}", value?)));
            create.fields.assignments.extend(assigned);
            noun::Verb::Create(create)
        }
        Verb::Keys(args) => return cluster_keys::run(common, &args, terminal).await,
        Verb::List(args) => noun::Verb::List(args),
        Verb::Get(args) => noun::Verb::Get(args),
        Verb::Update(args) => noun::Verb::Update(args),
        Verb::Delete(args) => noun::Verb::Delete(args),
        Verb::Enable(args) => noun::Verb::Enable(args),
        Verb::Disable(args) => noun::Verb::Disable(args),
    };
    noun::run(common, Kind::Cluster, &verb, terminal).await
}
