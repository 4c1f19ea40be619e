//! `accredit config`: the managed configuration of a cluster, documents of `section`, `schema` and `spec`.

use std::path::{Path, PathBuf};

use accredit_api::admin::{NewResource, Resource};
use accredit_api::problem::{Fault, Problem};
use accredit_client::admin::AdminError;
use accredit_client::inert::Inert;
use accredit_core::model::yaml::{self, Located};
use accredit_core::model::{ConfigDocument, Document, Kind};
use accredit_core::plan::{self, Context};
use accredit_id::time::Timestamp;
use serde_json::{Value, json};

use super::config_history;
use super::write::show;
use crate::cli::Common;
use crate::documents::read_file;
use crate::exit::{Complaint, Exit, Failure};
use crate::render::{Output, problem};
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
    /// Say what a file would change, change nothing
    Diff(Diff),
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

/// Say what a file would change, change nothing
#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    #[command(flatten)]
    pub(crate) of: Of,
    /// The documents, YAML or JSON, `-` for stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// As if the sections that the file does not name were taken away
    #[arg(long)]
    pub(crate) prune: bool,
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
            let wanted = read(file, terminal)?;
            set(common, id, &wanted, How { prune: *prune, dry_run: *dry_run, revision: *revision }, terminal).await
        }
        Verb::Diff(Diff { of: Of { scope: Scope::Cluster, id }, file, prune }) => {
            let wanted = read(file, terminal)?;
            differs(common, id, &wanted, *prune, terminal).await?;
            set(common, id, &wanted, How { prune: *prune, dry_run: true, revision: None }, terminal).await
        }
        Verb::History(args) => config_history::run(common, args, terminal).await,
        Verb::Get(Get { of: Of { scope: Scope::Cluster, id }, section }) => {
            get(common, id, section.as_deref(), terminal).await
        }
        Verb::Validate(Validate { scope: Scope::Cluster, id, file }) => {
            let wanted = read(file, terminal)?;
            match id {
                Some(id) => {
                    set(common, id, &wanted, How { prune: false, dry_run: true, revision: None }, terminal).await
                }
                None => form(&wanted, terminal),
            }
        }
    }
}

/// How sections are replaced.
struct How {
    prune: bool,
    dry_run: bool,
    revision: Option<i64>,
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
    let merged = merged(&configured(&present), wanted, how.prune);
    let mut spec = present.spec;
    let config: Vec<&ConfigDocument> = merged.iter().map(|(document, _)| document).collect();
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
        Err(AdminError::Refused(problem)) => Err(refused(problem, &merged)),
        Err(other) => Err(other.into()),
        Ok(written) => show(common, written, terminal),
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

/// Prints which sections would be other ones, each as it is and as it would be.
async fn differs(
    common: &Common,
    id: &str,
    wanted: &[Located<ConfigDocument>],
    prune: bool,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    if common.output() != Output::Text {
        return Ok(());
    }
    let present = configured(&common.admin()?.resource(Kind::Cluster.document(), id).await?);
    let merged: Vec<ConfigDocument> =
        merged(&present, wanted, prune).into_iter().map(|(document, _)| document).collect();
    let gone = present.iter().filter(|document| !merged.contains(document)).map(|document| ('-', document));
    let new = merged.iter().filter(|document| !present.contains(document)).map(|document| ('+', document));
    let mut all: Vec<_> = gone.chain(new).collect();
    all.sort_by(|(_, one), (_, two)| one.section.cmp(&two.section));
    for (sign, document) in all {
        let text = yaml::write_config(std::slice::from_ref(document));
        let lines: String = text.lines().map(|line| format!("{sign} {}\n", Inert(line))).collect();
        terminal.show(&lines)?;
    }
    Ok(())
}

/// Judges documents as if they were those of a cluster without a realm, on a server that has nothing else.
fn form(wanted: &[Located<ConfigDocument>], terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let merged = merged(&[], wanted, true);
    let config: Vec<&ConfigDocument> = merged.iter().map(|(document, _)| document).collect();
    let document = |kind: Kind, name: &str, spec: Value| Document {
        kind: kind.document().to_owned(),
        name: name.to_owned(),
        id: None,
        enabled: None,
        spec,
    };
    let documents = [
        document(Kind::TrustDomain, "example.org", json!({})),
        document(Kind::Cluster, "cluster", json!({"trustDomain": "example.org", "config": config})),
    ];
    let now = Timestamp::from_unix(0);
    let context = Context { public_url: "https://accredit.invalid", reserved: &[], plain_http: false, now };
    let mut number = 0u128;
    let mut ids = || {
        number += 1;
        number.to_be_bytes()
    };
    let review = plan::review(&documents, &context, &mut ids);
    let complaint = |fault: &accredit_core::model::Fault| Complaint {
        message: match place(&fault.field, &merged) {
            Some(place) => format!("{place} {}", fault.message),
            None => fault.message.clone(),
        },
        hint: fault.hint.clone(),
    };
    if !review.faults.is_empty() {
        return Err(Failure::many(Exit::Failed, review.faults.iter().map(complaint).collect()));
    }
    for found in &review.findings {
        let at = place(&found.finding.field, &merged).map_or_else(String::new, |place| format!("{place} "));
        terminal.say(&format!("warning: {at}{}\n", found.finding.message));
    }
    terminal.show("the form is right; `--id` asks the server\n")?;
    Ok(Exit::Done)
}

fn read(file: &Path, terminal: &mut Terminal<'_>) -> Result<Vec<Located<ConfigDocument>>, Failure> {
    let bytes = read_file(file, FILE_CAP, terminal)?;
    let name = file.display().to_string();
    let text = String::from_utf8(bytes).map_err(|_| Failure::failed(format!("file `{name}` is not UTF-8")))?;
    let told = |fault: yaml::YamlFault| Complaint { message: fault.to_string(), hint: None };
    let read = yaml::parse_config(&name, &text)
        .map_err(|faults| Failure::many(Exit::Failed, faults.into_iter().map(told).collect()))?;
    for (place, one) in read.iter().enumerate() {
        let section = &one.document.section;
        if read[..place].iter().any(|other| other.document.section == *section) {
            let message = format!("{name}:{} section `{section}` stands there twice", one.line);
            return Err(Failure::failed(message).hint("make one document of the two"));
        }
    }
    match read.is_empty() {
        true => Err(Failure::failed(format!("file `{name}` holds no document"))),
        false => Ok(read),
    }
}

/// What is to be in force, each with the document of the file that says it.
fn merged<'w>(
    present: &[ConfigDocument],
    wanted: &'w [Located<ConfigDocument>],
    prune: bool,
) -> Vec<(ConfigDocument, Option<&'w Located<ConfigDocument>>)> {
    let said = |section: &str| wanted.iter().find(|one| one.document.section == section);
    let mut merged: Vec<_> = present
        .iter()
        .filter(|document| !prune || said(&document.section).is_some())
        .map(|document| match said(&document.section) {
            Some(one) => (one.document.clone(), Some(one)),
            None => (document.clone(), None),
        })
        .collect();
    for one in wanted {
        if !merged.iter().any(|(document, _)| document.section == one.document.section) {
            merged.push((one.document.clone(), Some(one)));
        }
    }
    merged
}

fn configured(cluster: &Resource) -> Vec<ConfigDocument> {
    serde_json::from_value(cluster.spec["config"].clone()).unwrap_or_default()
}

fn refused(problem: Problem, merged: &[(ConfigDocument, Option<&Located<ConfigDocument>>)]) -> Failure {
    problem::refused(problem, |fault: &Fault| place(&fault.field, merged))
}

/// Where in the file a field of the cluster's spec is written: `web.yaml:7`.
fn place(field: &str, merged: &[(ConfigDocument, Option<&Located<ConfigDocument>>)]) -> Option<String> {
    let (number, rest) = field.strip_prefix("spec.config[")?.split_once(']')?;
    let (_, located) = merged.get(number.parse::<usize>().ok()?)?;
    let located = located.as_ref()?;
    Some(format!("{}:{}", located.file, located.line_of(rest.trim_start_matches('.'))))
}

/// Far more than anybody writes by hand.
const FILE_CAP: usize = 1024 * 1024;
