//! The one way in which this crate speaks HTTP to the network: short, capped, without redirects.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::{Client, Response, StatusCode, Url};

/// A URL that a token may be sent to, and the client that sends it there.
///
/// It is `https`, or plain `http` to this machine: a bearer token in clear on a network belongs to whoever listens.
#[derive(Clone)]
pub(crate) struct Endpoint {
    url: Url,
    client: Client,
}

/// Why a URL is no place to send a token to, or to take keys from.
#[derive(Debug, thiserror::Error)]
pub enum EndpointFault {
    /// It does not parse, or is not `http(s)`.
    #[error("`{url}` is not a URL, expected `https://HOST[:PORT]/PATH`")]
    NotAUrl {
        /// As given.
        url: String,
    },
    /// Plain HTTP to another machine.
    #[error("`{url}` is plain http to another machine, expected https")]
    PlainHttp {
        /// As given.
        url: String,
    },
    /// It has a user name, a password or a fragment.
    #[error("URL of host `{host}` has a user, a password or a fragment, expected none")]
    Ornaments {
        /// The host alone: the rest may be secret.
        host: String,
    },
    /// The certificate roots of this machine, or the extra ones, cannot be used.
    #[error("TLS roots cannot be used: {cause}")]
    Tls {
        /// What the TLS library says.
        cause: String,
    },
}

/// Why an answer did not come back whole.
#[derive(Debug)]
pub(crate) enum WebFault {
    /// No connection, or no answer in time.
    Unreachable(String),
    /// There was a connection, and it ended before the answer did: what was asked may have been done.
    Broken(String),
    /// More than the cap.
    TooLarge,
}

/// What is sent.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a reqwest::Method,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
    pub(crate) patience: Duration,
    pub(crate) cap: usize,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

// === impl Endpoint ===

impl Endpoint {
    /// Parses the URL and makes the client. `extra_roots` is PEM of certificates to trust beside the machine's own.
    pub(crate) fn parse(text: &str, extra_roots: Option<&[u8]>) -> Result<Self, EndpointFault> {
        let not_a_url = || EndpointFault::NotAUrl { url: text.chars().take(256).collect() };
        let url = Url::parse(text).map_err(|_| not_a_url())?;
        let host = url.host_str().ok_or_else(not_a_url)?;
        let local = is_this_machine(host);
        match url.scheme() {
            "https" => {}
            "http" if local => {}
            "http" => return Err(EndpointFault::PlainHttp { url: format!("http://{host}") }),
            _ => return Err(not_a_url()),
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(EndpointFault::Ornaments { host: host.to_owned() });
        }
        let client = client(local, extra_roots)?;
        Ok(Self { url, client })
    }

    /// The same client for another URL, which is checked alike.
    pub(crate) fn also(&self, text: &str, extra_roots: Option<&[u8]>) -> Result<Self, EndpointFault> {
        let other = Self::parse(text, extra_roots)?;
        let same_host = other.url.host_str() == self.url.host_str();
        Ok(if same_host { Self { url: other.url, client: self.client.clone() } } else { other })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Sends any request to a URL of this endpoint's server.
    pub(crate) async fn send(&self, asked: Asked<'_>) -> Result<Answer, WebFault> {
        let Asked { method, url, headers, body, patience, cap } = asked;
        let mut request = self.client.request(method.clone(), url).timeout(patience).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.send().await.map_err(|error| unreachable_after(error, patience))?, cap).await
    }

    /// Sends a form, perhaps with a DPoP proof, and reads the answer.
    pub(crate) async fn post_form(&self, form: String, proof: Option<&str>, cap: usize) -> Result<Answer, WebFault> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form);
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        read(request.send().await.map_err(unreachable)?, cap).await
    }

    /// Fetches a document.
    pub(crate) async fn fetch(&self, cap: usize) -> Result<Answer, WebFault> {
        let request = self.client.get(self.url.clone()).header("accept", "application/json");
        read(request.send().await.map_err(unreachable)?, cap).await
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Endpoint").field(&self.url.as_str()).finish()
    }
}

fn client(local: bool, extra_roots: Option<&[u8]>) -> Result<Client, EndpointFault> {
    let tls = |error: reqwest::Error| EndpointFault::Tls { cause: deepest(&error) };
    // A program that chose a provider keeps it; without any the TLS library would panic.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Losing the race to another thread that installs one is as good as winning it.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    let mut builder = Client::builder()
        .connect_timeout(TIMEOUT)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("accredit/", env!("CARGO_PKG_VERSION")));
    if local {
        // What stays on this machine is no business of the proxy that the environment names.
        builder = builder.no_proxy();
    }
    if let Some(pem) = extra_roots {
        let roots = reqwest::Certificate::from_pem_bundle(pem).map_err(tls)?;
        if roots.is_empty() {
            return Err(EndpointFault::Tls { cause: "no certificate in the PEM".to_owned() });
        }
        builder = builder.tls_certs_merge(roots);
    }
    builder.build().map_err(tls)
}

async fn read(mut response: Response, cap: usize) -> Result<Answer, WebFault> {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > cap {
            return Err(WebFault::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

fn unreachable(error: reqwest::Error) -> WebFault {
    unreachable_after(error, TIMEOUT)
}

fn unreachable_after(error: reqwest::Error, patience: Duration) -> WebFault {
    let cause = match error.is_timeout() {
        true => format!("no answer within {} s", patience.as_secs()),
        false => deepest(&error),
    };
    if !error.is_timeout() && !error.is_connect() && !error.is_builder() {
        return WebFault::Broken(cause);
    }
    // How the HTTP client says 407 (RFC 9110 section 15.5.8) in answer to its CONNECT.
    let wants_credentials = cause.contains("proxy authorization required");
    WebFault::Unreachable(if wants_credentials { PROXY_ANSWERED_407.to_owned() } else { cause })
}

/// What to do about somebody who cannot be reached, where that is clear from the cause.
pub(crate) fn hint(cause: &str) -> Option<&'static str> {
    (cause == PROXY_ANSWERED_407)
        .then_some("set credentials for the proxy in HTTPS_PROXY, or name the host in NO_PROXY")
}

const PROXY_ANSWERED_407: &str = "the proxy answered 407";

/// The innermost cause: the outer ones only repeat that a request was sent.
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => bare == "localhost",
    }
}

/// How long a connection, and how long a whole request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_machine() {
        for good in [
            "https://accredit.example.org/oauth/token",
            "http://127.0.0.1:7070/oauth/token",
            "http://[::1]:7070/x",
            "http://localhost/x",
        ] {
            assert!(Endpoint::parse(good, None).is_ok(), "{good}");
        }
        for (bad, code) in [
            ("", "NotAUrl"),
            ("accredit.example.org", "NotAUrl"),
            ("file:///etc/passwd", "NotAUrl"),
            ("unix:/run/x", "NotAUrl"),
            ("http://accredit.example.org/", "PlainHttp"),
            ("http://127.0.0.1.example.org/", "PlainHttp"),
            ("http://10.0.0.1/", "PlainHttp"),
            ("http://0.0.0.0/", "PlainHttp"),
            ("https://user:secret@example.org/", "Ornaments"),
            ("https://example.org/#x", "Ornaments"),
        ] {
            let fault = format!("{:?}", Endpoint::parse(bad, None).unwrap_err());
            assert!(fault.starts_with(code), "{bad}: {fault}");
            assert!(!fault.contains("secret"), "{fault}");
        }
        assert!(Endpoint::parse("https://example.org", Some(b"no pem")).is_err());
    }
}
