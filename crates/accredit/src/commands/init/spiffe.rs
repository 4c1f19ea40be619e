//! `accredit init spiffe`.

use accredit_core::providers::Starter;
use accredit_core::providers::spiffe::Told;

use super::from_fault;
use super::goal::{Audience, Goal};
use crate::exit::Failure;

/// A workload of a SPIFFE trust domain
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The trust domain
    #[arg(long, value_name = "NAME")]
    pub(crate) trust_domain: String,
    /// Where its bundle is served
    #[arg(long, value_name = "URL")]
    pub(crate) bundle: String,
    /// The path of the SPIFFE ID; with /* at its end everything below
    #[arg(long, value_name = "/PATH")]
    pub(crate) path: String,
    #[command(flatten)]
    pub(crate) goal: Goal,
    #[command(flatten)]
    pub(crate) audience: Audience,
}

impl Args {
    pub(super) fn starter(&self) -> Result<Starter, Failure> {
        let told = Told {
            trust_domain: self.trust_domain.clone(),
            bundle: self.bundle.clone(),
            path: self.path.clone(),
            goal: self.goal.to_core(Some(&self.audience)),
        };
        told.starter().map_err(from_fault)
    }
}
