//! `accredit init oidc`.

use std::path::PathBuf;

use accredit_core::providers::Starter;
use accredit_core::providers::oidc::Told;

use super::from_fault;
use super::goal::{Audience, Goal};
use crate::documents::read_file;
use crate::exit::Failure;
use crate::terminal::Terminal;

/// A workload with a token of any issuer
///
/// Prints a provider, an API, a service account, a grant and a mapping for `accredit apply -f`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The issuer, as its tokens have it, byte for byte
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: String,
    /// Its key set in a file, where this server cannot fetch it; `-` for stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,
    /// A claim that the token must have, as sub=worker; may be repeated
    #[arg(long = "claim", value_name = "NAME=VALUE", required = true)]
    pub(crate) claims: Vec<String>,
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
            claims: self.claims.clone(),
            goal: self.goal.to_core(Some(&self.audience)),
        };
        told.starter().map_err(from_fault)
    }
}

/// No issuer has this many keys.
const KEY_SET_CAP: usize = 256 * 1024;
