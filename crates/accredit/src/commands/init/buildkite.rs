//! `accredit init buildkite`.

use accredit_core::providers::Starter;
use accredit_core::providers::buildkite::Told;

use super::from_fault;
use super::goal::{Audience, Goal};
use crate::exit::Failure;

/// A Buildkite job
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The organisation
    #[arg(long, value_name = "SLUG")]
    pub(crate) organization: String,
    /// Its permanent id: slugs can be reused by others, ids cannot
    #[arg(long, value_name = "UUID")]
    pub(crate) organization_id: Option<String>,
    /// The pipeline
    #[arg(long, value_name = "SLUG")]
    pub(crate) pipeline: String,
    /// Its permanent id
    #[arg(long, value_name = "UUID")]
    pub(crate) pipeline_id: Option<String>,
    /// A branch, or how one begins as release/*; may be repeated
    #[arg(long = "branch", value_name = "NAME")]
    pub(crate) branches: Vec<String>,
    #[command(flatten)]
    pub(crate) goal: Goal,
    #[command(flatten)]
    pub(crate) audience: Audience,
}

impl Args {
    pub(super) fn starter(&self) -> Result<Starter, Failure> {
        let told = Told {
            organization: self.organization.clone(),
            organization_id: self.organization_id.clone(),
            pipeline: self.pipeline.clone(),
            pipeline_id: self.pipeline_id.clone(),
            branches: self.branches.clone(),
            goal: self.goal.to_core(Some(&self.audience)),
        };
        told.starter().map_err(from_fault)
    }
}
