//! The listener for whoever watches the server: `/metrics`, `/livez`, `/readyz`, and nothing else.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::net::TcpListener;

use super::accept::{Answer, Doorway};
use super::listen;
use super::serve::ambiguity;
use crate::app::{App, StartError};
use crate::config::{ClientCertificates, Config};
use crate::metrics;
use crate::tls::Certificates;

/// The listener, before anybody is let in.
pub(super) struct Listening {
    pub(super) listener: TcpListener,
    pub(super) tls: Option<Arc<Certificates>>,
    pub(super) address: SocketAddr,
    pub(super) hosts: Vec<String>,
}

/// What a connection to it meets.
pub(super) struct Door {
    router: Router,
    hosts: Vec<String>,
    port: u16,
}

/// Listens where `metrics.listen` says, when there is such a section.
pub(super) async fn listen(config: &Config) -> Result<Option<Listening>, StartError> {
    let Some(metrics) = &config.metrics else { return Ok(None) };
    let read = |files| Certificates::read("metrics", files, ClientCertificates::None);
    let tls = metrics.tls.as_ref().map(read).transpose()?;
    let listener = listen::tcp(metrics.listen).await?;
    let address = listen::address(&listener)?;
    Ok(Some(Listening { listener, tls, address, hosts: metrics.hosts.clone() }))
}

// === impl Door ===

impl Door {
    pub(super) fn new(app: &Arc<App>, hosts: Vec<String>, address: SocketAddr) -> Self {
        Self { router: metrics::router(Arc::clone(app)), hosts, port: address.port() }
    }

    /// Those that read it name it by its address. A name has to be listed: it could be anybody's (L24).
    fn is_named(&self, host: &str) -> bool {
        let is_address = || {
            let address = host.parse::<SocketAddr>().ok().filter(|address| address.port() == self.port);
            address.is_some() || host.strip_prefix("localhost:").is_some_and(|port| port == self.port.to_string())
        };
        self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host)) || is_address()
    }
}

impl Doorway for Door {
    fn admits(&self, _peer: IpAddr) -> bool {
        true
    }

    fn is_proxy(&self, _peer: IpAddr) -> bool {
        false
    }

    async fn answer(&self, request: Request<Incoming>, _peer: IpAddr) -> Answer {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let is_ours = host.is_some_and(|host| self.is_named(host));
        let target_is_ours = request.uri().authority().is_none_or(|target| self.is_named(target.as_str()));
        if ambiguity(&request).is_some() || !is_ours || !target_is_ours {
            let mut refused = Response::new(Either::Left(Full::new(Bytes::from_static(b"another host is meant\n"))));
            *refused.status_mut() = StatusCode::MISDIRECTED_REQUEST;
            // What follows on the connection may be meant as a part of this request.
            refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return refused;
        }
        let mut router = self.router.clone();
        match tower_service::Service::call(&mut router, request.map(Body::new)).await {
            Ok(response) => response.map(Either::Right),
            Err(never) => match never {},
        }
    }
}
