//! Dialling: from a judged URL to a connection with an address that was judged too.
//!
//! A name is resolved once for each connection, every address that it gives is judged, and what passed is what is dialled,
//! directly or through the egress proxy. The name itself is used for the certificate alone, so a name server that changes
//! its mind meets nobody.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use accredit_id::shown::Shown;
use rustls::{CertificateError, ClientConfig};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Host;

use super::fault::FetchCause;
use super::guard::{Guard, Target};
use super::proxy::Proxy;
use super::trust::Trust;

/// Makes connections.
pub(super) struct Dialer {
    pub(super) guard: Arc<Guard>,
    pub(super) trust: Trust,
    /// What leads out, where nothing else does.
    pub(super) proxy: Option<Proxy>,
    /// For name, TCP, proxy and TLS together.
    pub(super) patience: Duration,
}

/// A connection, whatever it goes through.
pub(super) type Connection = Box<dyn Stream>;

/// Bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

// === impl Dialer ===

impl Dialer {
    /// Connects to a target; for https the certificate has been verified when this returns: by `known_by`, else by whatever
    /// its host is known by here.
    pub(super) async fn dial(
        &self,
        target: &Target,
        known_by: Option<Arc<ClientConfig>>,
    ) -> Result<Connection, FetchCause> {
        let dialled = timeout(self.patience, async {
            let stream = self.open(self.addresses(target).await?).await?;
            match (target.url.scheme(), known_by) {
                ("https", None) => self.secure(target, stream).await,
                ("https", Some(config)) => handshake(config, target.host(), stream).await,
                _ => Ok(stream),
            }
        });
        dialled.await.unwrap_or(Err(FetchCause::Timeout(self.patience)))
    }

    /// The addresses of the target that may be dialled; at least one.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, FetchCause> {
        let port = target.url.port_or_known_default().unwrap_or(443);
        let unresolvable = |problem: &str| FetchCause::Unresolvable(Shown::of(problem));
        let found = match target.url.host() {
            Some(Host::Ipv4(address)) => vec![address.into()],
            Some(Host::Ipv6(address)) => vec![address.into()],
            Some(Host::Domain(name)) => {
                self.guard.lookup(name).await.map_err(|error| unresolvable(&error.to_string()))?
            }
            None => Vec::new(),
        };
        let mut refused = None;
        let mut open = Vec::new();
        for address in found {
            match self.guard.address(address, target.reach) {
                Ok(()) => open.push(SocketAddr::new(address, port)),
                Err(fault) => refused = refused.or(Some(fault)),
            }
        }
        match refused {
            Some(fault) if open.is_empty() => Err(FetchCause::RefusedAddress(fault)),
            _ if open.is_empty() => Err(unresolvable("name has no address")),
            _ => Ok(open),
        }
    }

    async fn open(&self, addresses: Vec<SocketAddr>) -> Result<Connection, FetchCause> {
        let (through, direct): (Vec<_>, Vec<_>) = addresses
            .into_iter()
            .partition(|address| self.proxy.as_ref().is_some_and(|proxy| proxy.leads_to(*address)));
        match &self.proxy {
            // Where some of a name's addresses are near, those are asked.
            Some(proxy) if direct.is_empty() => proxy.tunnel(&through, &self.trust).await,
            _ => nearest(direct).await.map(|stream| Box::new(stream) as Connection),
        }
    }

    async fn secure(&self, target: &Target, stream: Connection) -> Result<Connection, FetchCause> {
        secure(&self.trust, target.host(), stream).await
    }
}

/// Speaks TLS on a connection, to whoever can show a certificate for this host.
pub(super) async fn secure(trust: &Trust, host: &str, stream: Connection) -> Result<Connection, FetchCause> {
    let config = trust.of(host).await.map_err(|problem| FetchCause::Tls(Shown::of(&problem)))?;
    handshake(config, host, stream).await
}

async fn handshake(config: Arc<ClientConfig>, host: &str, stream: Connection) -> Result<Connection, FetchCause> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| FetchCause::Tls(Shown::of(NO_NAME)))?;
    match TlsConnector::from(config).connect(name, stream).await {
        Ok(secured) => Ok(Box::new(secured)),
        Err(error) => Err(not_secure(&error)),
    }
}

/// Connects to whichever address answers first: one after the other, without waiting long for any of them (in the manner of
/// RFC 8305).
pub(super) async fn nearest(addresses: Vec<SocketAddr>) -> Result<TcpStream, FetchCause> {
    let mut attempts = JoinSet::new();
    let mut rest = addresses.into_iter();
    let mut problem = Shown::of("no address");
    loop {
        if let Some(address) = rest.next() {
            attempts.spawn(TcpStream::connect(address));
        }
        let ended = match rest.len() {
            0 => attempts.join_next().await,
            _ => match timeout(HEAD_START, attempts.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            },
        };
        match ended {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => problem = unreachable(&error),
            Some(Err(_)) => {}
            None => return Err(FetchCause::Unreachable(problem)),
        }
    }
}

fn unreachable(error: &io::Error) -> Shown {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Shown::of("connection refused"),
        io::ErrorKind::ConnectionReset => Shown::of("connection reset"),
        _ => Shown::of(&error.to_string()),
    }
}

pub(super) fn not_secure(error: &io::Error) -> FetchCause {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(problem) => FetchCause::Tls(tls_problem(problem)),
        None => FetchCause::Unreachable(unreachable(error)),
    }
}

fn tls_problem(problem: &rustls::Error) -> Shown {
    let text = match problem {
        // One of the same name, with another key, is another authority.
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "its certificate comes from an authority that is not trusted here"
        }
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "its certificate has expired"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "its certificate is not valid yet",
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its certificate is for another name",
        other => return Shown::of(&other.to_string()),
    };
    Shown::of(text)
}

const NO_NAME: &str = "its host is no name that a certificate can bear";

/// How long one address may keep the next from being tried.
const HEAD_START: Duration = Duration::from_millis(250);
