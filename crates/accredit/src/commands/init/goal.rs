//! What every starter asks beside the words of its platform.

use accredit_core::providers;

/// The API that is called, and the account that the workload becomes.
#[derive(Debug, clap::Args)]
pub(crate) struct Goal {
    /// The API that the workload calls: the audience of its tokens [default: none, to be added later]
    #[arg(long, value_name = "URL")]
    pub(crate) api: Option<String>,
    /// A permission of that API; may be repeated [default: use]
    #[arg(long = "permission", value_name = "NAME")]
    pub(crate) permissions: Vec<String>,
    /// The service account here that the workload becomes [default: made of the names above]
    #[arg(long = "as", value_name = "PROJECT/NAME")]
    pub(crate) as_account: Option<String>,
    /// What the provider is called [default: as its platform]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// The audience, where the workload chooses it.
#[derive(Debug, clap::Args)]
pub(crate) struct Audience {
    /// The audience that the workload asks for [default: the server's public URL]
    #[arg(long, value_name = "URL")]
    pub(crate) audience: Option<String>,
}

impl Goal {
    pub(super) fn to_core(&self, audience: Option<&Audience>) -> providers::Goal {
        providers::Goal {
            name: self.name.clone(),
            audience: audience.and_then(|audience| audience.audience.clone()),
            api: self.api.clone(),
            permissions: self.permissions.clone(),
            account: self.as_account.clone(),
        }
    }
}
