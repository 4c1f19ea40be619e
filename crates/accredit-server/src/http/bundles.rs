//! Serving a trust domain's bundle under an X509-SVID of its own (SPIFFE Federation section 5.2.2): whoever knows the trust
//! domain by its bundle needs no authority of the web to read the next one.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use accredit_core::mint::Leaf;
use accredit_core::model::{Id, Kind};
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::time::Timestamp;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;

use super::accept::{Answer, Doorway};
use super::listen;
use super::serve::ambiguity;
use crate::app::{App, StartError};
use crate::config::{Config, FederationConfig};
use crate::{chance, clock};

/// A listener, before anybody is let in.
pub(super) struct Listening {
    pub(super) listener: TcpListener,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) address: SocketAddr,
}

/// What one listener shows.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// The trust domain, as the configuration names it.
    trust_domain: String,
    shown: ArcSwapOption<Shown>,
}

/// A certificate, and by whose authority until when.
#[derive(Debug)]
struct Shown {
    certified: Arc<CertifiedKey>,
    authority: String,
    renew_at: Timestamp,
    ends_at: Timestamp,
}

/// What a connection meets.
pub(super) struct Door {
    app: Arc<App>,
    endpoint: Arc<Endpoint>,
}

/// Listens where the configuration says. Certificates come later: a trust domain may be created while the server runs.
pub(super) async fn listen(config: &Config) -> Result<Vec<Listening>, StartError> {
    let mut listening = Vec::new();
    for FederationConfig { trust_domain, listen: wanted } in &config.federation {
        let listener = listen::tcp(*wanted).await?;
        let address = listen::address(&listener)?;
        let endpoint = Endpoint { trust_domain: trust_domain.clone(), shown: ArcSwapOption::const_empty() };
        listening.push(Listening { listener, endpoint: Arc::new(endpoint), address });
    }
    Ok(listening)
}

/// Keeps the endpoints' certificates, until the process ends.
pub(super) async fn keep_certificates(app: Arc<App>, endpoints: Vec<Arc<Endpoint>>) {
    while !endpoints.is_empty() {
        for endpoint in &endpoints {
            if let Err(problem) = endpoint.keep(&app).await {
                let trust_domain = &endpoint.trust_domain;
                tracing::error!(
                    event = "bundle-endpoint-not-certified",
                    trust_domain,
                    "an endpoint has no certificate: {problem}"
                );
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

// === impl Endpoint ===

impl Endpoint {
    /// The configuration that its connections are accepted by: TLS 1.2 and 1.3, nobody is asked for a certificate, no session
    /// is resumed.
    pub(super) fn config(self: &Arc<Self>) -> Result<Arc<rustls::ServerConfig>, StartError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|fault| StartError::Tls { message: fault.to_string(), hint: None })?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::clone(self) as Arc<_>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// Replaces the certificate where it is time, or where its authority signs no more.
    async fn keep(&self, app: &App) -> Result<(), String> {
        let now = clock::now();
        let Some((domain, name)) = self.domain(app) else {
            self.shown.store(None);
            return Ok(());
        };
        let Some(authority) = app.x509_authority(domain, now).await else {
            // Nobody signs for it now; what is shown counts until it ends.
            if self.shown.load().as_ref().is_some_and(|shown| shown.ends_at <= now) {
                self.shown.store(None);
            }
            return Ok(());
        };
        let is_good = |shown: &Arc<Shown>| shown.authority == authority.id() && now < shown.renew_at;
        if self.shown.load().as_ref().is_some_and(is_good) {
            return Ok(());
        }
        let spiffe_id: SpiffeId = format!("spiffe://{name}{PATH}").parse().map_err(|fault| format!("{fault}"))?;
        let key = KeyPair::generate().map_err(|fault| fault.to_string())?;
        let ends_at = now.plus(LIFETIME).min(authority.not_after());
        let leaf = Leaf {
            spiffe_id: &spiffe_id,
            public_key_spki: &key.subject_public_key_info(),
            not_before: now.minus(LEEWAY).max(authority.not_before()),
            not_after: ends_at,
            dns_names: &[],
            subject: &[],
        };
        let chain = authority.issue(&leaf, chance::bits()).map_err(|fault| fault.to_string())?;
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        let private = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let certified = CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider());
        let certified = Arc::new(certified.map_err(|fault| fault.to_string())?);
        let renew_at = now.plus(Duration::from_secs(ends_at.seconds_since(now).max(0).unsigned_abs() / 2));
        let shown = Shown { certified, authority: authority.id().to_owned(), renew_at, ends_at };
        self.shown.store(Some(Arc::new(shown)));
        tracing::info!(event = "bundle-endpoint-certified", spiffe_id = %spiffe_id, "a bundle endpoint has another certificate");
        Ok(())
    }

    /// The trust domain, as long as it counts, and its name.
    fn domain(&self, app: &App) -> Option<(Id, String)> {
        let in_force = app.read_model.now();
        let found = in_force.world.find(Kind::TrustDomain, &self.trust_domain)?;
        let domain = in_force.world.enabled(found.id)?;
        Some((domain.id, domain.as_trust_domain()?.name.to_string()))
    }
}

impl ResolvesServerCert for Endpoint {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.shown.load().as_ref().map(|shown| Arc::clone(&shown.certified))
    }
}

// === impl Door ===

impl Door {
    pub(super) fn new(app: &Arc<App>, endpoint: &Arc<Endpoint>) -> Self {
        Self { app: Arc::clone(app), endpoint: Arc::clone(endpoint) }
    }

    async fn document(&self, request: &Request<Incoming>) -> Result<Arc<str>, StatusCode> {
        if ambiguity(request).is_some() {
            return Err(StatusCode::BAD_REQUEST);
        }
        let (domain, _) = self.endpoint.domain(&self.app).ok_or(StatusCode::NOT_FOUND)?;
        let path = request.uri().path();
        if path != "/bundle" && path != format!("/td/{domain}/bundle") {
            return Err(StatusCode::NOT_FOUND);
        }
        if request.method() != Method::GET {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        self.app.bundle_document(domain).await.ok_or(StatusCode::NOT_FOUND)
    }
}

/// Whatever host is named: whoever comes knows this endpoint by its certificate, and what is told is public.
impl Doorway for Door {
    fn admits(&self, _peer: IpAddr) -> bool {
        true
    }

    fn is_proxy(&self, _peer: IpAddr) -> bool {
        false
    }

    async fn answer(&self, request: Request<Incoming>, _peer: IpAddr) -> Answer {
        let (status, body) = match self.document(&request).await {
            Ok(document) => (StatusCode::OK, Bytes::copy_from_slice(document.as_bytes())),
            Err(status) => (status, Bytes::new()),
        };
        let mut answer = Response::new(Either::Left(Full::new(body)));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        match status {
            StatusCode::OK => drop(headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))),
            StatusCode::METHOD_NOT_ALLOWED => drop(headers.insert(header::ALLOW, HeaderValue::from_static("GET"))),
            // What follows on the connection may be meant as a part of this request.
            StatusCode::BAD_REQUEST => drop(headers.insert(header::CONNECTION, HeaderValue::from_static("close"))),
            _ => {}
        }
        answer
    }
}

/// The path of the endpoint's own SPIFFE ID.
const PATH: &str = "/accredit/bundle";
/// How long a certificate counts; it is renewed at half of that.
const LIFETIME: Duration = Duration::from_secs(3600);
/// Forgiven to clocks that are behind.
const LEEWAY: Duration = Duration::from_secs(30);
/// How often it is looked whether another certificate is needed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
