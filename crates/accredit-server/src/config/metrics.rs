//! The listener for whoever watches the server.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

use super::TlsFiles;

/// The listener of `/metrics`, `/livez` and `/readyz`. Without this section there is none; the admin socket has them always.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// Address and port; port 0 takes any.
    pub listen: SocketAddr,
    /// Certificate and key; absent: plain HTTP. What is told there holds names of providers and no secret.
    pub tls: Option<TlsFiles>,
    /// `Host` values that are answered beside addresses with this listener's port.
    pub hosts: Vec<String>,
}

// === impl MetricsConfig ===

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 9464).into(), tls: None, hosts: Vec::new() }
    }
}
