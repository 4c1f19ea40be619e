//! The administrators' two doors: a TCP listener for whoever proves to be one, and the local socket for the server's own
//! user.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse as _;
use http_body_util::Either;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;

use super::accept::{Answer, Doorway};
use super::phase::Life;
use super::serve::{ambiguity, names};
use super::{listen, peer};
use crate::admin::{self, AdminFault, Source};
use crate::app::{App, StartError};
use crate::config::{ClientCertificates, Config};
use crate::tls::Certificates;

/// The remote listener, before anybody is let in.
pub(super) struct Remote {
    pub(super) listener: TcpListener,
    pub(super) tls: Option<Arc<Certificates>>,
    pub(super) address: SocketAddr,
}

/// Listens where `admin.listen` says, when it does.
pub(super) async fn remote(config: &Config) -> Result<Option<Remote>, StartError> {
    let Some(listen) = config.admin.listen else { return Ok(None) };
    let read = |files| Certificates::read("admin", files, ClientCertificates::None);
    let tls = config.admin.tls.as_ref().map(read).transpose()?;
    let listener = listen::tcp(listen).await?;
    let address = listen::address(&listener)?;
    Ok(Some(Remote { listener, tls, address }))
}

/// What a remote administrator's connection meets.
pub(super) struct AdminDoor {
    router: Router,
    /// `Host` values that are answered, lower case.
    hosts: Vec<String>,
}

impl AdminDoor {
    pub(super) fn new(config: &Config, address: SocketAddr, app: &Arc<App>) -> Self {
        let gate = admin::Gate::new(Arc::clone(app), config.admin_url(address));
        Self { router: admin::remote(Arc::new(gate)), hosts: config.admin_hosts(address) }
    }
}

impl Doorway for AdminDoor {
    fn admits(&self, _peer: IpAddr) -> bool {
        // Plain HTTP is spoken on loopback alone; the configuration was refused otherwise.
        true
    }

    fn is_proxy(&self, _peer: IpAddr) -> bool {
        false
    }

    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Answer {
        let fault = match ambiguity(&request) {
            Some(fault) => Some(AdminFault::Request(fault.sentence.to_owned())),
            None if !names(&self.hosts, &request) => Some(AdminFault::Misdirected),
            None => None,
        };
        if let Some(fault) = fault {
            let mut refused = fault.into_response();
            // What follows on the connection may be meant as a part of this request.
            refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return refused.map(Either::Right);
        }
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Source(Some(peer)));
        let mut router = self.router.clone();
        match tower_service::Service::call(&mut router, request).await {
            Ok(response) => response.map(Either::Right),
            Err(never) => match never {},
        }
    }
}

/// The admin socket is for our own user alone, whoever else may reach its folder.
pub(super) async fn accept_local(listener: UnixListener, app: Arc<App>, mut life: Life) {
    let router = admin::local(app);
    let own = peer::own_user();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = life.closing() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        if let Err(why) = own.is(&stream) {
            tracing::warn!(event = "admin-connection-refused", "a connection to the admin socket was refused: {why}");
            continue;
        }
        let (router, mut life) = (router.clone(), life.clone());
        connections.spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let mut router = router.clone();
                async move { tower_service::Service::call(&mut router, request.map(Body::new)).await }
            });
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new());
            let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
            tokio::select! {
                _ = connection.as_mut() => return,
                () = life.closing() => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}
