//! `accredit init fly`.

use accredit_core::providers::Starter;
use accredit_core::providers::fly::Told;

use super::from_fault;
use super::goal::{Audience, Goal};
use crate::exit::Failure;

/// A machine of Fly.io
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The organisation
    #[arg(long, value_name = "SLUG")]
    pub(crate) org: String,
    /// Its permanent id: slugs can be reused by others, ids cannot
    #[arg(long, value_name = "NUMBER")]
    pub(crate) org_id: Option<String>,
    /// The app
    #[arg(long, value_name = "NAME")]
    pub(crate) app: String,
    /// Its permanent id
    #[arg(long, value_name = "NUMBER")]
    pub(crate) app_id: Option<String>,
    #[command(flatten)]
    pub(crate) goal: Goal,
    #[command(flatten)]
    pub(crate) audience: Audience,
}

impl Args {
    pub(super) fn starter(&self) -> Result<Starter, Failure> {
        let told = Told {
            org: self.org.clone(),
            org_id: self.org_id.clone(),
            app: self.app.clone(),
            app_id: self.app_id.clone(),
            goal: self.goal.to_core(Some(&self.audience)),
        };
        told.starter().map_err(from_fault)
    }
}
