//! The way to a place that the server's own configuration names, such as a collector of traces.
//!
//! No resource has a say in where that is, so no guard judges it, and a private address is as good as any. It is dialled
//! directly, not by way of the egress proxy.

use std::fmt;
use std::time::Duration;

use accredit_id::shown::Shown;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use url::{Position, Url};

use super::client::{Answered, USER_AGENT, broken};
use super::dial::{Connection, nearest, not_secure};
use super::fault::FetchCause;
use super::freshness;
use super::trust::{Authorities, Trust};

/// A place that is sent something again and again, each time on a connection of its own. Shown as scheme, host and port: what
/// follows may be a secret.
pub(crate) struct Outlet {
    url: Url,
    trust: Trust,
}

/// What it answered.
#[derive(Debug)]
pub(crate) struct OutletAnswer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    /// At most 64 KiB of it; nothing where there is more.
    pub(crate) body: Vec<u8>,
}

// === impl Outlet ===

impl Outlet {
    /// A place by its URL; certificates are trusted of the system's authorities and of the given ones.
    ///
    /// # Errors
    /// Why the URL cannot be meant.
    pub(crate) fn new(url: &str, authorities: Authorities) -> Result<Self, String> {
        let expected = "expected one such as http://127.0.0.1:4318, without credentials";
        let parsed = Url::parse(url).map_err(|fault| format!("is no URL ({fault}), {expected}"))?;
        let is_meant = matches!(parsed.scheme(), "http" | "https")
            && parsed.has_host()
            && parsed.username().is_empty()
            && parsed.password().is_none()
            && parsed.fragment().is_none();
        // The URL is not repeated: it may hold a secret.
        if !is_meant {
            return Err(format!("is not the URL of a place to send to, {expected}"));
        }
        Ok(Self { url: parsed, trust: Trust::new(authorities) })
    }

    /// Sends a body and waits for the answer, for as long as the caller does.
    ///
    /// # Errors
    /// What went wrong on the way, in words.
    pub(crate) async fn post(&self, headers: HeaderMap, body: Bytes) -> Result<OutletAnswer, String> {
        self.sent(headers, body).await.map_err(|cause| words(&cause))
    }

    async fn sent(&self, headers: HeaderMap, body: Bytes) -> Result<OutletAnswer, FetchCause> {
        let stream = self.dial().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        let mut running = JoinSet::new();
        running.spawn(async move {
            // What breaks here is told to whoever waits for the answer.
            let _ = connection.await;
        });
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&self.url[Position::BeforePath..Position::AfterQuery])
            .header(header::HOST, &self.url[Position::BeforeHost..Position::AfterPort])
            .header(header::USER_AGENT, HeaderValue::from_static(USER_AGENT))
            .header(header::CONNECTION, HeaderValue::from_static("close"))
            .body(Full::new(body))
            .map_err(|error| FetchCause::Broken(Shown::of(&error.to_string())))?;
        request.headers_mut().extend(headers);
        let (head, body) = sender.send_request(request).await.map_err(|error| broken(&error))?.into_parts();
        let answered = Answered::new(head, body, running);
        let (status, retry_after) = (answered.status(), freshness::retry_after(answered.headers()));
        let body = answered.body(LONGEST_ANSWER).await.unwrap_or_default();
        Ok(OutletAnswer { status, retry_after, body })
    }

    async fn dial(&self) -> Result<Connection, FetchCause> {
        let unresolvable = |problem: &str| FetchCause::Unresolvable(Shown::of(problem));
        let insecure = |problem: &str| FetchCause::Tls(Shown::of(problem));
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.url.port_or_known_default().unwrap_or(443);
        let found = tokio::net::lookup_host((host, port)).await.map_err(|error| unresolvable(&error.to_string()))?;
        let stream = nearest(found.collect()).await?;
        if self.url.scheme() == "http" {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| insecure("its host is no name that a certificate can bear"))?;
        let config = self.trust.of(host).await.map_err(|problem| insecure(&problem))?;
        let secured = TlsConnector::from(config).connect(name, stream).await.map_err(|error| not_secure(&error))?;
        Ok(Box::new(secured))
    }
}

/// What can go wrong with a place that nothing judges.
fn words(cause: &FetchCause) -> String {
    match cause {
        FetchCause::Unresolvable(problem) => format!("its host does not resolve: {problem}"),
        FetchCause::Tls(problem) => format!("there is no secure connection: {problem}"),
        FetchCause::Unreachable(problem) => format!("it cannot be reached: {problem}"),
        FetchCause::Broken(problem) => format!("the connection broke: {problem}"),
        _ => "it cannot be reached".to_owned(),
    }
}

impl fmt::Display for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url[..Position::BeforePath])
    }
}

/// More than any collector has to say.
const LONGEST_ANSWER: usize = 64 * 1024;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_without_its_secrets() {
        let outlet = |url: &str| Outlet::new(url, Authorities::default());
        assert_eq!(
            outlet("https://otlp.example.org:4318/hunter2?key=x").unwrap().to_string(),
            "https://otlp.example.org:4318"
        );
        for url in ["", "127.0.0.1:4318", "ftp://a", "http://", "unix:/run/x", "http://u:hunter2@a", "http://a/#b"] {
            let said = outlet(url).map(drop).unwrap_err();
            assert!(said.contains("such as http") && !said.contains("hunter2"), "{url}: {said}");
        }
    }
}
