//! The HTTP clients behind the fetcher, and what their errors were about.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use accredit_id::shown::Shown;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Response, redirect, retry, tls};
use rustls::CertificateError;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls_pki_types::CertificateDer;
use tokio::sync::OnceCell;

use super::address::Reach;
use super::fault::FetchCause;
use super::guard::{Guard, RefusedAddress, Screened, Target};

/// The HTTP clients: one for each thing that their name resolution may let through, made at their first use, so that a
/// server that fetches nothing pays nothing.
pub(super) struct Clients {
    guard: Arc<Guard>,
    roots: Vec<CertificateDer<'static>>,
    connect: Duration,
    https: OnceCell<Client>,
    https_listed: OnceCell<Client>,
    http_listed: OnceCell<Client>,
}

// === impl Clients ===

impl Clients {
    pub(super) fn new(guard: Arc<Guard>, roots: Vec<CertificateDer<'static>>, connect: Duration) -> Self {
        Self {
            guard,
            roots,
            connect,
            https: OnceCell::new(),
            https_listed: OnceCell::new(),
            http_listed: OnceCell::new(),
        }
    }

    /// The client for a target.
    pub(super) async fn of(&self, target: &Target) -> Result<&Client, FetchCause> {
        let secure = target.url.scheme() == "https";
        let cell = match (secure, target.reach) {
            (true, Reach::PublicOrListed) => &self.https,
            (true, Reach::ListedOnly) => &self.https_listed,
            (false, _) => &self.http_listed,
        };
        cell.get_or_try_init(|| self.make(secure, target.reach)).await
    }

    /// Makes a client. Reading the system's certificate authorities takes some milliseconds and blocks, so it happens beside.
    async fn make(&self, secure: bool, reach: Reach) -> Result<Client, FetchCause> {
        let screened = Screened { guard: Arc::clone(&self.guard), reach };
        let roots = if secure { self.roots.clone() } else { Vec::new() };
        let connect = self.connect;
        let built = tokio::task::spawn_blocking(move || build(secure, screened, &roots, connect)).await;
        match built {
            Ok(Ok(client)) => Ok(client),
            Ok(Err(error)) => Err(FetchCause::Tls(Shown::of(&innermost(&error).to_string()))),
            Err(_) => Err(FetchCause::Tls(Shown::of("client could not be made"))),
        }
    }
}

/// Says what a client's error was about: the innermost error that tells.
pub(super) fn cause(error: &reqwest::Error, connect: Duration) -> FetchCause {
    if let Some(refused) = find::<RefusedAddress>(error) {
        return FetchCause::RefusedAddress(*refused);
    }
    if let Some(problem) = find::<rustls::Error>(error) {
        return FetchCause::Tls(tls_problem(problem));
    }
    if error.is_timeout() {
        return FetchCause::Timeout(connect);
    }
    let problem = match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => Shown::of("connection refused"),
        Some(io::ErrorKind::ConnectionReset) => Shown::of("connection reset"),
        _ => Shown::of(&innermost(error).to_string()),
    };
    if error.is_dns() {
        FetchCause::Unresolvable(problem)
    } else if error.is_connect() {
        FetchCause::Unreachable(problem)
    } else {
        FetchCause::Broken(problem)
    }
}

/// What an answer that is not 200 means.
pub(super) fn refused_status(response: &Response) -> FetchCause {
    let status = response.status();
    if status.is_redirection() {
        let location = text(response.headers(), &header::LOCATION).map(Shown::of);
        return FetchCause::Redirect { status: status.as_u16(), location };
    }
    let retry_after = text(response.headers(), &header::RETRY_AFTER).and_then(|value| value.parse().ok());
    FetchCause::Status { status: status.as_u16(), retry_after: retry_after.map(Duration::from_secs) }
}

/// `max-age` of `Cache-Control`, if there is one that can be read; more than fits counts as very long
/// (RFC 9111 section 1.2.2).
pub(super) fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers.get_all(header::CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok());
    let seconds = directives.flat_map(|value| value.split(',')).find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        let digits = value.trim().trim_matches('"');
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        (name.trim().eq_ignore_ascii_case("max-age") && is_number).then(|| digits.parse().unwrap_or(u64::MAX))
    })?;
    Some(Duration::from_secs(seconds))
}

/// A header's value, when it is text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn build(
    secure: bool,
    screened: Screened,
    roots: &[CertificateDer<'static>],
    connect: Duration,
) -> Result<Client, reqwest::Error> {
    if CryptoProvider::get_default().is_none() {
        // Lost races are fine: there is only this provider in the tree.
        let _ = aws_lc_rs::default_provider().install_default();
    }
    let roots = roots.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>()?;
    let headers = [
        (header::ACCEPT, HeaderValue::from_static("application/json, application/jwk-set+json")),
        (header::ACCEPT_ENCODING, HeaderValue::from_static("identity")),
    ];
    let builder = Client::builder()
        .user_agent(concat!("accredit/", env!("CARGO_PKG_VERSION")))
        .default_headers(HeaderMap::from_iter(headers))
        .dns_resolver(screened)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
        .no_gzip()
        .http1_only()
        .https_only(secure)
        .connect_timeout(connect)
        // Each fetch dials anew, so that each goes through the guard.
        .pool_max_idle_per_host(0);
    if secure {
        builder.tls_version_min(tls::Version::TLS_1_2).tls_certs_merge(roots).build()
    } else {
        // No TLS, no authorities: plain http also works where the system has none.
        builder.tls_certs_only(roots).build()
    }
}

fn tls_problem(problem: &rustls::Error) -> Shown {
    let text = match problem {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate comes from an authority that is not trusted here"
        }
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "its certificate has expired"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "its certificate is not valid yet",
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its certificate is for another name",
        other => return Shown::of(&other.to_string()),
    };
    Shown::of(text)
}

/// The first error of a type among an error and its sources.
fn find<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    sources(error).find_map(|source| source.downcast_ref())
}

fn innermost<'e>(error: &'e (dyn StdError + 'static)) -> &'e (dyn StdError + 'static) {
    sources(error).last().unwrap_or(error)
}

/// An error, what caused it, and so on inwards.
fn sources<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |current| {
        let current: &'e (dyn StdError + 'static) = *current;
        // An I/O error names the source of what it wraps, and keeps what it wraps to itself.
        let wrapped = current.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match wrapped {
            Some(inner) => Some(inner),
            None => current.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j11_max_age_is_read_from_whatever_comes() {
        let cases: &[(&[&str], Option<u64>)] = &[
            (&[], None),
            (&["no-store"], None),
            (&["max-age=300"], Some(300)),
            (&["public, MAX-AGE=300 , must-revalidate"], Some(300)),
            (&["max-age=\"60\""], Some(60)),
            (&["no-cache", "max-age=0"], Some(0)),
            (&["max-age=99999999999999999999999"], Some(u64::MAX)),
            (&["s-maxage=5"], None),
            (&["max-age=-1"], None),
            (&["max-age=1.5"], None),
            (&["max-age="], None),
        ];
        for (values, expected) in cases {
            let mut headers = HeaderMap::new();
            for value in *values {
                headers.append(header::CACHE_CONTROL, HeaderValue::from_static(value));
            }
            assert_eq!(max_age(&headers), expected.map(Duration::from_secs), "{values:?}");
        }
    }
}
