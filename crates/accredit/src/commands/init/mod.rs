//! `accredit init`: starter YAML from what a person knows; a file for each platform.

mod aws;
mod azure;
mod bitbucket;
mod buildkite;
mod circleci;
mod fly;
mod gcp;
mod github;
mod gitlab;
mod goal;
mod google;
mod kubernetes;
mod modal;
mod oidc;
mod spiffe;
mod terraform_cloud;
mod vercel;

use accredit_core::model::Fault;
use accredit_core::providers::Starter;

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
    /// An IAM role of AWS
    Aws(aws::Args),
    /// A managed identity or service principal of Azure
    Azure(azure::Args),
    /// A step of Bitbucket Pipelines
    Bitbucket(bitbucket::Args),
    /// A Buildkite job
    Buildkite(buildkite::Args),
    /// A CircleCI job
    Circleci(circleci::Args),
    /// A machine of Fly.io
    Fly(fly::Args),
    /// A service account of Google Cloud
    Gcp(gcp::Args),
    /// A GitHub Actions workflow that calls an API
    Github(github::Args),
    /// A GitLab CI/CD job
    Gitlab(gitlab::Args),
    /// A person with a Google account
    Google(google::Args),
    /// A pod of a Kubernetes cluster
    Kubernetes(kubernetes::Args),
    /// A function of Modal
    Modal(modal::Args),
    /// A workload with a token of any issuer
    Oidc(oidc::Args),
    /// A workload of a SPIFFE trust domain
    Spiffe(spiffe::Args),
    /// A run of HCP Terraform
    TerraformCloud(terraform_cloud::Args),
    /// A function or build of Vercel
    Vercel(vercel::Args),
}

/// Prints the YAML.
pub(crate) fn run(args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let starter = match &args.platform {
        Platform::Aws(args) => args.starter(),
        Platform::Azure(args) => args.starter(),
        Platform::Bitbucket(args) => args.starter(),
        Platform::Buildkite(args) => args.starter(),
        Platform::Circleci(args) => args.starter(),
        Platform::Fly(args) => args.starter(),
        Platform::Gcp(args) => args.starter(),
        Platform::Github(args) => args.starter(),
        Platform::Gitlab(args) => args.starter(),
        Platform::Google(args) => args.starter(),
        Platform::Kubernetes(args) => args.starter(terminal),
        Platform::Modal(args) => args.starter(),
        Platform::Oidc(args) => args.starter(terminal),
        Platform::Spiffe(args) => args.starter(),
        Platform::TerraformCloud(args) => args.starter(),
        Platform::Vercel(args) => args.starter(),
    };
    let Starter { yaml, notes } = starter?;
    terminal.show(&yaml)?;
    for note in notes {
        terminal.say(&format!("note: {note}\n"));
    }
    Ok(Exit::Done)
}

fn from_fault(fault: Fault) -> Failure {
    let failure = Failure::misused(format!("{}: {}", fault.field, fault.message));
    match fault.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
