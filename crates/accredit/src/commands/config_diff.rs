//! `accredit config diff`: what a file would change of a cluster's configuration, and which recorded identities with it.

use std::path::PathBuf;

use accredit_api::admin::{
    ApplyRequest, IdentityReplayReport, IdentityReplayRequest, NewResource, ReplayChange, Resource, Written,
};
use accredit_client::inert::Inert;
use accredit_core::model::{ConfigDocument, Kind, Lifetime, yaml};
use serde::Serialize;

use super::config::{How, Of, Scope, configured, put};
use super::config_file::{self, merged};
use super::write;
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::{Output, identities};
use crate::terminal::Terminal;

/// Say what a file would change, and which recorded identities; change nothing
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
    /// How far back recorded identities are looked at
    #[arg(long, value_name = "PERIOD", default_value = "7d")]
    pub(crate) period: Lifetime,
    /// How many SPIFFE IDs that would change are shown, the commonest first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) top: u32,
}

/// What would be written, and what it would mean, for programs.
#[derive(Serialize)]
struct WithIdentities {
    #[serde(flatten)]
    written: Written,
    identities: IdentityReplayReport,
}

/// Shows both.
pub(super) async fn run(common: &Common, args: &Diff, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Diff { of: Of { scope: Scope::Cluster, id }, file, prune, period, top } = args;
    let wanted = config_file::read(file, terminal)?.sound()?;
    let admin = common.admin()?;
    let present = admin.resource(Kind::Cluster.document(), id).await?;
    let (name, before) = (present.name.clone(), configured(&present));
    let (after, _) = merged(&before, &wanted, *prune);
    let how = How { prune: *prune, dry_run: true, revision: None };
    let (new, written) = put(&admin, present, &wanted, &how).await?;
    let request = IdentityReplayRequest {
        cluster: name.clone(),
        change: ReplayChange::Apply(ApplyRequest {
            resources: vec![as_document(name, new)],
            dry_run: true,
            prune: false,
            project: None,
        }),
        period: period.as_secs(),
        top: Some(*top),
    };
    let report = admin.replay_identities(&request).await?;
    let output = common.output();
    if output != Output::Text {
        let all = WithIdentities { written, identities: report };
        terminal.show(&output.structured(&all)?.unwrap_or_default())?;
        return Ok(Exit::Done);
    }
    terminal.show(&sections(&before, &after))?;
    write::show(common, written, terminal)?;
    terminal.show(&identities::report(&report))?;
    Ok(Exit::Done)
}

/// The document that says the same.
fn as_document(name: String, NewResource { enabled, spec, .. }: NewResource) -> Resource {
    Resource { kind: Kind::Cluster.document().to_owned(), name, id: None, enabled, revision: None, spec }
}

/// Which sections would be other ones, each as it is and as it would be.
fn sections(before: &[ConfigDocument], after: &[ConfigDocument]) -> String {
    let gone = before.iter().filter(|document| !after.contains(document)).map(|document| ('-', document));
    let new = after.iter().filter(|document| !before.contains(document)).map(|document| ('+', document));
    let mut all: Vec<_> = gone.chain(new).collect();
    all.sort_by(|(_, one), (_, two)| one.section.cmp(&two.section));
    let lines = |(sign, document): (char, &ConfigDocument)| {
        let text = yaml::write_config(std::slice::from_ref(document));
        text.lines().map(|line| format!("{sign} {}\n", Inert(line))).collect::<String>()
    };
    all.into_iter().map(lines).collect()
}
