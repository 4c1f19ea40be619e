//! `accredit init`: starter YAML from what a person knows.

use accredit_core::providers::github::Starter;

use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// Print starter YAML made from what you know: a repository, a branch, an API
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) platform: Platform,
}

/// Where the workload runs.
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Platform {
    /// A GitHub Actions workflow that calls an API
    Github(Github),
}

/// A GitHub Actions workflow that calls an API
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Github {
    /// The repository
    #[arg(long, value_name = "OWNER/REPO")]
    pub(crate) repository: String,
    /// Its permanent id: names can be reused by others, ids cannot
    #[arg(long, value_name = "NUMBER")]
    pub(crate) repository_id: Option<String>,
    /// The owner's permanent id
    #[arg(long, value_name = "NUMBER")]
    pub(crate) owner_id: Option<String>,
    /// A branch, or a tag as tags/v*; may be repeated
    #[arg(long = "ref", value_name = "NAME", required = true)]
    pub(crate) refs: Vec<String>,
    /// The API that the workflow calls: the audience of its tokens
    #[arg(long, value_name = "URL")]
    pub(crate) api: String,
    /// A permission of that API; may be repeated
    #[arg(long = "permission", value_name = "NAME", required = true)]
    pub(crate) permissions: Vec<String>,
    /// The service account that the workflow becomes [default: ci/REPO]
    #[arg(long, value_name = "PROJECT/NAME")]
    pub(crate) service_account: Option<String>,
    /// The audience that the workflow requests [default: the server's public URL]
    #[arg(long, value_name = "URL")]
    pub(crate) audience: Option<String>,
    /// The issuer, for GitHub Enterprise Server [default: github.com's]
    #[arg(long, value_name = "URL")]
    pub(crate) provider_issuer: Option<String>,
}

/// Prints the YAML.
pub(crate) fn run(args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Platform::Github(github) = &args.platform;
    let starter = Starter {
        repository: github.repository.clone(),
        repository_id: github.repository_id.clone(),
        owner_id: github.owner_id.clone(),
        refs: github.refs.clone(),
        api: github.api.clone(),
        permissions: github.permissions.clone(),
        service_account: github.service_account.clone(),
        audience: github.audience.clone(),
        issuer: github.provider_issuer.clone(),
    };
    let yaml = starter.yaml().map_err(|fault| Failure::misused(format!("{}: {}", fault.field, fault.message)))?;
    terminal.show(&yaml)?;
    if github.repository_id.is_none() {
        terminal.say(&format!(
            "note: pinned by name only, and names can be taken over by others; for --repository-id and --owner-id ask\n  \
             gh api repos/{} --jq '.id, .owner.id'\n",
            github.repository
        ));
    }
    Ok(Exit::Done)
}
