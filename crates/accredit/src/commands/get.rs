//! `accredit get KIND NAME`, `accredit KIND get NAME`.

use accredit_api::admin::{ProviderKeys, Resource, TrustDomainStatus};
use accredit_client::inert::Inert;
use accredit_core::model::Kind;

use super::{kinds, list, provider_keys, trust_domain, whole_name};
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::{self, Output};
use crate::terminal::Terminal;

/// Which resource.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "[PROJECT/]NAME")]
    pub(crate) name: String,
    /// The project, when the name does not say it
    #[arg(short, long, value_name = "NAME")]
    pub(crate) project: Option<String>,
}

/// Print one resource, or list a kind
#[derive(Debug, clap::Args)]
pub(crate) struct OfAnyKind {
    /// Which kind
    #[arg(value_name = "KIND", value_parser = kinds())]
    pub(crate) kind: Kind,
    /// Name or id; all of the kind when absent
    #[arg(value_name = "[PROJECT/]NAME")]
    pub(crate) name: Option<String>,
    /// The project, when the name does not say it
    #[arg(short, long, value_name = "NAME")]
    pub(crate) project: Option<String>,
}

/// Prints one resource as the document that `apply` would read.
pub(crate) async fn run(
    common: &Common,
    kind: Kind,
    args: &Args,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Failure> {
    let name = whole_name(kind, &args.name, args.project.as_deref());
    let resource = common.admin()?.resource(kind.document(), &name).await?;
    // Remarks beside the document: one who accepts signed requests has no keys, and an older server tells of none.
    let keys = match kind {
        Kind::Provider => common.admin()?.provider_keys(&name, None).await.ok(),
        _ => None,
    };
    let domain = match kind {
        Kind::TrustDomain => common.admin()?.trust_domain_status(&name).await.ok(),
        _ => None,
    };
    let text = match common.output() {
        output @ (Output::Json | Output::Sarif | Output::Ocsf) => {
            let keys = keys.as_ref().map(|keys| Status::Provider { keys });
            let status = keys.or(domain.as_ref().map(Status::TrustDomain));
            output.structured(&WithStatus { resource: &resource, status })?.unwrap_or_default()
        }
        Output::Text => match &domain {
            Some(domain) => trust_domain::described(domain),
            None => render::document(&resource),
        },
        Output::Yaml => {
            let remark = |keys: &ProviderKeys| format!("# {}\n", provider_keys::in_brief(keys));
            render::document(&resource) + &keys.as_ref().map(remark).unwrap_or_default()
        }
    };
    terminal.show(&text)?;
    if kind == Kind::Provider && common.output() == Output::Text {
        if let Some(keys) = &keys {
            terminal.say(&format!("{}\n", provider_keys::in_brief(keys)));
            for warning in &keys.held.warnings {
                terminal.say(&format!("warning: {}\n", Inert(warning)));
            }
        }
        say_alarms(common, &name, terminal).await;
    }
    Ok(Exit::Done)
}

/// A resource with what the server says of it that nobody wrote.
#[derive(serde::Serialize)]
struct WithStatus<'r> {
    #[serde(flatten)]
    resource: &'r Resource,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'r>>,
}

#[derive(serde::Serialize)]
#[serde(untagged)]
enum Status<'r> {
    Provider { keys: &'r ProviderKeys },
    TrustDomain(&'r TrustDomainStatus),
}

/// What its issuer sends that nobody expected. A remark: whoever may not read alarms reads the provider all the same.
async fn say_alarms(common: &Common, name: &str, terminal: &mut Terminal<'_>) {
    let Ok(admin) = common.admin() else { return };
    let Ok(list) = admin.alarms(Some(name), false).await else { return };
    for alarm in &list.alarms {
        terminal.say(&format!("alarm: {} (accredit alarm get {})\n", Inert(&alarm.summary), Inert(&alarm.id)));
    }
}

/// The verb-first form, which lists when it is given no name.
pub(crate) async fn of_any_kind(
    common: &Common,
    args: &OfAnyKind,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Failure> {
    let project = args.project.clone();
    match &args.name {
        Some(name) => run(common, args.kind, &Args { name: name.clone(), project }, terminal).await,
        None => list::run(common, Some(args.kind), &list::Args { project }, terminal).await,
    }
}
