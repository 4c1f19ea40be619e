//! `accredit config`: the managed configuration of a cluster, documents of `section`, `schema` and `spec`.

use std::path::PathBuf;

use accredit_api::admin::{NewResource, Resource, Written};
use accredit_client::admin::{AdminClient, AdminError};
use accredit_core::model::yaml::{self, Located};
use accredit_core::model::{ConfigDocument, Kind};
use serde_json::json;

use super::config_file::{self, merged, refused};
use super::write::show;
use super::{config_diff, config_history};
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// Managed configuration.
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Verb {
    /// Replace the sections that a file names
    Set(Set),
    /// Print what is in force
    Get(Get),
    /// Say whether a file would be taken, change nothing
    Validate(Validate),
    /// Say what a file would change, and which recorded identities; change nothing
    Diff(config_diff::Diff),
    /// Say which sections were changed when
    History(config_history::Args),
}

/// Whose configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scope {
    /// Of a cluster.
    Cluster,
}

/// Replace the sections that a file names
#[derive(Debug, clap::Args)]
pub(crate) struct Set {
    #[command(flatten)]
    pub(crate) of: Of,
    /// The documents, YAML or JSON, `-` for stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Take away the sections that the file does not name
    #[arg(long)]
    pub(crate) prune: bool,
    /// Say what would happen, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Only while the cluster is at this revision; the one that was read when absent
    #[arg(long, value_name = "N")]
    pub(crate) revision: Option<i64>,
}

/// Print what is in force
#[derive(Debug, clap::Args)]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) of: Of,
    /// This section alone
    #[arg(long, value_name = "SECTION")]
    pub(crate) section: Option<String>,
}

/// Say whether a file would be taken, change nothing
#[derive(Debug, clap::Args)]
pub(crate) struct Validate {
    /// Whose configuration
    #[arg(value_name = "SCOPE")]
    pub(crate) scope: Scope,
    /// The cluster, by name or id; without it the form alone is judged, and no server is asked
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// The documents, YAML or JSON, `-` for stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Whose configuration, and which one.
#[derive(Debug, clap::Args)]
pub(crate) struct Of {
    /// Whose configuration
    #[arg(value_name = "SCOPE")]
    pub(crate) scope: Scope,
    /// The cluster, by name or id
    #[arg(long, value_name = "ID")]
    pub(crate) id: String,
}

/// Does what the verb says.
pub(crate) async fn run(common: &Common, verb: &Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    match verb {
        Verb::Set(Set { of: Of { scope: Scope::Cluster, id }, file, prune, dry_run, revision }) => {
            let wanted = config_file::read(file, terminal)?.sound()?;
            set(common, id, &wanted, How { prune: *prune, dry_run: *dry_run, revision: *revision }, terminal).await
        }
        Verb::Diff(args) => config_diff::run(common, args, terminal).await,
        Verb::History(args) => config_history::run(common, args, terminal).await,
        Verb::Get(Get { of: Of { scope: Scope::Cluster, id }, section }) => {
            get(common, id, section.as_deref(), terminal).await
        }
        Verb::Validate(Validate { scope: Scope::Cluster, id, file }) => {
            let file = config_file::read(file, terminal)?;
            match id {
                Some(id) => {
                    let how = How { prune: false, dry_run: true, revision: None };
                    set(common, id, &file.sound()?, how, terminal).await
                }
                None => {
                    terminal.say(&file.warnings()?);
                    terminal.show("the form is right; `--id` asks the server\n")?;
                    Ok(Exit::Done)
                }
            }
        }
    }
}

/// How sections are replaced.
pub(super) struct How {
    pub(super) prune: bool,
    pub(super) dry_run: bool,
    pub(super) revision: Option<i64>,
}

async fn set(
    common: &Common,
    id: &str,
    wanted: &[Located<ConfigDocument>],
    how: How,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Failure> {
    let admin = common.admin()?;
    let present = admin.resource(Kind::Cluster.document(), id).await?;
    let (_, written) = put(&admin, present, wanted, &how).await?;
    show(common, written, terminal)
}

/// Lays documents over a cluster's configuration, of the revision that was read.
pub(super) async fn put(
    admin: &AdminClient,
    present: Resource,
    wanted: &[Located<ConfigDocument>],
    how: &How,
) -> Result<(NewResource, Written), Failure> {
    let (config, places) = merged(&configured(&present), wanted, how.prune);
    let mut spec = present.spec;
    spec["config"] = json!(config);
    let new = NewResource {
        kind: None,
        name: None,
        id: None,
        enabled: present.enabled,
        revision: how.revision.or(present.revision),
        spec,
    };
    match admin.put(Kind::Cluster.noun(), &present.name, &new, how.dry_run).await {
        Err(AdminError::Refused(problem)) => Err(refused(problem, &places)),
        Err(other) => Err(other.into()),
        Ok(written) => Ok((new, written)),
    }
}

async fn get(common: &Common, id: &str, section: Option<&str>, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let present = common.admin()?.resource(Kind::Cluster.document(), id).await?;
    let mut documents = configured(&present);
    documents.retain(|document| section.is_none_or(|section| document.section == section));
    if let (true, Some(section)) = (documents.is_empty(), section) {
        return Err(Failure::failed(format!("cluster `{}` has no section `{section}`", present.name)));
    }
    let told = json!({"cluster": present.name, "revision": present.revision, "config": documents});
    match common.output().structured(&told)? {
        Some(text) => terminal.show(&text)?,
        // The server names lines of this very text.
        None => {
            terminal.show(&yaml::write_config(&documents))?;
            let revision = present.revision.map_or_else(String::new, |revision| format!("revision {revision}\n"));
            terminal.say(&revision);
        }
    }
    Ok(Exit::Done)
}

/// The managed configuration of a cluster.
pub(super) fn configured(cluster: &Resource) -> Vec<ConfigDocument> {
    serde_json::from_value(cluster.spec["config"].clone()).unwrap_or_default()
}
