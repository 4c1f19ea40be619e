//! One request on one connection: nothing followed, nothing kept, nothing decompressed.

use std::sync::Arc;

use accredit_id::shown::Shown;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::task::JoinSet;
use url::Position;

use super::dial::Dialer;
use super::fault::FetchCause;
use super::freshness;
use super::guard::Target;
use crate::traces::{self, Attribute, Step, Trace};

/// Asks servers outside. Each request dials anew, so that each goes through the guard.
pub(super) struct Client {
    pub(super) dialer: Dialer,
}

/// What is asked. `Host`, `User-Agent` and `Accept-Encoding` are added unless they are there.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// An answer whose body has not been read yet.
pub(super) struct Answered {
    head: http::response::Parts,
    body: Incoming,
    /// Drives the connection; ends with the answer.
    _connection: JoinSet<()>,
}

// === impl Client ===

impl Client {
    /// Sends a request to a target that was judged, and waits for the head of the answer.
    pub(super) async fn send(&self, target: &Target, asked: Asked) -> Result<Answered, FetchCause> {
        self.send_to(target, asked, None).await
    }

    /// The same, to a target that is known by something of its own.
    pub(super) async fn send_to(
        &self,
        target: &Target,
        asked: Asked,
        known_by: Option<Arc<ClientConfig>>,
    ) -> Result<Answered, FetchCause> {
        let mut asking = traces::lasting(Step::Ask);
        asking.tell(|| Attribute::Host(target.url.host_str().unwrap_or_default().into()));
        let stream = self.dialer.dial(target, known_by).await?;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(MAX_HEAD);
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        let mut running = JoinSet::new();
        running.spawn(async move {
            // What breaks here is told to whoever waits for the answer.
            let _ = connection.await;
        });
        let Asked { method, mut headers, body } = asked;
        let url = &target.url;
        let defaults = [
            (header::HOST, HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort])),
            (header::USER_AGENT, Ok(HeaderValue::from_static(USER_AGENT))),
            (header::ACCEPT_ENCODING, Ok(HeaderValue::from_static("identity"))),
            (header::CONNECTION, Ok(HeaderValue::from_static("close"))),
        ];
        for (name, value) in defaults {
            let value = value.map_err(|_| FetchCause::Broken(Shown::of("its host cannot be sent as a header")))?;
            headers.entry(name).or_insert(value);
        }
        let mut request = Request::builder()
            .method(method)
            .uri(&url[Position::BeforePath..Position::AfterQuery])
            .body(Full::new(body))
            .map_err(|error| FetchCause::Broken(Shown::of(&error.to_string())))?;
        *request.headers_mut() = headers;
        // What is sent on for somebody else is his: it stays as it was signed.
        if *request.method() == Method::GET {
            Trace::hand_on(request.headers_mut());
        }
        let (head, body) = sender.send_request(request).await.map_err(|error| broken(&error))?.into_parts();
        asking.tell(|| Attribute::Status(head.status.as_u16()));
        Ok(Answered { head, body, _connection: running })
    }
}

// === impl Answered ===

impl Answered {
    /// An answer by its head and body, and the task that drives its connection.
    pub(super) fn new(head: http::response::Parts, body: Incoming, connection: JoinSet<()>) -> Self {
        Self { head, body, _connection: connection }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.head.status
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Reads the whole body, or as much of it as shows that it is larger than `limit` bytes.
    pub(super) async fn body(mut self, limit: usize) -> Result<Vec<u8>, FetchCause> {
        if self.body.size_hint().lower() > limit as u64 {
            return Err(FetchCause::TooLarge { limit });
        }
        let mut bytes = Vec::new();
        while let Some(frame) = self.body.frame().await {
            let Ok(chunk) = frame.map_err(|error| broken(&error))?.into_data() else { continue };
            if bytes.len() + chunk.len() > limit {
                return Err(FetchCause::TooLarge { limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// What an answer that is not the expected one means.
    pub(super) fn refused_status(&self) -> FetchCause {
        let status = self.status();
        // 304 is an answer to a question; unasked it says nothing.
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            let location = text(self.headers(), &header::LOCATION).map(Shown::of);
            return FetchCause::Redirect { status: status.as_u16(), location };
        }
        FetchCause::Status { status: status.as_u16(), retry_after: freshness::retry_after(self.headers()) }
    }
}

/// A header's value, when it is text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Says what broke: the innermost reason, which is the one that tells.
pub(super) fn broken(error: &hyper::Error) -> FetchCause {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    FetchCause::Broken(Shown::of(&innermost.to_string()))
}

pub(super) const USER_AGENT: &str = concat!("accredit/", env!("CARGO_PKG_VERSION"));

/// The most bytes of an answer's head; no issuer comes near.
const MAX_HEAD: usize = 64 * 1024;
