//! `accredit init vercel`.

use accredit_core::providers::Starter;
use accredit_core::providers::vercel::Told;

use super::from_fault;
use super::goal::{Audience, Goal};
use crate::exit::Failure;

/// A function or build of Vercel
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The team
    #[arg(long, value_name = "SLUG")]
    pub(crate) team: String,
    /// Its permanent id: slugs can be reused by others, ids cannot
    #[arg(long, value_name = "TEAM-ID")]
    pub(crate) team_id: Option<String>,
    /// The project
    #[arg(long, value_name = "NAME")]
    pub(crate) project: String,
    /// Its permanent id
    #[arg(long, value_name = "PRJ-ID")]
    pub(crate) project_id: Option<String>,
    /// production, preview or another one; may be repeated
    #[arg(long = "environment", value_name = "NAME", required = true)]
    pub(crate) environments: Vec<String>,
    /// The team has the issuer that all teams share
    #[arg(long)]
    pub(crate) global: bool,
    #[command(flatten)]
    pub(crate) goal: Goal,
    #[command(flatten)]
    pub(crate) audience: Audience,
}

impl Args {
    pub(super) fn starter(&self) -> Result<Starter, Failure> {
        let told = Told {
            team: self.team.clone(),
            team_id: self.team_id.clone(),
            project: self.project.clone(),
            project_id: self.project_id.clone(),
            environments: self.environments.clone(),
            global: self.global,
            goal: self.goal.to_core(Some(&self.audience)),
        };
        told.starter().map_err(from_fault)
    }
}
