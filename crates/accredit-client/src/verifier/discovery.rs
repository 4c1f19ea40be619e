//! From an issuer's URL to its keys.

use std::time::Duration;

use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use serde::Deserialize;

use crate::inert::Inert;
use crate::web::{Answer, Endpoint, EndpointFault, WebFault};

/// Why an issuer's keys were not found.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// Metadata or keys are not to be taken from such a URL.
    #[error(transparent)]
    Url(#[from] EndpointFault),
    /// The issuer does not answer.
    #[error("`{url}` cannot be fetched: {cause}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What the network or the issuer said.
        cause: String,
    },
    /// The metadata is of another issuer (RFC 8414 section 3.3).
    #[error("metadata at `{url}` is of issuer `{}`, expected `{expected}`", Inert(.seen))]
    OtherIssuer {
        /// Where it lies.
        url: String,
        /// Whose it is.
        seen: String,
        /// Whose it should be.
        expected: String,
    },
    /// The document is not what it should be.
    #[error("document at `{url}` cannot be used: {cause}")]
    Unusable {
        /// Where it lies.
        url: String,
        /// What is wrong.
        cause: String,
    },
}

/// Metadata, as far as a verifier needs it.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Where the issuer's key set lies.
pub(super) async fn key_source(issuer: &str, pem: Option<&[u8]>) -> Result<Endpoint, DiscoveryError> {
    let own = Endpoint::parse(issuer, pem)?;
    let (oauth, openid) = metadata_urls(issuer, &own);
    let oauth = own.also(&oauth, pem)?;
    let openid = own.also(&openid, pem)?;
    let (place, body) = match fetch(&oauth).await? {
        Some(body) => (oauth, body),
        None => match fetch(&openid).await? {
            Some(body) => (openid, body),
            None => return Err(unreachable(&openid, "no metadata there".to_owned())),
        },
    };
    let metadata: Metadata =
        serde_json::from_slice(&body).map_err(|error| unusable(&place, Inert(&error.to_string()).to_string()))?;
    if metadata.issuer != issuer {
        let url = place.url().to_string();
        return Err(DiscoveryError::OtherIssuer { url, seen: metadata.issuer, expected: issuer.to_owned() });
    }
    Ok(own.also(&metadata.jwks_uri, pem)?)
}

/// The issuer's keys, at least one of them usable, and how long it says they may be kept.
pub(super) async fn keys(source: &Endpoint) -> Result<(KeySet, Option<Duration>), DiscoveryError> {
    let answer = ask(source).await?.ok_or_else(|| unreachable(source, "no key set there".to_owned()))?;
    let set = KeySet::parse(&answer.body, Source::Fetched, Purpose::Signature)
        .map_err(|fault| unusable(source, fault.to_string()))?;
    let cache_control = answer.headers.get("cache-control").and_then(|value| value.to_str().ok());
    match set.is_empty() {
        true => Err(unusable(source, "no usable key".to_owned())),
        false => Ok((set, cache_control.and_then(max_age))),
    }
}

/// `max-age` of a `Cache-Control` (RFC 9111 section 5.2.2.1); what may not be kept at all has none.
fn max_age(cache_control: &str) -> Option<Duration> {
    let mut directives = cache_control.split(',').map(|directive| directive.trim().to_ascii_lowercase());
    directives.find_map(|directive| match directive.as_str() {
        "no-cache" | "no-store" => Some(Duration::ZERO),
        directive => directive.strip_prefix("max-age=")?.trim_matches('"').parse().ok().map(Duration::from_secs),
    })
}

/// RFC 8414 puts its word between host and path, OpenID Connect behind the path.
fn metadata_urls(issuer: &str, own: &Endpoint) -> (String, String) {
    let path = own.url().path().trim_end_matches('/').to_owned();
    let mut oauth = own.url().clone();
    oauth.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    let openid = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    (oauth.to_string(), openid)
}

/// The document, or `None` when there is none.
async fn fetch(endpoint: &Endpoint) -> Result<Option<Vec<u8>>, DiscoveryError> {
    Ok(ask(endpoint).await?.map(|answer| answer.body))
}

/// The whole answer, or `None` when there is no such document.
async fn ask(endpoint: &Endpoint) -> Result<Option<Answer>, DiscoveryError> {
    match endpoint.fetch(DOCUMENT_CAP).await {
        Ok(answer) if answer.status.as_u16() == 200 => Ok(Some(answer)),
        Ok(answer) if answer.status.is_client_error() => Ok(None),
        Ok(answer) => Err(unreachable(endpoint, format!("status {}", answer.status.as_u16()))),
        Err(WebFault::Unreachable(cause) | WebFault::Broken(cause)) => Err(unreachable(endpoint, cause)),
        Err(WebFault::TooLarge) => Err(unusable(endpoint, format!("more than {DOCUMENT_CAP} bytes"))),
    }
}

fn unreachable(endpoint: &Endpoint, cause: String) -> DiscoveryError {
    DiscoveryError::Unreachable { url: endpoint.url().to_string(), cause }
}

fn unusable(endpoint: &Endpoint, cause: String) -> DiscoveryError {
    DiscoveryError::Unusable { url: endpoint.url().to_string(), cause }
}

/// Metadata is a few kilobytes, a key set of 100 keys about 60.
const DOCUMENT_CAP: usize = KeySet::MAX_BYTES;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_for_as_long_as_their_issuer_says() {
        for (cache_control, seconds) in [
            ("public, max-age=300", Some(300)),
            ("Max-Age=\"2\", must-revalidate", Some(2)),
            ("no-cache", Some(0)),
            ("max-age=-1", None),
            ("public", None),
        ] {
            assert_eq!(max_age(cache_control), seconds.map(Duration::from_secs), "{cache_control}");
        }
    }

    #[test]
    fn metadata_lies_where_the_standards_say() {
        for (issuer, oauth, openid) in [
            (
                "https://a.example",
                "https://a.example/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/openid-configuration",
            ),
            (
                "https://a.example/td/x",
                "https://a.example/.well-known/oauth-authorization-server/td/x",
                "https://a.example/td/x/.well-known/openid-configuration",
            ),
            (
                "http://127.0.0.1:7070/",
                "http://127.0.0.1:7070/.well-known/oauth-authorization-server",
                "http://127.0.0.1:7070/.well-known/openid-configuration",
            ),
        ] {
            let own = Endpoint::parse(issuer, None).unwrap();
            assert_eq!(metadata_urls(issuer, &own), (oauth.to_owned(), openid.to_owned()));
        }
    }
}
