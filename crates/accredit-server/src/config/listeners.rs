//! Where a server is reached, by workloads and by administrators.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The public listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Public {
    /// Address and port; port 0 takes any.
    pub listen: SocketAddr,
    /// Certificate and key. Without them only loopback addresses, or listed proxies, are served.
    #[serde(default)]
    pub tls: Option<TlsFiles>,
    /// `Host` values that are answered; absent: the host of `public_url`, and loopback names on a loopback listener.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Networks of the proxies that may speak plain HTTP to us, in CIDR form.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// Whether clients are asked for a certificate, to which their tokens are then bound (RFC 8705 section 3).
    #[serde(default)]
    pub client_certificates: ClientCertificates,
}

/// What becomes of clients' certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// Nobody is asked for one.
    #[default]
    None,
    /// Clients are asked; who has none goes on without. Any will do, since it authenticates nobody.
    Request,
}

/// PEM files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate and its chain, leaf first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The admin listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// A unix socket, made 0600 in a folder made 0700, for this server's own user.
    pub socket: PathBuf,
    /// Address and port for administrators elsewhere; port 0 takes any. Absent: the socket is the only way.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// Certificate and key of that listener. Without them it listens on loopback alone.
    #[serde(default)]
    pub tls: Option<TlsFiles>,
    /// Where administrators reach that listener; absent: the scheme that it speaks, the host of `public_url` and its own port.
    /// Proofs are made for this URL, so it must be the one that they type. No slash at its end.
    #[serde(default)]
    pub url: Option<String>,
    /// `Host` values that are answered there, beside the host of `public_url` with this listener's port.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// A file with the first administrator, for the first start alone.
    #[serde(default)]
    pub bootstrap: Option<PathBuf>,
}

// === impl Admin ===

impl Admin {
    /// The socket alone.
    pub fn local(socket: &Path) -> Self {
        Self { socket: socket.to_owned(), listen: None, tls: None, url: None, hosts: Vec::new(), bootstrap: None }
    }
}
