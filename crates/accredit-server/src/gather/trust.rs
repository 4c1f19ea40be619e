//! Whose certificates are trusted when a provider's keys are fetched. The server's own configuration says so, never a
//! resource.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use tokio::sync::OnceCell;

/// The authorities that are trusted, as configured ([`crate::tls::authorities`] reads and checks the files).
#[derive(Debug, Default)]
pub(crate) struct Authorities {
    /// Beside those of the system, for every host (`fetch.ca`).
    pub(crate) beside: Vec<CertificateDer<'static>>,
    /// For one host each, alone: no other authority can speak for it (`fetch.authorities`).
    pub(crate) of_hosts: HashMap<String, Vec<CertificateDer<'static>>>,
}

/// TLS configurations by host.
pub(super) struct Trust {
    authorities: Authorities,
    /// Made at its first use: reading the system's authorities takes some milliseconds.
    general: OnceCell<Arc<ClientConfig>>,
}

// === impl Trust ===

impl Trust {
    pub(super) fn new(authorities: Authorities) -> Self {
        Self { authorities, general: OnceCell::new() }
    }

    /// The configuration to meet a host with. Certificates are verified by every one of them.
    pub(super) async fn of(&self, host: &str) -> Result<Arc<ClientConfig>, String> {
        if let Some(alone) = self.authorities.of_hosts.get(host) {
            return config(alone, Vec::new());
        }
        let general = self.general.get_or_try_init(|| async {
            let beside = self.authorities.beside.clone();
            let made = tokio::task::spawn_blocking(move || {
                let system = rustls_native_certs::load_native_certs();
                for error in &system.errors {
                    tracing::warn!(event = "authority-unread", "an authority of the system cannot be read: {error}");
                }
                config(&beside, system.certs)
            });
            made.await.map_err(|_| "authorities could not be read".to_owned())?
        });
        general.await.cloned()
    }
}

/// A configuration that trusts the given authorities, and as many of the system's as can be read.
fn config(
    given: &[CertificateDer<'static>],
    system: Vec<CertificateDer<'static>>,
) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    for authority in given {
        roots.add(authority.clone()).map_err(|fault| fault.to_string())?;
    }
    roots.add_parsable_certificates(system);
    if roots.is_empty() {
        return Err("no certificate authority is trusted here".to_owned());
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|fault| fault.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
