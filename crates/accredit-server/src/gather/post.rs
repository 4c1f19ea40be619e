//! Posting to a server that the configuration names: a collector of the log.
//!
//! It is the operator's own word, so https goes to private addresses and other ports as well; link-local and metadata addresses
//! stay closed all the same, and plain http goes to loopback and to what `fetch.allow` lists. Everything else is as with every
//! fetch: the address that was judged is the one that is dialled, through the egress proxy where there is one, nothing followed.

use std::sync::Arc;
use std::time::Duration;

use accredit_id::shown::Shown;
use bytes::Bytes;
use http::{HeaderMap, Method};

use super::address::AllowList;
use super::cidr::RangeFault;
use super::client::{Asked, Client};
use super::dial::Dialer;
use super::fault::{Document, FetchCause, FetchFault};
use super::freshness;
use super::guard::{Guard, Target, UrlFault};
use super::proxy::Proxy;
use super::trust::{Authorities, Trust};

/// Posts to one URL.
pub(crate) struct Poster {
    client: Client,
    target: Target,
    shown: Shown,
}

/// What was answered.
pub(crate) struct Posted {
    pub(crate) status: u16,
    /// How long it asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// The beginning of what it says.
    pub(crate) said: Shown,
}

/// Why a URL is never posted to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PosterFault {
    /// The URL itself.
    #[error("{0}")]
    Url(#[from] UrlFault),
    /// `fetch.allow`.
    #[error("{0}")]
    Range(#[from] RangeFault),
}

// === impl Poster ===

impl Poster {
    /// A poster to `url`; `allow` is what `fetch.allow` lists.
    ///
    /// # Errors
    /// A URL that is never asked.
    pub(crate) fn new(
        url: &str,
        allow: &[String],
        authorities: Authorities,
        proxy: Option<Proxy>,
    ) -> Result<Self, PosterFault> {
        let listed: Vec<&str> = match url.starts_with("https:") {
            true => vec!["0.0.0.0/0", "::/0"],
            false => LOOPBACK.into_iter().chain(allow.iter().map(String::as_str)).collect(),
        };
        let guard = Arc::new(Guard::new(AllowList::parse(&listed)?));
        let target = guard.configured(url)?;
        let dialer = Dialer { guard, trust: Trust::new(authorities), proxy, patience: CONNECT };
        Ok(Self { client: Client { dialer }, target, shown: Shown::of(url) })
    }

    /// Posts, and waits so long for an answer.
    ///
    /// # Errors
    /// Nobody answered.
    pub(crate) async fn post(&self, headers: HeaderMap, body: Bytes, wait: Duration) -> Result<Posted, FetchFault> {
        let asking = async {
            let asked = Asked { method: Method::POST, headers, body };
            let answered = self.client.send(&self.target, asked).await?;
            let status = answered.status().as_u16();
            let retry_after = freshness::retry_after(answered.headers());
            // What it says is for a fault alone; an answer that ends in the middle is an answer.
            let said = answered.body(MAX_SAID).await.unwrap_or_default();
            Ok(Posted { status, retry_after, said: Shown::of(String::from_utf8_lossy(&said).trim()) })
        };
        let answered = tokio::time::timeout(wait, asking).await.unwrap_or(Err(FetchCause::Timeout(wait)));
        answered.map_err(|cause| FetchFault { document: Document::Collector, location: self.shown.clone(), cause })
    }
}

/// Where plain http is always spoken, and what no proxy leads to.
pub(crate) const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];
const CONNECT: Duration = Duration::from_secs(10);
const MAX_SAID: usize = 4096;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_operators_own_word_reaches_private_networks_and_no_metadata() {
        let new = |url: &str, allow: &[&str]| {
            let allow: Vec<String> = allow.iter().map(|range| (*range).to_owned()).collect();
            Poster::new(url, &allow, Authorities::default(), None).map(drop).map_err(|fault| fault.to_string())
        };
        for url in
            ["https://siem.example.org/in", "https://10.1.2.3:8088/in?a=b", "http://127.0.0.1:9000/", "https://[::1]/"]
        {
            assert_eq!(new(url, &[]), Ok(()), "{url}");
        }
        for (url, expected) in [
            ("https://169.254.169.254/in", "never fetched from"),
            ("http://10.1.2.3/in", "10.1.2.3"),
            ("https://user:hunter2@siem.example.org/in", "holds credentials"),
            ("ftp://siem.example.org/in", "scheme"),
        ] {
            let fault = new(url, &[]).unwrap_err();
            assert!(fault.contains(expected) && !fault.contains("hunter2"), "{url}: {fault}");
        }
        assert_eq!(new("http://10.1.2.3/in", &["10.0.0.0/8"]), Ok(()));
    }
}
