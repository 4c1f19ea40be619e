//! `accredit init gitlab`.

use accredit_core::providers::Starter;
use accredit_core::providers::gitlab::Told;

use super::from_fault;
use super::goal::{Audience, Goal};
use crate::exit::Failure;

/// A GitLab CI/CD job
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The instance [default: https://gitlab.com]
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// The project
    #[arg(long, value_name = "GROUP/PROJECT")]
    pub(crate) project: String,
    /// Its permanent id: paths can be reused by others, ids cannot
    #[arg(long, value_name = "NUMBER")]
    pub(crate) project_id: Option<String>,
    /// The permanent id of its group
    #[arg(long, value_name = "NUMBER")]
    pub(crate) namespace_id: Option<String>,
    /// A branch, or a tag as tags/v*; may be repeated
    #[arg(long = "ref", value_name = "NAME", required = true)]
    pub(crate) refs: Vec<String>,
    /// Only where the ref is protected
    #[arg(long)]
    pub(crate) protected: bool,
    #[command(flatten)]
    pub(crate) goal: Goal,
    #[command(flatten)]
    pub(crate) audience: Audience,
}

impl Args {
    pub(super) fn starter(&self) -> Result<Starter, Failure> {
        let told = Told {
            issuer: self.issuer.clone(),
            project: self.project.clone(),
            project_id: self.project_id.clone(),
            namespace_id: self.namespace_id.clone(),
            refs: self.refs.clone(),
            protected: self.protected,
            goal: self.goal.to_core(Some(&self.audience)),
        };
        told.starter().map_err(from_fault)
    }
}
