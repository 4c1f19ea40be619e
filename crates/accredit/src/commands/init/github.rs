//! `accredit init github`.

use accredit_core::providers::Starter;
use accredit_core::providers::github;

use super::from_fault;
use crate::exit::Failure;

/// A GitHub Actions workflow that calls an API
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The repository
    #[arg(long, value_name = "OWNER/REPO")]
    pub(crate) repository: String,
    /// Its permanent id: names can be reused by others, ids cannot
    #[arg(long, value_name = "NUMBER")]
    pub(crate) repository_id: Option<String>,
    /// The owner's permanent id
    #[arg(long, value_name = "NUMBER")]
    pub(crate) owner_id: Option<String>,
    /// A branch, or a tag as tags/v*; may be repeated
    #[arg(long = "ref", value_name = "NAME", required = true)]
    pub(crate) refs: Vec<String>,
    /// The API that the workflow calls: the audience of its tokens
    #[arg(long, value_name = "URL")]
    pub(crate) api: String,
    /// A permission of that API; may be repeated
    #[arg(long = "permission", value_name = "NAME", required = true)]
    pub(crate) permissions: Vec<String>,
    /// The service account that the workflow becomes [default: ci/REPO]
    #[arg(long, visible_alias = "as", value_name = "PROJECT/NAME")]
    pub(crate) service_account: Option<String>,
    /// The audience that the workflow requests [default: the server's public URL]
    #[arg(long, value_name = "URL")]
    pub(crate) audience: Option<String>,
    /// The issuer, for GitHub Enterprise Server [default: github.com's]
    #[arg(long, value_name = "URL")]
    pub(crate) provider_issuer: Option<String>,
}

impl Args {
    pub(super) fn starter(&self) -> Result<Starter, Failure> {
        let told = github::Starter {
            repository: self.repository.clone(),
            repository_id: self.repository_id.clone(),
            owner_id: self.owner_id.clone(),
            refs: self.refs.clone(),
            api: self.api.clone(),
            permissions: self.permissions.clone(),
            service_account: self.service_account.clone(),
            audience: self.audience.clone(),
            issuer: self.provider_issuer.clone(),
        };
        told.starter().map_err(from_fault)
    }
}
