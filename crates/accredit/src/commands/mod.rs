//! One file a verb: its arguments, and the road from them to the admin API and back to text.

pub(crate) mod alarm;
pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod audit_erase;
pub(crate) mod audit_export;
pub(crate) mod backup;
pub(crate) mod change;
pub(crate) mod ci_cd;
pub(crate) mod cluster;
pub(crate) mod cluster_keys;
pub(crate) mod config;
pub(crate) mod config_diff;
mod config_file;
pub(crate) mod config_history;
pub(crate) mod context;
pub(crate) mod decision;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod federation;
pub(crate) mod get;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod lint;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod mapping;
pub(crate) mod migrate;
pub(crate) mod noun;
pub(crate) mod pins;
pub(crate) mod provider;
pub(crate) mod provider_keys;
pub(crate) mod publish;
pub(crate) mod repin;
pub(crate) mod replay;
pub(crate) mod server;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod svid;
pub(crate) mod token;
mod trust_domain;
pub(crate) mod whoami;
pub(crate) mod write;

use accredit_core::model::{Id, Kind};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::cli::{Cli, Common, Verb};
use crate::exit::{Exit, Failure};
use crate::render::Output;
use crate::terminal::Terminal;

/// Does what the command line says.
///
/// # Errors
/// When it cannot be done; the failure knows the exit code.
pub(crate) fn run(cli: Cli, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Cli { common, verb } = cli;
    // Serving takes every core; asking a server needs only this thread.
    let mut builder = match verb {
        Verb::Server(_) | Verb::Demo(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime =
        builder.enable_all().build().map_err(|error| Failure::failed(format!("runtime cannot be started: {error}")))?;
    runtime.block_on(ask(&common, verb, terminal))
}

async fn ask(common: &Common, verb: Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    // Before anything is done that could not be told.
    if common.output() == Output::Sarif && !matches!(verb, Verb::Lint(_)) {
        return Err(Failure::misused("format `sarif` is for `accredit lint` alone"));
    }
    if common.output() == Output::Ocsf && !matches!(verb, Verb::Audit(audit::Verb::Export(_))) {
        return Err(Failure::misused("format `ocsf` is for `accredit audit export` alone"));
    }
    match verb {
        Verb::Server(args) => server::run(common, &args, terminal).await,
        Verb::Demo(args) => demo::run(&args, terminal).await,
        Verb::Init(args) => init::run(&args, terminal),
        Verb::Apply(args) => apply::run(common, &args, terminal).await,
        Verb::Diff(args) => diff::run(common, &args, terminal).await,
        Verb::Export(args) => export::run(common, &args, terminal).await,
        Verb::Lint(args) => lint::run(common, &args, terminal).await,
        Verb::Explain(args) => explain::run(common, &args, terminal).await,
        Verb::Decision(args) => decision::run(common, &args, terminal).await,
        Verb::Audit(verb) => audit::run(common, &verb, terminal).await,
        Verb::Backup(verb) => backup::run(common, &verb, terminal).await,
        Verb::Alarm(verb) => alarm::run(common, &verb, terminal).await,
        Verb::Store(verb) => store::run(common, &verb, terminal).await,
        Verb::Key(verb) => key::run(common, &verb, terminal).await,
        Verb::Openapi => terminal.show(&accredit_server::openapi()).map(|()| Exit::Done),
        Verb::MetricsReference => terminal.show(&accredit_server::metrics_reference()).map(|()| Exit::Done),
        Verb::Status => status::run(common, terminal).await,
        Verb::Login(args) => login::run(common, &args, terminal).await,
        Verb::Logout => logout::run(common, terminal),
        Verb::Whoami => whoami::run(common, terminal).await,
        Verb::Context(verb) => context::run(common, &verb, terminal),
        Verb::Token(verb) => token::run(common, &verb, terminal).await,
        Verb::Svid(verb) => svid::run(common, &verb, terminal).await,
        Verb::Project(verb) => noun::run(common, Kind::Project, &verb, terminal).await,
        Verb::Provider(verb) => provider::run(common, &verb, terminal).await,
        Verb::ServiceAccount(verb) => noun::run(common, Kind::ServiceAccount, &verb, terminal).await,
        Verb::Api(verb) => noun::run(common, Kind::Api, &verb, terminal).await,
        Verb::Role(verb) => noun::run(common, Kind::Role, &verb, terminal).await,
        Verb::Grant(verb) => noun::run(common, Kind::Grant, &verb, terminal).await,
        Verb::Mapping(verb) => mapping::run(common, &verb, terminal).await,
        Verb::TrustDomain(verb) => publish::run(common, &verb, terminal).await,
        Verb::Federation(verb) => federation::run(common, &verb, terminal).await,
        Verb::Cluster(verb) => cluster::run(common, verb, terminal).await,
        Verb::CiCd(verb) => ci_cd::run(common, verb, terminal).await,
        Verb::Config(verb) => config::run(common, &verb, terminal).await,
        Verb::Administrator(verb) => noun::run(common, Kind::Administrator, &verb, terminal).await,
        Verb::List(args) => list::run(common, args.kind, &args.list, terminal).await,
        Verb::Get(args) => get::of_any_kind(common, &args, terminal).await,
        Verb::Create(args) => write::create(common, args.kind, &args.create, terminal).await,
        Verb::Update(args) => write::update(common, args.kind, &args.update, terminal).await,
        Verb::Delete(args) => change::run(common, change::Deed::Delete, args.kind, &args.change, terminal).await,
        Verb::Enable(args) => change::run(common, change::Deed::Enable, args.kind, &args.change, terminal).await,
        Verb::Disable(args) => change::run(common, change::Deed::Disable, args.kind, &args.change, terminal).await,
    }
}

/// Reads a kind by its noun; plural and document name will do.
fn kinds() -> impl TypedValueParser<Value = Kind> {
    let value = |kind: Kind| PossibleValue::new(kind.noun()).aliases([plural(kind), kind.document()]);
    PossibleValuesParser::new(Kind::ALL.map(value)).try_map(|text| {
        let is_meant = |kind: &Kind| text == plural(*kind);
        Kind::named(&text).or_else(|| Kind::ALL.into_iter().find(is_meant)).ok_or("no such kind")
    })
}

fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Administrator => "administrators",
        Kind::Api => "apis",
        Kind::CiCdProfile => "ci-cd-profiles",
        Kind::Cluster => "clusters",
        Kind::Federation => "federations",
        Kind::Grant => "grants",
        Kind::Mapping => "mappings",
        Kind::Project => "projects",
        Kind::Provider => "providers",
        Kind::Role => "roles",
        Kind::ServiceAccount => "service-accounts",
        Kind::TrustDomain => "trust-domains",
    }
}

/// A name as the server knows it: `web-main` of project `ci` is `ci/web-main`. Ids and whole names stay.
fn whole_name(kind: Kind, name: &str, project: Option<&str>) -> String {
    match project {
        Some(project) if kind != Kind::Project && !name.contains('/') && name.parse::<Id>().is_err() => {
            format!("{project}/{name}")
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_completes_names_but_not_ids() {
        let id = "map_00000000000000000000000000";
        for (kind, name, project, whole) in [
            (Kind::Mapping, "web-main", Some("ci"), "ci/web-main"),
            (Kind::Mapping, "ci/web-main", Some("shop"), "ci/web-main"),
            (Kind::Mapping, "web-main", None, "web-main"),
            (Kind::Mapping, id, Some("ci"), id),
            (Kind::Project, "ci", Some("ci"), "ci"),
        ] {
            assert_eq!(whole_name(kind, name, project), whole);
        }
    }
}
