//! `accredit ci-cd`: profiles of CI and CD platforms, and their links to clusters.
//!
//! The older way to say what `jwt.allowedIssuers` says. A link is an entry there that names its profile, written on the road of
//! `accredit config set`: of the revision that was read, judged, recorded.

use accredit_api::admin::{NewResource, Resource};
use accredit_client::admin::{AdminClient, AdminError};
use accredit_core::model::yaml::{self, Located};
use accredit_core::model::{CiCdProfileSpec, ConfigDocument, Kind, LinkFault, link, linked, unlink};
use serde::Serialize;
use serde_json::json;

use super::config::configured;
use super::config_file::refused;
use super::write::{self, show};
use super::{change, get};
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::table;
use crate::terminal::Terminal;

/// Profiles of CI and CD platforms, linked to clusters.
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Verb {
    /// Whose tokens attest jobs, said once under a name
    #[command(subcommand)]
    Profile(ProfileVerb),
}

/// What is done with profiles.
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum ProfileVerb {
    /// List them, each with the clusters that it is linked to
    List,
    /// Print one
    #[command(alias = "info")]
    Get(get::Args),
    /// Create one: --issuer URL [--audience AUDIENCE] [--required-claim NAME=VALUE]
    Create(NewProfile),
    /// Delete one that is linked nowhere
    Delete(change::Args),
    /// In which clusters profiles count
    #[command(subcommand)]
    Link(LinkVerb),
}

/// What is done with links.
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum LinkVerb {
    /// List them
    List(Links),
    /// Let jobs of a profile attest themselves in a cluster
    Create(Link),
    /// Take the entry of a profile out of a cluster's configuration
    Delete(Link),
}

/// What a new profile is to say.
#[derive(Debug, clap::Args)]
pub(crate) struct NewProfile {
    /// The `iss` of the tokens, byte for byte
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// The kind of the issuer, as a provider's `type`, where its address does not tell
    #[arg(long = "type", value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Where its keys lie; discovery tells when absent
    #[arg(long, value_name = "URL")]
    pub(crate) jwks_url: Option<String>,
    /// An audience that the tokens may be for; may be repeated, `spiffe://TRUST-DOMAIN` when absent
    #[arg(long = "audience", value_name = "AUDIENCE")]
    pub(crate) audiences: Vec<String>,
    /// What a claim must be; may be repeated
    #[arg(long = "required-claim", value_name = "NAME=VALUE")]
    pub(crate) required_claims: Vec<String>,
    #[command(flatten)]
    pub(crate) create: write::Create,
}

/// Which profile in which cluster.
#[derive(Debug, clap::Args)]
pub(crate) struct Link {
    /// The cluster, by name or id
    #[arg(value_name = "CLUSTER")]
    pub(crate) cluster: String,
    /// The profile, by name or id
    #[arg(value_name = "PROFILE")]
    pub(crate) profile: String,
    /// The trust domain that the cluster is of
    #[arg(long, value_name = "NAME")]
    pub(crate) trust_domain: Option<String>,
    /// Say what would happen, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Only while the cluster is at this revision; the one that was read when absent
    #[arg(long, value_name = "N")]
    pub(crate) revision: Option<i64>,
}

/// Which links.
#[derive(Debug, clap::Args)]
pub(crate) struct Links {
    /// Of the clusters of this trust domain alone
    #[arg(long, value_name = "NAME")]
    pub(crate) trust_domain: Option<String>,
}

/// A link, as it is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    cluster: String,
    trust_domain: String,
    profile: String,
    issuer: String,
}

/// Does what the verb says.
pub(crate) async fn run(common: &Common, verb: Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Verb::Profile(verb) = verb;
    match verb {
        ProfileVerb::List => list(common, terminal).await,
        ProfileVerb::Get(args) => get::run(common, KIND, &args, terminal).await,
        ProfileVerb::Create(new) => write::create(common, KIND, &new.assigned(), terminal).await,
        ProfileVerb::Delete(args) => change::run(common, change::Deed::Delete, KIND, &args, terminal).await,
        ProfileVerb::Link(LinkVerb::List(links)) => list_links(common, links.trust_domain.as_deref(), terminal).await,
        ProfileVerb::Link(LinkVerb::Create(args)) => {
            let edit = |config: &[ConfigDocument], profile: &Resource| {
                let spec: CiCdProfileSpec = serde_json::from_value(profile.spec.clone())
                    .map_err(|error| Failure::failed(format!("ci-cd-profile `{}`: {error}", profile.name)))?;
                Ok(link(config, &profile.name, &spec))
            };
            change_link(common, &args, edit, terminal).await
        }
        ProfileVerb::Link(LinkVerb::Delete(args)) => {
            let edit = |config: &[ConfigDocument], profile: &Resource| Ok(unlink(config, &profile.name));
            change_link(common, &args, edit, terminal).await
        }
    }
}

async fn list(common: &Common, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let admin = common.admin()?;
    let profiles = admin.list(Some(KIND.document()), None).await?.resources;
    let links = links(&admin).await?;
    let clusters = |profile: &Resource| -> Vec<&str> {
        links.iter().filter(|link| link.profile == profile.name).map(|link| link.cluster.as_str()).collect()
    };
    let told: Vec<_> = profiles
        .iter()
        .map(|profile| json!({"name": profile.name, "id": profile.id, "enabled": profile.enabled != Some(false), "spec": profile.spec, "clusters": clusters(profile)}))
        .collect();
    if let Some(text) = common.output().structured(&json!({"profiles": told}))? {
        terminal.show(&text)?;
        return Ok(Exit::Done);
    }
    if profiles.is_empty() {
        terminal.say("no ci-cd-profile yet\n");
        return Ok(Exit::Done);
    }
    let text = |profile: &Resource, field: &str| profile.spec[field].as_str().unwrap_or("-").to_owned();
    let row = |profile: &Resource| {
        let clusters = clusters(profile);
        let linked = if clusters.is_empty() { "-".to_owned() } else { clusters.join(" ") };
        let id = profile.id.clone().unwrap_or_default();
        vec![profile.name.clone(), text(profile, "type"), text(profile, "issuer"), linked, id]
    };
    let rows: Vec<_> = profiles.iter().map(row).collect();
    terminal.show(&table::table(&["NAME", "TYPE", "ISSUER", "LINKED TO", "ID"], &rows))?;
    Ok(Exit::Done)
}

async fn list_links(common: &Common, trust_domain: Option<&str>, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let admin = common.admin()?;
    let wanted = match trust_domain {
        None => None,
        Some(named) => Some(admin.resource(Kind::TrustDomain.document(), named).await?.name),
    };
    let mut links = links(&admin).await?;
    links.retain(|link| wanted.as_ref().is_none_or(|wanted| *wanted == link.trust_domain));
    if let Some(text) = common.output().structured(&json!({"links": links}))? {
        terminal.show(&text)?;
        return Ok(Exit::Done);
    }
    if links.is_empty() {
        terminal.say("no link yet\n");
        return Ok(Exit::Done);
    }
    let row = |Told { cluster, trust_domain, profile, issuer }: &Told| {
        vec![cluster.clone(), trust_domain.clone(), profile.clone(), issuer.clone()]
    };
    let rows: Vec<_> = links.iter().map(row).collect();
    terminal.show(&table::table(&["CLUSTER", "TRUST DOMAIN", "PROFILE", "ISSUER"], &rows))?;
    Ok(Exit::Done)
}

/// Every link of every cluster that the caller may read, by the clusters' names.
async fn links(admin: &AdminClient) -> Result<Vec<Told>, Failure> {
    let clusters = admin.list(Some(Kind::Cluster.document()), None).await?.resources;
    let mut told = Vec::new();
    for cluster in &clusters {
        let config = configured(cluster);
        let section = config.iter().find(|document| linked(std::slice::from_ref(document)).next().is_some());
        for (place, profile) in linked(&config) {
            let entry = section.map(|document| &document.spec["jwt"]["allowedIssuers"][place]);
            told.push(Told {
                cluster: cluster.name.clone(),
                trust_domain: cluster.spec["trustDomain"].as_str().unwrap_or_default().to_owned(),
                profile: profile.to_owned(),
                issuer: entry.and_then(|entry| entry["issuer"].as_str()).unwrap_or_default().to_owned(),
            });
        }
    }
    Ok(told)
}

/// Writes a cluster's configuration with an edit of it.
async fn change_link(
    common: &Common,
    args: &Link,
    edit: impl FnOnce(&[ConfigDocument], &Resource) -> Result<Result<Vec<ConfigDocument>, LinkFault>, Failure>,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Failure> {
    let Link { cluster, profile, trust_domain, dry_run, revision } = args;
    let admin = common.admin()?;
    let present = admin.resource(Kind::Cluster.document(), cluster).await?;
    let profile = admin.resource(KIND.document(), profile).await?;
    if let Some(named) = trust_domain {
        let named = admin.resource(Kind::TrustDomain.document(), named).await?.name;
        let own = present.spec["trustDomain"].as_str().unwrap_or_default();
        if named != own {
            let message = format!("cluster `{}` is of trust domain `{own}`, not of `{named}`", present.name);
            return Err(Failure::failed(message).hint(format!("say --trust-domain {own}")));
        }
    }
    let (cluster, profile_name) = (&present.name, &profile.name);
    let config = match edit(&configured(&present), &profile)? {
        Ok(config) => config,
        Err(LinkFault::Linked) => {
            terminal.say(&format!("ci-cd-profile `{profile_name}` is linked to cluster `{cluster}` already\n"));
            return Ok(Exit::Done);
        }
        Err(LinkFault::NotLinked) => {
            let message = format!("ci-cd-profile `{profile_name}` is not linked to cluster `{cluster}`");
            return Err(Failure::failed(message).hint("accredit ci-cd profile link list"));
        }
        Err(fault @ LinkFault::Off) => {
            let message = format!("cluster `{cluster}`: {fault}");
            return Err(Failure::failed(message)
                .hint(format!("switch them on first: `accredit config set cluster --id {cluster} FILE`")));
        }
    };
    let mut spec = present.spec;
    spec["config"] = json!(config);
    let revision = revision.or(present.revision);
    let new = NewResource { kind: None, name: None, id: None, enabled: present.enabled, revision, spec };
    match admin.put(Kind::Cluster.noun(), cluster, &new, *dry_run).await {
        Err(AdminError::Refused(problem)) => {
            Err(refused(problem, &as_printed(cluster, &config).iter().map(Some).collect()))
        }
        Err(other) => Err(other.into()),
        Ok(written) => show(common, written, terminal),
    }
}

/// The configuration that was tried, with lines as `accredit config get` would print it.
fn as_printed(cluster: &str, config: &[ConfigDocument]) -> Vec<Located<ConfigDocument>> {
    let name = format!("configuration of cluster {cluster}");
    yaml::parse_config(&name, &yaml::write_config(config)).unwrap_or_default()
}

// === impl NewProfile ===

impl NewProfile {
    /// The options as the fields that they are of.
    fn assigned(self) -> write::Create {
        let Self { issuer, kind, jwks_url, audiences, required_claims, mut create } = self;
        let said = [("issuer", issuer), ("type", kind), ("jwksURI", jwks_url)];
        let said = said.into_iter().filter_map(|(field, value)| Some(format!("{field}={}", value?)));
        let audiences = audiences.into_iter().map(|audience| format!("audiences={audience}"));
        let claims = required_claims.into_iter().map(|claim| format!("requiredClaims.{claim}"));
        create.fields.assignments.extend(said.chain(audiences).chain(claims));
        create
    }
}

const KIND: Kind = Kind::CiCdProfile;
