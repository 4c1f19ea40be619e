//! `accredit init terraform-cloud`.

use accredit_core::providers::Starter;
use accredit_core::providers::terraform_cloud::Told;

use super::from_fault;
use super::goal::{Audience, Goal};
use crate::exit::Failure;

/// A run of HCP Terraform
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The organisation
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: String,
    /// Its permanent id: names can be reused by others, ids cannot
    #[arg(long, value_name = "ORG-ID")]
    pub(crate) organization_id: Option<String>,
    /// The workspace
    #[arg(long, value_name = "NAME")]
    pub(crate) workspace: String,
    /// Its permanent id
    #[arg(long, value_name = "WS-ID")]
    pub(crate) workspace_id: Option<String>,
    /// A phase of the run, plan or apply; may be repeated
    #[arg(long = "phase", value_name = "PHASE", required = true)]
    pub(crate) phases: Vec<String>,
    /// An instance of Terraform Enterprise [default: https://app.terraform.io]
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
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
            workspace: self.workspace.clone(),
            workspace_id: self.workspace_id.clone(),
            phases: self.phases.clone(),
            issuer: self.issuer.clone(),
            goal: self.goal.to_core(Some(&self.audience)),
        };
        told.starter().map_err(from_fault)
    }
}
