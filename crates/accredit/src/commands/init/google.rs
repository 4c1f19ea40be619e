//! `accredit init google`.

use accredit_core::providers::Starter;
use accredit_core::providers::google::Told;

use super::from_fault;
use super::goal::Goal;
use crate::exit::Failure;

/// A person with a Google account
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The OAuth client that people sign in to: the audience of their tokens
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: String,
    /// The person's unique id, which is never given to anybody else
    #[arg(long, value_name = "NUMBER")]
    pub(crate) subject: Option<String>,
    /// The person's address
    #[arg(long, value_name = "EMAIL")]
    pub(crate) email: Option<String>,
    /// The domain of the Workspace
    #[arg(long, value_name = "DOMAIN")]
    pub(crate) hosted_domain: Option<String>,
    #[command(flatten)]
    pub(crate) goal: Goal,
}

impl Args {
    pub(super) fn starter(&self) -> Result<Starter, Failure> {
        let told = Told {
            client_id: self.client_id.clone(),
            subject: self.subject.clone(),
            email: self.email.clone(),
            hosted_domain: self.hosted_domain.clone(),
            goal: self.goal.to_core(None),
        };
        told.starter().map_err(from_fault)
    }
}
