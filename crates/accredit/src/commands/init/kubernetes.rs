//! `accredit init kubernetes`.

use std::path::PathBuf;

use accredit_core::providers::Starter;
use accredit_core::providers::kubernetes::Told;

use super::from_fault;
use super::goal::{Audience, Goal};
use crate::documents::read_file;
use crate::exit::Failure;
use crate::terminal::Terminal;

/// A pod of a Kubernetes cluster
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The cluster's issuer: `kubectl get --raw /.well-known/openid-configuration` shows it
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: String,
    /// The cluster's key set in a file, where this server cannot fetch it; `-` for stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,
    /// The namespace of the pods
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: String,
    /// Their service account in Kubernetes
    #[arg(long, value_name = "NAME")]
    pub(crate) service_account: String,
    /// Its permanent uid: a name can be made again, a uid cannot
    #[arg(long, value_name = "UID")]
    pub(crate) service_account_uid: Option<String>,
    #[command(flatten)]
    pub(crate) goal: Goal,
    #[command(flatten)]
    pub(crate) audience: Audience,
}

impl Args {
    pub(super) fn starter(&self, terminal: &mut Terminal<'_>) -> Result<Starter, Failure> {
        let jwks = self.jwks.as_ref().map(|path| read_file(path, KEY_SET_CAP, terminal)).transpose()?;
        let told = Told {
            issuer: self.issuer.clone(),
            jwks: jwks.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            namespace: self.namespace.clone(),
            service_account: self.service_account.clone(),
            service_account_uid: self.service_account_uid.clone(),
            goal: self.goal.to_core(Some(&self.audience)),
        };
        told.starter().map_err(from_fault)
    }
}

/// No cluster has this many keys.
const KEY_SET_CAP: usize = 256 * 1024;
