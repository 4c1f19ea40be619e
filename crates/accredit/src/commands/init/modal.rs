//! `accredit init modal`.

use accredit_core::providers::Starter;
use accredit_core::providers::modal::Told;

use super::from_fault;
use super::goal::Goal;
use crate::exit::Failure;

/// A function of Modal
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The workspace's id
    #[arg(long, value_name = "AC-ID")]
    pub(crate) workspace_id: String,
    /// The environment
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// The environment's id: a name can be reused, an id cannot
    #[arg(long, value_name = "EN-ID")]
    pub(crate) environment_id: Option<String>,
    /// The app
    #[arg(long, value_name = "NAME")]
    pub(crate) app: String,
    #[command(flatten)]
    pub(crate) goal: Goal,
}

impl Args {
    pub(super) fn starter(&self) -> Result<Starter, Failure> {
        let told = Told {
            workspace_id: self.workspace_id.clone(),
            environment: self.environment.clone(),
            environment_id: self.environment_id.clone(),
            app: self.app.clone(),
            goal: self.goal.to_core(None),
        };
        told.starter().map_err(from_fault)
    }
}
