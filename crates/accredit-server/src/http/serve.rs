//! Serving: connections in, the token endpoint first, everything else through the router.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{admin, introspect, listen, revoke, spiral as spiral_face, token};
use crate::app::{App, StartError};
use crate::config::Config;
use crate::faces::{self, Cause, RequestFault};
use crate::gather::Cidr;
use crate::{documents, spiral, tls};

/// A server that runs.
pub struct Running {
    /// Where the public listener really listens.
    pub address: SocketAddr,
    /// Where the admin listener really listens, when there is one.
    pub admin_address: Option<SocketAddr>,
    app: Arc<App>,
    /// How many of the tasks are accept loops.
    listeners: usize,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    writer: JoinHandle<()>,
}

/// Starts a server: when this returns, it answers.
///
/// # Errors
/// Whatever keeps it from starting.
pub async fn serve(config: &Config) -> Result<Running, StartError> {
    let acceptor =
        config.public.tls.as_ref().map(|files| tls::server_config(&files.certificate, &files.key)).transpose();
    let acceptor = acceptor?.map(TlsAcceptor::from);
    let proxies: Result<Vec<Cidr>, _> = config.public.trusted_proxies.iter().map(|entry| entry.parse()).collect();
    let proxies = proxies.map_err(|fault: crate::gather::RangeFault| StartError::Range {
        field: "public.trusted_proxies",
        message: fault.to_string(),
    })?;
    let public = listen::tcp(config.public.listen).await?;
    let address =
        public.local_addr().map_err(|cause| StartError::Listen { place: config.public.listen.to_string(), cause })?;
    let remote = admin::remote(config).await?;
    let admin_address = remote.as_ref().map(|remote| remote.address);
    let socket = listen::unix(&config.admin.socket).await?;
    let (app, writer) = App::start(config).await?;
    if let Some(path) = &config.admin.bootstrap {
        crate::admin::bootstrap(&app, path).await?;
    }
    let (stop, stopped) = watch::channel(false);
    let door = Arc::new(Door {
        router: documents::router(Arc::clone(&app)).merge(spiral::router(Arc::clone(&app))),
        hosts: hosts(config, address),
        proxies,
        plain_is_public: acceptor.is_some() || config.is_loopback(),
        app: Arc::clone(&app),
    });
    let mut tasks = JoinSet::new();
    let mut listeners = 2;
    tasks.spawn(accept(public, acceptor, door, stopped.clone()));
    if let Some(admin::Remote { listener, acceptor, address }) = remote {
        let door = Arc::new(admin::AdminDoor::new(config, address, &app));
        tasks.spawn(accept(listener, acceptor, door, stopped.clone()));
        listeners += 1;
    }
    tasks.spawn(admin::accept_local(socket, Arc::clone(&app), stopped));
    let tally = Arc::clone(&app);
    tasks.spawn(tally.keep_tally());
    tasks.spawn(Arc::clone(&app).keep_keys());
    tasks.spawn(Arc::clone(&app).keep_key_history());
    Ok(Running { address, admin_address, app, listeners, stop, tasks, writer })
}

impl Running {
    /// Stops: no new connections, the open ones finish what they are at within ten seconds, log and store are closed.
    pub async fn stop(self) {
        let Running { address: _, admin_address: _, app, listeners, stop, mut tasks, writer } = self;
        let _ = stop.send(true);
        let _ = tokio::time::timeout(DRAIN, async {
            // Accept loops end by themselves; tally and key history never do.
            for _ in 0..listeners {
                tasks.join_next().await;
            }
        })
        .await;
        tasks.shutdown().await;
        app.note_tally().await;
        app.note_sightings().await;
        app.note_key_sets().await;
        app.recorder.close();
        let _ = writer.await;
        // A connection that outlasted the ten seconds may still hold the store. It then ends as in a crash, and loses nothing.
        let store = Arc::into_inner(app).and_then(|app| Arc::into_inner(app.store));
        if let Some(store) = store
            && let Err(fault) = store.close().await
        {
            tracing::warn!(code = fault.code(), "the store was not closed: {fault}");
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

/// What stands behind a TCP listener.
pub(super) trait Doorway: Send + Sync + 'static {
    /// Whether a peer may speak to it at all.
    fn admits(&self, peer: IpAddr) -> bool;
    /// Answers one request.
    fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> impl Future<Output = Answer> + Send;
}

async fn accept<D: Doorway>(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    door: Arc<D>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors: wait for connections to end instead of spinning.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        if !door.admits(peer.ip()) {
            continue;
        }
        let _ = stream.set_nodelay(true);
        let (door, stopped, acceptor) = (Arc::clone(&door), stopped.clone(), acceptor.clone());
        connections.spawn(async move {
            match acceptor {
                None => connection(stream, peer.ip(), door, stopped).await,
                Some(acceptor) => {
                    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                        connection(stream, peer.ip(), door, stopped).await;
                    }
                }
            }
        });
    }
    // Whoever comes now is refused at once instead of waiting for an answer that never comes.
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection<D: Doorway, S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    peer: IpAddr,
    door: Arc<D>,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, Infallible>(door.answer(request, peer).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(MAX_BUFFER).half_close(false);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let halted = async move { stopped.wait_for(|stopped| *stopped).await.is_ok() };
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = halted => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

pub(super) type Answer = Response<Either<Full<Bytes>, Body>>;

impl Doorway for Door {
    fn admits(&self, peer: IpAddr) -> bool {
        self.plain_is_public || self.proxies.iter().any(|range| range.contains(peer))
    }

    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Answer {
        if let Some(fault) = ambiguity(&request) {
            let mut refused = token::refused(&self.app, &fault);
            // What follows on the connection may be meant as a part of this request.
            refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return refused.map(Either::Left);
        }
        if !names(&self.hosts, &request) {
            return token::refused(&self.app, &MISDIRECTED).map(Either::Left);
        }
        if let Some(face) = faces::of_path(request.uri().path()) {
            return token::answer(&self.app, face, request, peer).await.map(Either::Left);
        }
        match request.uri().path() {
            "/oauth/introspect" => return introspect::answer(&self.app, request).await.map(Either::Left),
            "/oauth/revoke" => return revoke::answer(&self.app, request).await.map(Either::Left),
            _ => {}
        }
        if let Some((face, method)) = spiral_face::face(request.uri().path()) {
            return spiral_face::answer(&self.app, face, method, request, peer).await.map(Either::Left);
        }
        let mut router = self.router.clone();
        let answered = tower_service::Service::call(&mut router, request.map(Body::new)).await;
        match answered {
            Ok(response) => response.map(Either::Right),
            Err(never) => match never {},
        }
    }
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
const HANDSHAKE: Duration = Duration::from_secs(10);
const HEADERS: Duration = Duration::from_secs(10);
/// Head of a request and what of the body came with it.
const MAX_BUFFER: usize = 64 * 1024;
const DRAIN: Duration = Duration::from_secs(10);
