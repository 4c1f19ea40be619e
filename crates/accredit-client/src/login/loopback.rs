//! The port on this machine that the browser comes back to (RFC 8252 section 7.3).

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A port of 127.0.0.1 that nobody else had.
#[derive(Debug)]
pub(super) struct Loopback {
    listener: TcpListener,
    port: u16,
}

/// What the browser brought back.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Redirected {
    pub(super) code: Option<String>,
    pub(super) state: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) error: Option<String>,
    pub(super) error_description: Option<String>,
}

// === impl Loopback ===

impl Loopback {
    pub(super) async fn open() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    /// Where the provider sends the browser.
    pub(super) fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Waits for the browser that brings back this login's state. Whoever comes with another one is told so and nothing
    /// else happens: another program on this machine cannot end the login.
    pub(super) async fn redirected(self, state: &str) -> std::io::Result<Redirected> {
        let (found, awaited) = oneshot::channel();
        let door = Arc::new(Door {
            host: format!("127.0.0.1:{}", self.port),
            state: state.to_owned(),
            found: Mutex::new(Some(found)),
        });
        let accepting = async {
            loop {
                let (stream, _) = self.listener.accept().await?;
                let door = Arc::clone(&door);
                tokio::spawn(async move {
                    let service = service_fn(|request| {
                        let answer = door.answer(&request);
                        async move { Ok::<_, Infallible>(answer) }
                    });
                    let mut connection = http1::Builder::new();
                    connection.keep_alive(false);
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        };
        let redirected = tokio::select! {
            fault = accepting => return fault,
            redirected = awaited => redirected.map_err(std::io::Error::other)?,
        };
        // The page is still on its way to the browser.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        Ok(redirected)
    }
}

struct Door {
    host: String,
    state: String,
    found: Mutex<Option<oneshot::Sender<Redirected>>>,
}

impl Door {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        if host != Some(self.host.as_str()) {
            return page(StatusCode::MISDIRECTED_REQUEST, "This is not the place that you meant.");
        }
        if request.method() != Method::GET || request.uri().path() != PATH {
            return page(StatusCode::NOT_FOUND, "There is nothing here.");
        }
        let redirected = Redirected::read(request.uri().query().unwrap_or_default());
        if redirected.state.as_deref() != Some(self.state.as_str()) {
            return page(StatusCode::BAD_REQUEST, "This is not the login that was begun in the terminal.");
        }
        let is_error = redirected.error.is_some();
        if let Some(found) = self.found.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = found.send(redirected);
        }
        match is_error {
            true => page(StatusCode::OK, "The login was refused. The terminal says more."),
            false => page(StatusCode::OK, "You can close this window and go back to the terminal."),
        }
    }
}

impl Redirected {
    /// Reads the query. A parameter that stands twice makes it nobody's.
    fn read(query: &str) -> Self {
        let mut read = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let place = match name {
                "code" => &mut read.code,
                "state" => &mut read.state,
                "iss" => &mut read.issuer,
                "error" => &mut read.error,
                "error_description" => &mut read.error_description,
                _ => continue,
            };
            if place.is_some() {
                return Self::default();
            }
            *place = Some(decoded(value));
        }
        read
    }
}

/// Percent escapes and `+` undone; an escape that is none stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let escaped = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = escaped.filter(|_| *byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = if escaped.is_some() { &after[2..] } else { after };
        bytes.push(escaped.unwrap_or(if *byte == b'+' { b' ' } else { *byte }));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn page(status: StatusCode, sentence: &'static str) -> Response<Full<Bytes>> {
    let page = format!("<!doctype html><meta charset=utf-8><title>accredit</title><p>{sentence}</p>\n");
    let mut response = Response::new(Full::new(Bytes::from(page)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

const PATH: &str = "/callback";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_strictly() {
        let read = Redirected::read("code=a%2Fb+c&state=s&iss=https%3A%2F%2Fa.example.org&session_state=x");
        assert_eq!(read.code.as_deref(), Some("a/b c"));
        assert_eq!(read.issuer.as_deref(), Some("https://a.example.org"));
        assert_eq!(Redirected::read("code=a&state=s&code=b"), Redirected::default());
        assert_eq!(Redirected::read("code=%zz%4").code.as_deref(), Some("%zz%4"));
        assert_eq!(Redirected::read("code=%F0%9F%98%80").code.as_deref(), Some("\u{1f600}"));
        assert_eq!(Redirected::read(""), Redirected::default());
    }
}
