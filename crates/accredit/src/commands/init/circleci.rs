//! `accredit init circleci`.

use accredit_core::providers::Starter;
use accredit_core::providers::circleci::Told;

use super::from_fault;
use super::goal::{Audience, Goal};
use crate::exit::Failure;

/// A CircleCI job
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The organisation: its settings show the id
    #[arg(long, value_name = "UUID")]
    pub(crate) organization_id: String,
    /// The project: its settings show the id
    #[arg(long, value_name = "UUID")]
    pub(crate) project_id: String,
    /// What the project is called
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// The repository that is built, so that forks are not
    #[arg(long, value_name = "HOST/OWNER/REPO")]
    pub(crate) vcs_origin: Option<String>,
    /// A branch, or a tag as tags/v*; may be repeated
    #[arg(long = "ref", value_name = "NAME")]
    pub(crate) refs: Vec<String>,
    #[command(flatten)]
    pub(crate) goal: Goal,
    #[command(flatten)]
    pub(crate) audience: Audience,
}

impl Args {
    pub(super) fn starter(&self) -> Result<Starter, Failure> {
        let told = Told {
            organization_id: self.organization_id.clone(),
            project_id: self.project_id.clone(),
            project: self.project.clone(),
            vcs_origin: self.vcs_origin.clone(),
            refs: self.refs.clone(),
            goal: self.goal.to_core(Some(&self.audience)),
        };
        told.starter().map_err(from_fault)
    }
}
