//! The wire on the server's own machine. Every call opens a connection of its own.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{ANSWER_CAP, AdminError, Asked};

/// A unix socket.
#[derive(Clone, Debug)]
pub(super) struct Socket(pub(super) PathBuf);

// === impl Socket ===

impl Socket {
    pub(super) async fn send(&self, asked: &Asked) -> Result<(StatusCode, Bytes), AdminError> {
        let late = |_| self.unreachable(std::io::ErrorKind::TimedOut.into());
        let stream = timeout(CONNECT, UnixStream::connect(&self.0))
            .await
            .map_err(late)?
            .map_err(|cause| self.unreachable(cause))?;
        timeout(asked.patience, self.converse(stream, request(asked))).await.map_err(late)?
    }

    /// Takes a long answer piece by piece.
    pub(super) async fn download(
        &self,
        target: &str,
        mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(), AdminError> {
        let late = |_| self.unreachable(std::io::ErrorKind::TimedOut.into());
        let stream = timeout(CONNECT, UnixStream::connect(&self.0))
            .await
            .map_err(late)?
            .map_err(|cause| self.unreachable(cause))?;
        let asked = Asked {
            method: http::Method::POST,
            target: target.to_owned(),
            body: Bytes::new(),
            patience: PIECE,
            key: None,
        };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.lost(error))?;
        let exchange = async {
            let response = timeout(PIECE, sender.send_request(request(&asked))).await.map_err(late)?;
            let response = response.map_err(|error| self.lost(error))?;
            let status = response.status();
            let mut body = response.into_body();
            if !status.is_success() {
                let body = Limited::new(body, ANSWER_CAP).collect().await;
                let body = body.map_err(|error| self.malformed(&error.to_string()))?.to_bytes();
                return Err(match serde_json::from_slice(&body) {
                    Ok(problem) => AdminError::Refused(problem),
                    Err(_) => self.malformed(&format!("status {} without a problem document", status.as_u16())),
                });
            }
            while let Some(frame) = timeout(PIECE, body.frame()).await.map_err(late)? {
                let frame = frame.map_err(|error| self.lost(error))?;
                if let Some(piece) = frame.data_ref() {
                    take(piece).map_err(AdminError::NotKept)?;
                }
            }
            Ok(())
        };
        let (mut exchange, mut connection) = (std::pin::pin!(exchange), std::pin::pin!(connection));
        tokio::select! {
            result = &mut exchange => result,
            _ = &mut connection => exchange.await,
        }
    }

    async fn converse(
        &self,
        stream: UnixStream,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), AdminError> {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.lost(error))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|error| self.lost(error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_CAP).collect().await;
            let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
                Ok(error) => self.lost(*error),
                Err(other) if other.is::<LengthLimitError>() => self.malformed("more than 64 MiB"),
                Err(other) => self.malformed(&other.to_string()),
            })?;
            Ok((status, body.to_bytes()))
        };
        // The connection must be driven while the exchange waits; it ends by itself, often before the last byte is read.
        let (mut exchange, mut connection) = (std::pin::pin!(exchange), std::pin::pin!(connection));
        tokio::select! {
            result = &mut exchange => result,
            _ = &mut connection => exchange.await,
        }
    }

    /// A connection that broke is told apart from an answer that is no HTTP.
    fn lost(&self, error: hyper::Error) -> AdminError {
        if error.is_parse() {
            return self.malformed("not HTTP");
        }
        self.unreachable(std::io::Error::new(std::io::ErrorKind::ConnectionAborted, error))
    }

    fn unreachable(&self, cause: std::io::Error) -> AdminError {
        AdminError::Unreachable { socket: self.0.clone(), cause }
    }

    fn malformed(&self, message: &str) -> AdminError {
        AdminError::Malformed { place: self.0.display().to_string(), message: message.to_owned() }
    }
}

fn request(asked: &Asked) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(asked.body.clone()));
    *request.method_mut() = asked.method.clone();
    // The target is a constant path and an encoded query, which always parse; the root would be refused with 404.
    *request.uri_mut() = asked.target.parse().unwrap_or_default();
    let headers = request.headers_mut();
    for (name, value) in [
        (http::header::HOST, "localhost"),
        (http::header::ACCEPT, "application/json"),
        (http::header::CONTENT_TYPE, "application/json"),
        (http::header::USER_AGENT, concat!("accredit/", env!("CARGO_PKG_VERSION"))),
    ] {
        headers.insert(name, http::HeaderValue::from_static(value));
    }
    request
}

/// How long a local connect may wait for a place in the server's backlog.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a piece of a long answer may take.
const PIECE: Duration = Duration::from_secs(120);
