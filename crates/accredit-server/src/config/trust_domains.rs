//! `[trust_domains."NAME"]`: what this server has for a trust domain that is not in the store.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What this server has for one trust domain.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustDomainConfig {
    /// An authority above those of the trust domain. Absent: they sign themselves.
    #[serde(default)]
    pub upstream: Option<UpstreamConfig>,
}

/// PEM files of an authority.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// Its certificate, and what stands above it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// What stands above it, up to the root, where that is not in `certificate`.
    #[serde(default)]
    pub chain: Option<PathBuf>,
}

// === impl TrustDomainConfig ===

impl TrustDomainConfig {
    /// Makes its paths relative to a folder.
    pub(super) fn relative_to(&mut self, folder: &Path) {
        if let Some(UpstreamConfig { certificate, key, chain }) = &mut self.upstream {
            for path in [Some(certificate), Some(key), chain.as_mut()].into_iter().flatten() {
                *path = folder.join(&*path);
            }
        }
    }
}
