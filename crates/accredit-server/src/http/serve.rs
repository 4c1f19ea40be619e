//! Serving: what is started, in which order it ends, and what a public connection meets.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Request, StatusCode};

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::accept::{Answer, Doorway, Entrance, Shows, accept};
use super::phase::{Life, Phase};
use super::source::source;
use super::{admin, bundles, introspect, listen, revoke, spiral as spiral_face, svid, token, watched};
use crate::app::{App, StartError};
use crate::budget::Cost;
use crate::config::Config;
use crate::faces::{self, Cause, RequestFault};
use crate::gather::Cidr;
use crate::tls::{Certificates, LOOK_EVERY};
use crate::traces::Name;
use crate::{documents, spiral};

/// A server that runs.
pub struct Running {
    /// Where the public listener really listens.
    pub address: SocketAddr,
    /// Where the admin listener really listens, when there is one.
    pub admin_address: Option<SocketAddr>,
    /// Where the listener for metrics really listens, when there is one.
    pub metrics_address: Option<SocketAddr>,
    app: Arc<App>,
    certificates: Vec<Arc<Certificates>>,
    phase: watch::Sender<Phase>,
    delay: Duration,
    deadline: Duration,
    /// Accept loops: they end by themselves when the server closes.
    listeners: JoinSet<()>,
    /// What goes on behind, until it is ended.
    background: JoinSet<()>,
    writer: JoinHandle<()>,
}

/// Starts a server: when this returns, it answers.
///
/// # Errors
/// Whatever keeps it from starting.
pub async fn serve(config: &Config) -> Result<Running, StartError> {
    let mut certificates = Vec::new();
    let read = |files| Certificates::read("public", files, config.public.client_certificates);
    let public_tls = config.public.tls.as_ref().map(read).transpose()?;
    certificates.extend(public_tls.clone());
    let proxies: Result<Vec<Cidr>, _> = config.public.trusted_proxies.iter().map(|entry| entry.parse()).collect();
    let proxies = proxies.map_err(|fault: crate::gather::RangeFault| StartError::Range {
        field: "public.trusted_proxies",
        message: fault.to_string(),
    })?;
    let public = listen::tcp(config.public.listen).await?;
    let address = listen::address(&public)?;
    let remote = admin::remote(config).await?;
    certificates.extend(remote.as_ref().and_then(|remote| remote.tls.clone()));
    let admin_address = remote.as_ref().map(|remote| remote.address);
    let metrics = watched::listen(config).await?;
    certificates.extend(metrics.as_ref().and_then(|metrics| metrics.tls.clone()));
    let metrics_address = metrics.as_ref().map(|metrics| metrics.address);
    let federation = bundles::listen(config).await?;
    let socket = listen::unix(&config.admin.socket).await?;
    let (app, writer) = App::start(config).await?;
    if let Some(path) = &config.admin.bootstrap {
        crate::admin::bootstrap(&app, path).await?;
    }
    app.metrics.watch_certificates(&certificates);
    let (phase, life) = Life::begin();
    let door = Arc::new(Door {
        router: documents::router(Arc::clone(&app)).merge(spiral::router(Arc::clone(&app))),
        hosts: hosts(config, address),
        proxies,
        plain_is_public: public_tls.is_some() || config.is_loopback(),
        app: Arc::clone(&app),
    });
    let idle = Duration::from_secs(config.limits.idle_seconds);
    let connections = &app.connections;
    let mut listeners = JoinSet::new();
    let entrance = Entrance {
        listener: public,
        tls: public_tls.map(Shows::Files),
        door,
        connections: Arc::clone(&connections.public),
        idle,
    };
    listeners.spawn(accept(entrance, life.clone()));
    if let Some(admin::Remote { listener, tls, address }) = remote {
        let door = Arc::new(admin::AdminDoor::new(config, address, &app));
        let tls = tls.map(Shows::Files);
        let entrance = Entrance { listener, tls, door, connections: Arc::clone(&connections.admin), idle };
        listeners.spawn(accept(entrance, life.clone()));
    }
    if let Some(watched::Listening { listener, tls, address, hosts }) = metrics {
        let door = Arc::new(watched::Door::new(&app, hosts, address));
        let tls = tls.map(Shows::Files);
        let entrance = Entrance { listener, tls, door, connections: Arc::clone(&connections.metrics), idle };
        listeners.spawn(accept(entrance, life.clone()));
    }
    let mut endpoints = Vec::new();
    for bundles::Listening { listener, endpoint, address } in federation {
        let (door, tls) = (Arc::new(bundles::Door::new(&app, &endpoint)), Some(Shows::Own(endpoint.config()?)));
        let entrance = Entrance { listener, tls, door, connections: Arc::clone(&connections.public), idle };
        listeners.spawn(accept(entrance, life.clone()));
        tracing::info!(event = "bundle-served", %address, "a bundle is served under an X509-SVID");
        endpoints.push(endpoint);
    }
    listeners.spawn(admin::accept_local(socket, Arc::clone(&app), life));
    for unheeded in &config.telemetry.unheeded {
        tracing::warn!(event = "variable-not-heeded", "a variable is not heeded: {unheeded}");
    }
    app.begin_domains();
    let mut background = JoinSet::new();
    background.spawn(Arc::clone(&app).keep_tally());
    background.spawn(Arc::clone(&app).keep_keys());
    background.spawn(Arc::clone(&app).follow());
    background.spawn(Arc::clone(&app).keep_key_history());
    background.spawn(Arc::clone(&app).keep_bundles());
    background.spawn(bundles::keep_certificates(Arc::clone(&app), endpoints));
    background.spawn(look_at_certificates(certificates.clone()));
    background.spawn(Arc::clone(&app).keep_retention());
    app.exports.start(&mut background, &app.store, &app.recorder, app.chain);
    let (delay, deadline) = (config.drain_delay(), Duration::from_secs(config.drain.deadline_seconds));
    Ok(Running {
        address,
        admin_address,
        metrics_address,
        app,
        certificates,
        phase,
        delay,
        deadline,
        listeners,
        background,
        writer,
    })
}

async fn look_at_certificates(certificates: Vec<Arc<Certificates>>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        certificates.iter().for_each(|certificates| certificates.look());
    }
}

impl Running {
    /// Reads the listeners' certificates again, and opens files that the log is delivered to again. A certificate that cannot be
    /// used is named in the log and changes nothing.
    pub fn reload(&self) {
        self.app.exports.reopen();
        self.certificates.iter().for_each(|certificates| certificates.read_again());
    }

    /// Stops in good order, without failing a request: first it says that it is not ready and goes on serving, each answer
    /// the last one of its connection, until whatever leads clients here has noticed or `hurry` is done. Then nobody new is
    /// let in, and what is under way is finished within the deadline. Log and store are closed last.
    pub async fn stop(self, hurry: impl Future<Output = ()>) {
        let Running { app, phase, delay, deadline, mut listeners, mut background, writer, .. } = self;
        app.health.drain();
        let _ = phase.send(Phase::Draining);
        let _ = {
            let hurry = std::pin::pin!(hurry);
            tokio::time::timeout(delay, hurry).await
        };
        let _ = phase.send(Phase::Closing);
        let all = async { while listeners.join_next().await.is_some() {} };
        if tokio::time::timeout(deadline, all).await.is_err() {
            tracing::warn!(
                event = "connections-cut",
                "connections were cut: they had not ended after {} s",
                deadline.as_secs()
            );
        }
        listeners.shutdown().await;
        background.shutdown().await;
        app.traces.end().await;
        app.note_tally().await;
        app.note_sightings().await;
        app.note_key_sets().await;
        app.recorder.close();
        let _ = writer.await;
        // Whatever else still holds the store ends as in a crash, and loses nothing.
        let store = Arc::into_inner(app).and_then(|app| Arc::into_inner(app.store));
        if let Some(store) = store
            && let Err(fault) = store.close().await
        {
            tracing::warn!(event = "store-not-closed", code = fault.code(), "the store was not closed: {fault}");
        }
    }
}

/// What a public connection meets.
struct Door {
    app: Arc<App>,
    router: Router,
    /// `Host` values that are answered, lower case.
    hosts: Vec<String>,
    proxies: Vec<Cidr>,
    /// Whether whoever reaches the listener may speak to it; else only listed proxies.
    plain_is_public: bool,
}

fn hosts(config: &Config, address: SocketAddr) -> Vec<String> {
    let mut hosts: Vec<String> = config.public.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
    let own = config.public_url.split("://").nth(1).unwrap_or_default();
    hosts.push(own.split('/').next().unwrap_or_default().to_ascii_lowercase());
    if config.is_loopback() {
        hosts.extend([address.to_string(), format!("localhost:{}", address.port())]);
    }
    hosts
}

impl Doorway for Door {
    fn admits(&self, peer: IpAddr) -> bool {
        self.plain_is_public || self.is_proxy(peer)
    }

    fn is_proxy(&self, peer: IpAddr) -> bool {
        self.proxies.iter().any(|range| range.contains(peer))
    }

    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Answer {
        let traced = self.app.traces.begin(request.headers(), || route(request.uri().path()).map(Name::Request));
        match traced {
            None => self.answered(request, peer).await,
            // Apart, so that what is not traced is no larger for it.
            Some(trace) => Box::pin(trace.answer(self.answered(request, peer))).await,
        }
    }
}

impl Door {
    async fn answered(&self, request: Request<Incoming>, peer: IpAddr) -> Answer {
        let source = source(request.headers(), peer, &self.proxies);
        if let Some(fault) = ambiguity(&request) {
            let mut refused = token::refused(&self.app, &fault, source);
            // What follows on the connection may be meant as a part of this request.
            refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return refused.map(Either::Left);
        }
        if !names(&self.hosts, &request) {
            return token::refused(&self.app, &MISDIRECTED, source).map(Either::Left);
        }
        if let Some(face) = faces::of_path(request.uri().path()) {
            return token::answer(&self.app, face, request, source).await.map(Either::Left);
        }
        if request.uri().path() == svid::PATH {
            return svid::answer(&self.app, request, source).await.map(Either::Left);
        }
        if let Some((face, method)) = spiral_face::face(request.uri().path()) {
            return spiral_face::answer(&self.app, face, method, request, source).await.map(Either::Left);
        }
        if is_document(request.uri().path()) {
            return self.routed(request).await;
        }
        if let Err(spent) = self.app.budgets.enter(source).await {
            return token::throttled(&self.app, faces::FALLBACK, spent, source).map(Either::Left);
        }
        let answer = match request.uri().path() {
            "/oauth/introspect" => return introspect::answer(&self.app, request, source).await.map(Either::Left),
            "/oauth/revoke" => revoke::answer(&self.app, request, source).await.map(Either::Left),
            _ => self.routed(request).await,
        };
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.app.budgets.failed(source, Cost::Verification);
        }
        answer
    }

    async fn routed(&self, request: Request<Incoming>) -> Answer {
        let mut router = self.router.clone();
        match tower_service::Service::call(&mut router, request.map(Body::new)).await {
            Ok(response) => response.map(Either::Right),
            Err(never) => match never {},
        }
    }
}

/// The routes whose requests are traced, by the names that they are told under: never by a path as it came.
fn route(path: &str) -> Option<&'static str> {
    if let Some(face) = faces::of_path(path) {
        return Some(face.path.route());
    }
    let others = ["/v1/oauth2/token", "/v1/auth/aws/token", "/oauth/introspect", "/oauth/revoke", svid::PATH];
    others.into_iter().find(|known| *known == path)
}

/// What anybody may read as often as he likes, and must be able to: who is refused here could not verify our tokens.
fn is_document(path: &str) -> bool {
    path.starts_with("/.well-known/") || matches!(path, "/oauth/jwks" | "/oauth/reasons" | "/livez" | "/readyz")
}

/// Another name that leads here is somebody's DNS rebinding (L24). The target may name a host too; RFC 9112 section 3.2.2
/// lets it outdo the header, some servers do the opposite, so both have to be ours.
pub(super) fn names(hosts: &[String], request: &Request<Incoming>) -> bool {
    let is_ours = |host: &str| hosts.iter().any(|ours| host.eq_ignore_ascii_case(ours));
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    named.is_some_and(is_ours) && request.uri().authority().is_none_or(|target| is_ours(target.as_str()))
}

/// What another server might read as another request (H14): no host or two (RFC 9112 section 3.2), any transfer coding but
/// `chunked` once (section 6.1). Other ambiguities of framing are refused by hyper.
pub(super) fn ambiguity(request: &Request<Incoming>) -> Option<RequestFault> {
    let headers = request.headers();
    let hosts = headers.get_all(header::HOST).iter().count();
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_plain = codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
        && codings.next().is_none();
    match (hosts, is_plain) {
        (1, true) => None,
        (1, false) => Some(RequestFault::invalid("transfer-encoding", "the transfer encoding is not `chunked` alone")),
        _ => Some(RequestFault::invalid("host-count", "the request does not name one host")),
    }
}

const MISDIRECTED: RequestFault =
    RequestFault::new(Cause::MisdirectedRequest, "host", "this server does not answer for that host");
