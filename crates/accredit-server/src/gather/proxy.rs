//! The egress proxy: a way out for servers that have none of their own.
//!
//! It is asked for a tunnel (`CONNECT`, RFC 9110 section 9.3.6) to an address that this server has resolved and judged itself,
//! so the proxy has no name to resolve to something else. TLS goes through the tunnel, end to end.

use std::fmt;
use std::net::SocketAddr;

use accredit_id::secret::Secret;
use accredit_id::shown::Shown;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::lookup_host;
use tokio::task::JoinSet;
use url::Url;

use super::cidr::{Cidr, RangeFault};
use super::dial::{self, Connection};
use super::fault::FetchCause;
use super::trust::Trust;

/// The egress proxy of the server's own configuration (`fetch.proxy`).
pub(crate) struct Proxy {
    /// Host and port. It is the operator's own word, so it is dialled wherever it lies.
    authority: String,
    /// The host that its certificate is for, where it is spoken to over TLS.
    secured: Option<String>,
    authorization: Option<HeaderValue>,
    /// What is dialled directly.
    except: Vec<Cidr>,
}

/// Why a proxy cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyFault {
    /// Another URL.
    #[error("`{0}` is not the URL of a proxy, expected one such as `http://proxy.internal:3128`")]
    Url(Shown),
    /// What the credentials' file holds.
    #[error("the credentials' file does not hold one line `user:password`")]
    Credentials,
    /// A range.
    #[error("{0}")]
    Range(#[from] RangeFault),
}

// === impl Proxy ===

impl Proxy {
    /// A proxy at an `http` or `https` URL. `credentials` is `user:password` (RFC 7617); `except` are ranges that are dialled directly.
    pub(crate) fn new(url: &str, credentials: Option<&Secret<String>>, except: &[String]) -> Result<Self, ProxyFault> {
        let malformed = || ProxyFault::Url(Shown::of(url.rsplit('@').next().unwrap_or_default()));
        let parsed = Url::parse(url).map_err(|_| malformed())?;
        let is_bare = parsed.path() == "/" && parsed.query().is_none() && parsed.fragment().is_none();
        let has_user = !parsed.username().is_empty() || parsed.password().is_some();
        let is_known = matches!(parsed.scheme(), "http" | "https");
        let (Some(host), true, true, false) = (parsed.host_str(), is_bare, is_known, has_user) else {
            return Err(malformed());
        };
        let secured = (parsed.scheme() == "https").then(|| host.trim_matches(['[', ']']).to_owned());
        let authority = format!("{host}:{}", parsed.port_or_known_default().unwrap_or(80));
        let authorization = credentials.map(basic).transpose()?;
        let except = except.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        Ok(Self { authority, secured, authorization, except })
    }

    /// Whether an address is asked for through the proxy.
    pub(super) fn leads_to(&self, address: SocketAddr) -> bool {
        !self.except.iter().any(|range| range.contains(address.ip()))
    }

    /// A tunnel to the first of the addresses that the proxy reaches.
    pub(super) async fn tunnel(&self, addresses: &[SocketAddr], trust: &Trust) -> Result<Connection, FetchCause> {
        let mut fault = FetchCause::Proxy(Shown::of("has nothing to lead to"));
        for address in addresses.iter().take(MOST) {
            match self.connect(*address, trust).await {
                Ok(connection) => return Ok(connection),
                Err(problem) => fault = FetchCause::Proxy(problem),
            }
        }
        Err(fault)
    }

    async fn connect(&self, address: SocketAddr, trust: &Trust) -> Result<Connection, Shown> {
        let broken = |error: hyper::Error| Shown::of(&format!("broke off: {error}"));
        let itself = lookup_host(&self.authority).await.map_err(|_| Shown::of("has a name that does not resolve"))?;
        let stream = dial::nearest(itself.collect()).await.map_err(|_| Shown::of("cannot be reached"))?;
        let stream: Connection = match &self.secured {
            None => Box::new(stream),
            Some(host) => dial::secure(trust, host, Box::new(stream)).await.map_err(|fault| told(&fault))?,
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let mut running = JoinSet::new();
        running.spawn(async move {
            // What breaks here is told to whoever waits for the tunnel.
            let _ = connection.with_upgrades().await;
        });
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri(address.to_string())
            // The same as the target, as RFC 9112 section 3.2 has it; the name travels inside.
            .header(header::HOST, address.to_string())
            .body(Empty::<Bytes>::new())
            .map_err(|_| Shown::of("cannot be asked"))?;
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(header::PROXY_AUTHORIZATION, authorization.clone());
        }
        let response = sender.send_request(request).await.map_err(broken)?;
        if !response.status().is_success() {
            return Err(Shown::of(&format!("answered {}", response.status().as_u16())));
        }
        let tunnel = hyper::upgrade::on(response).await.map_err(broken)?;
        Ok(Box::new(TokioIo::new(tunnel)))
    }
}

/// Shows nothing of the credentials.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("authority", &self.authority).finish_non_exhaustive()
    }
}

/// What keeps a proxy from being spoken to, as what it does.
fn told(fault: &FetchCause) -> Shown {
    match fault {
        FetchCause::Tls(problem) => Shown::of(&format!("is not trusted: {}", problem.as_str())),
        _ => Shown::of("broke off before its certificate was seen"),
    }
}

/// `Basic` (RFC 7617 section 2) of one line `user:password`.
fn basic(credentials: &Secret<String>) -> Result<HeaderValue, ProxyFault> {
    let line = credentials.reveal().trim_end_matches(['\r', '\n']);
    let is_one = line.split_once(':').is_some_and(|(user, _)| !user.is_empty()) && !line.contains(char::is_control);
    if !is_one {
        return Err(ProxyFault::Credentials);
    }
    let encoded = Secret::new(format!("Basic {}", STANDARD.encode(line)));
    let mut value = HeaderValue::from_str(encoded.reveal()).map_err(|_| ProxyFault::Credentials)?;
    value.set_sensitive(true);
    Ok(value)
}

/// So many addresses of one name are tried at most.
const MOST: usize = 4;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn made(url: &str, credentials: Option<&str>, except: &[&str]) -> Result<Proxy, ProxyFault> {
        let except: Vec<String> = except.iter().map(|range| (*range).to_owned()).collect();
        let credentials = credentials.map(|line| Secret::new(line.to_owned()));
        Proxy::new(url, credentials.as_ref(), &except)
    }

    #[test]
    fn j12_proxies_that_cannot_be_used() {
        for url in [
            "",
            "proxy:3128",
            "https://proxy:3128/x",
            "socks5://proxy",
            "http://u:hunter2@proxy",
            "http://p/x",
            "http://p?x",
        ] {
            let fault = made(url, None, &[]).unwrap_err().to_string();
            assert!(fault.contains("is not the URL of a proxy") && !fault.contains("hunter2"), "{url}: {fault}");
        }
        for line in ["", "user", ":password", "user:pass\nword", "user:p\u{7}"] {
            assert!(matches!(made("http://p:1", Some(line), &[]), Err(ProxyFault::Credentials)), "{line:?}");
        }
        assert!(matches!(made("http://p:1", None, &["10.0.0.1/8"]), Err(ProxyFault::Range(_))));
    }

    #[test]
    fn j12_credentials_are_sent_and_never_shown() {
        let proxy = made("http://proxy.internal:3128", Some("ci:hunter2\n"), &["10.0.0.0/8"]).unwrap();
        assert_eq!(proxy.authorization.as_ref().unwrap(), "Basic Y2k6aHVudGVyMg==");
        let shown = format!("{proxy:?} {:?}", proxy.authorization);
        assert!(!shown.contains("Y2k6") && !shown.contains("hunter2"), "{shown}");
        assert!(proxy.leads_to("8.8.8.8:443".parse().unwrap()));
        assert!(!proxy.leads_to("10.3.2.1:443".parse().unwrap()));
    }
}
