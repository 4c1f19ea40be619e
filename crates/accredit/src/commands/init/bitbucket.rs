//! `accredit init bitbucket`.

use accredit_core::providers::Starter;
use accredit_core::providers::bitbucket::Told;

use super::from_fault;
use super::goal::{Audience, Goal};
use crate::exit::Failure;

/// A step of Bitbucket Pipelines
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The workspace
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: String,
    /// Its permanent id: slugs can be reused by others, ids cannot
    #[arg(long, value_name = "UUID")]
    pub(crate) workspace_uuid: Option<String>,
    /// The repository: its settings for OpenID Connect show the id
    #[arg(long, value_name = "UUID")]
    pub(crate) repository_uuid: String,
    /// What the repository is called
    #[arg(long, value_name = "NAME")]
    pub(crate) repository: Option<String>,
    /// A branch, or how one begins as release/*; may be repeated
    #[arg(long = "branch", value_name = "NAME")]
    pub(crate) branches: Vec<String>,
    /// The deployment environment
    #[arg(long, value_name = "UUID")]
    pub(crate) environment_uuid: Option<String>,
    #[command(flatten)]
    pub(crate) goal: Goal,
    #[command(flatten)]
    pub(crate) audience: Audience,
}

impl Args {
    pub(super) fn starter(&self) -> Result<Starter, Failure> {
        let told = Told {
            workspace: self.workspace.clone(),
            workspace_uuid: self.workspace_uuid.clone(),
            repository_uuid: self.repository_uuid.clone(),
            repository: self.repository.clone(),
            branches: self.branches.clone(),
            environment_uuid: self.environment_uuid.clone(),
            goal: self.goal.to_core(Some(&self.audience)),
        };
        told.starter().map_err(from_fault)
    }
}
