//! Connections: let in, held to their pace, ended in good order.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::paced::{Pace, Paced};
use super::phase::{LAST_WORD, Life};
use super::turned_away::turn_away;
use crate::binding::Certificate;
use crate::budget::{Connections, Seat};
use crate::tls::Certificates;

/// A TCP listener and what stands behind it.
pub(super) struct Entrance<D> {
    pub(super) listener: TcpListener,
    pub(super) tls: Option<Shows>,
    pub(super) door: Arc<D>,
    pub(super) connections: Arc<Connections>,
    /// How long a connection may be idle between two requests.
    pub(super) idle: Duration,
}

/// By what a TLS listener accepts connections.
pub(super) enum Shows {
    /// A certificate from files, which may be replaced.
    Files(Arc<Certificates>),
    /// What the server made itself.
    Own(Arc<ServerConfig>),
}

impl Shows {
    fn acceptor(&self) -> TlsAcceptor {
        match self {
            Self::Files(certificates) => certificates.acceptor(),
            Self::Own(config) => TlsAcceptor::from(Arc::clone(config)),
        }
    }
}

/// What stands behind a TCP listener.
pub(super) trait Doorway: Send + Sync + 'static {
    /// Whether a peer may speak to it at all.
    fn admits(&self, peer: IpAddr) -> bool;
    /// Whether it speaks for many, who have shares of their own.
    fn is_proxy(&self, peer: IpAddr) -> bool;
    /// Answers one request.
    fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> impl Future<Output = Answer> + Send;
}

pub(super) type Answer = Response<Either<Full<Bytes>, Body>>;

/// Serves whoever comes until the server closes, and returns when the last connection has ended.
pub(super) async fn accept<D: Doorway>(entrance: Entrance<D>, mut life: Life) {
    let mut connections = JoinSet::new();
    let told = life.clone();
    loop {
        let accepted = tokio::select! {
            accepted = entrance.listener.accept() => accepted,
            () = life.closing() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        match accepted {
            Ok((stream, peer)) => entrance.let_in(stream, peer.ip(), &told, &mut connections),
            // Out of file descriptors: wait for connections to end instead of spinning.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    // Whoever has connected by now, as far as he can know, is let in; who comes later is refused at once instead of waiting
    // for an answer that never comes.
    while let Ok(Ok((stream, peer))) = tokio::time::timeout(Duration::ZERO, entrance.listener.accept()).await {
        entrance.let_in(stream, peer.ip(), &told, &mut connections);
    }
    drop(entrance);
    while connections.join_next().await.is_some() {}
}

// === impl Entrance ===

impl<D: Doorway> Entrance<D> {
    fn let_in(&self, stream: TcpStream, peer: IpAddr, life: &Life, connections: &mut JoinSet<()>) {
        if !self.door.admits(peer) {
            self.connections.refused_peer.fetch_add(1, Relaxed);
            return;
        }
        let seat = match self.connections.enter(peer, self.door.is_proxy(peer)) {
            Ok(seat) => seat,
            // Only in clear: a handshake costs more than the answer is worth.
            Err(why) if self.tls.is_none() => {
                connections.spawn(turn_away(stream, why));
                return;
            }
            Err(_) => return,
        };
        let _ = stream.set_nodelay(true);
        let at = Connected { door: Arc::clone(&self.door), peer, idle: self.idle, life: life.clone(), _seat: seat };
        match &self.tls {
            None => drop(connections.spawn(at.serve(stream, None))),
            Some(shows) => {
                let (acceptor, counts) = (shows.acceptor(), Arc::clone(&self.connections));
                connections.spawn(async move {
                    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => {
                            let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                            let certificate = shown.map(|leaf| Certificate::of_der(leaf));
                            at.serve(stream, certificate).await;
                        }
                        _ => _ = counts.refused_peer.fetch_add(1, Relaxed),
                    }
                });
            }
        }
    }
}

/// A connection that was let in.
struct Connected<D> {
    door: Arc<D>,
    peer: IpAddr,
    idle: Duration,
    life: Life,
    _seat: Seat,
}

impl<D: Doorway> Connected<D> {
    /// Serves it; `certificate` is the one that the handshake has proved, for every request that comes.
    async fn serve<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        self,
        stream: S,
        certificate: Option<Certificate>,
    ) {
        let Self { door, peer, idle, mut life, _seat } = self;
        let pace = Pace::new();
        let stream = TokioIo::new(Paced::new(stream, Arc::clone(&pace)));
        let told = life.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            let (door, pace, told) = (Arc::clone(&door), Arc::clone(&pace), told.clone());
            if let Some(certificate) = &certificate {
                request.extensions_mut().insert(certificate.clone());
            }
            async move {
                pace.asked();
                let mut answer = door.answer(request, peer).await;
                pace.answered();
                if told.is_ending() {
                    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(idle).max_buf_size(MAX_BUFFER).half_close(false);
        let connection = builder.serve_connection(stream, service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            () = life.closing() => {}
        }
        // What is under way is answered, and that is the last of it. What is idle may have been asked a moment ago.
        if tokio::time::timeout(LAST_WORD, connection.as_mut()).await.is_err() {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

const HANDSHAKE: Duration = Duration::from_secs(10);
/// Head of a request and what of the body came with it.
const MAX_BUFFER: usize = 64 * 1024;
