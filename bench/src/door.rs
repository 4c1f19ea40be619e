//! The way to a server: in clear, or over TLS.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, SanType};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::fault::{Because as _, Fault};

/// Where a server is, and how one speaks to it.
#[derive(Clone)]
pub(crate) struct Door {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    tls: Option<TlsConnector>,
}

/// A connection's bytes.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl From<SocketAddr> for Door {
    fn from(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }
}

impl Door {
    /// Makes a certificate for `address` as `chain.pem` and `key.pem` in `folder`, and a way to whoever shows it.
    pub(crate) fn with_certificate(address: SocketAddr, folder: &Path) -> Result<Self, Fault> {
        let key = KeyPair::generate().because(|| "certificate's key".to_owned())?;
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::IpAddress(address.ip())];
        let certificate = params.self_signed(&key).because(|| "certificate".to_owned())?;
        let write = |name: &str, text: String| std::fs::write(folder.join(name), text).because(|| name.to_owned());
        write("chain.pem", certificate.pem())?;
        write("key.pem", key.serialize_pem())?;
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).because(|| "certificate".to_owned())?;
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .because(|| "tls".to_owned())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address, tls: Some(TlsConnector::from(Arc::new(config))) })
    }

    /// Goes in by a connection that is there.
    pub(crate) async fn enter(&self, stream: TcpStream) -> std::io::Result<Stream> {
        let Some(tls) = &self.tls else { return Ok(Stream::Plain(stream)) };
        let stream = tls.connect(ServerName::from(self.address.ip()), stream).await?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

impl Stream {
    /// Sends all of it.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.write_all(bytes).await,
            Stream::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// Reads what is there to the end of `bytes`; 0 at the end.
    pub(crate) async fn read(&mut self, bytes: &mut Vec<u8>) -> std::io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read_buf(bytes).await,
            Stream::Tls(stream) => stream.read_buf(bytes).await,
        }
    }
}
