//! `accredit init aws`.

use accredit_core::providers::Starter;
use accredit_core::providers::aws::Told;

use super::from_fault;
use super::goal::{Audience, Goal};
use crate::exit::Failure;

/// An IAM role of AWS
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The account
    #[arg(long, value_name = "DIGITS")]
    pub(crate) account: String,
    /// The role, with its path where it has one: deploy, ci/deploy
    #[arg(long, value_name = "NAME")]
    pub(crate) role: String,
    /// Its permanent id AROA..., which signed requests tell: a name can be made again, an id cannot
    #[arg(long, value_name = "ID")]
    pub(crate) role_id: Option<String>,
    /// The account's issuer, where workloads show web identity tokens: `aws iam
    /// get-outbound-web-identity-federation-info` tells it [default: none, they sign requests]
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
            account: self.account.clone(),
            role: self.role.clone(),
            role_id: self.role_id.clone(),
            issuer: self.issuer.clone(),
            goal: self.goal.to_core(Some(&self.audience)),
        };
        told.starter().map_err(from_fault)
    }
}
