//! What fetching may reach, and how: the part of the configuration that no resource has a say in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Fetching.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchConfig {
    /// Networks beside the public ones that may be dialled, in CIDR form; plain HTTP is spoken to these alone.
    #[serde(default)]
    pub allow: Vec<String>,
    /// PEM files of certificate authorities beside the well-known ones.
    #[serde(default)]
    pub ca: Vec<PathBuf>,
    /// For a host, a PEM file of the authorities that alone can speak for it.
    #[serde(default)]
    pub authorities: BTreeMap<String, PathBuf>,
    /// The way out, where this machine has none of its own.
    #[serde(default)]
    pub proxy: Option<ProxyConfig>,
    /// A stand-in for AWS' token service, asked under the name of AWS' host; for tests, within what `allow` lists.
    #[serde(default)]
    pub aws_sts: Option<String>,
}

/// An egress proxy, asked by `CONNECT`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyConfig {
    /// `http://HOST:PORT`, or `https://HOST:PORT` where the proxy itself is spoken to over TLS.
    pub url: String,
    /// A file that only its owner can read: one line, `user:password`.
    #[serde(default)]
    pub credentials: Option<PathBuf>,
    /// Networks that are dialled directly, in CIDR form.
    #[serde(default)]
    pub except: Vec<String>,
}

// === impl FetchConfig ===

impl FetchConfig {
    pub(super) fn relative_to(&mut self, folder: &Path) {
        let credentials = self.proxy.as_mut().and_then(|proxy| proxy.credentials.as_mut());
        for path in self.ca.iter_mut().chain(self.authorities.values_mut()).chain(credentials) {
            *path = folder.join(&*path);
        }
    }
}
