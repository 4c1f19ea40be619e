//! `accredit init azure`.

use accredit_core::providers::Starter;
use accredit_core::providers::azure::Told;

use super::from_fault;
use super::goal::Goal;
use crate::exit::Failure;

/// A managed identity or service principal of Azure
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tenant
    #[arg(long, value_name = "UUID")]
    pub(crate) tenant: String,
    /// The principal: `az identity show --name NAME --resource-group GROUP --query principalId` tells it
    #[arg(long, value_name = "UUID")]
    pub(crate) object_id: String,
    /// What it is called
    #[arg(long, value_name = "NAME")]
    pub(crate) identity: Option<String>,
    /// What the workload asks a token for: an application of the tenant, the audience of its tokens
    #[arg(long, value_name = "URI")]
    pub(crate) resource: String,
    /// Tokens have version 1, as an application's manifest says
    #[arg(long)]
    pub(crate) v1: bool,
    #[command(flatten)]
    pub(crate) goal: Goal,
}

impl Args {
    pub(super) fn starter(&self) -> Result<Starter, Failure> {
        let told = Told {
            tenant: self.tenant.clone(),
            object_id: self.object_id.clone(),
            identity: self.identity.clone(),
            resource: self.resource.clone(),
            v1: self.v1,
            goal: self.goal.to_core(None),
        };
        told.starter().map_err(from_fault)
    }
}
