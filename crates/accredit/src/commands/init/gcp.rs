//! `accredit init gcp`.

use accredit_core::providers::Starter;
use accredit_core::providers::gcp::Told;

use super::from_fault;
use super::goal::{Audience, Goal};
use crate::exit::Failure;

/// A service account of Google Cloud
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The service account in Google Cloud
    #[arg(long, value_name = "EMAIL")]
    pub(crate) service_account: String,
    /// Its unique id: an address can be made again, an id cannot
    #[arg(long, value_name = "NUMBER")]
    pub(crate) unique_id: Option<String>,
    #[command(flatten)]
    pub(crate) goal: Goal,
    #[command(flatten)]
    pub(crate) audience: Audience,
}

impl Args {
    pub(super) fn starter(&self) -> Result<Starter, Failure> {
        let told = Told {
            service_account: self.service_account.clone(),
            unique_id: self.unique_id.clone(),
            goal: self.goal.to_core(Some(&self.audience)),
        };
        told.starter().map_err(from_fault)
    }
}
