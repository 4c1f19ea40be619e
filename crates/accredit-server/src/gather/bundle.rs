//! One fetch of a bundle document (SPIFFE Federation section 5).

use accredit_id::bundle::Bundle;
use accredit_id::jose::jwk::Source;
use accredit_id::shown::Shown;
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::svid::authority::Authority;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::time::{Instant, timeout_at};

use super::client::Asked;
use super::fault::{FetchCause, FetchFault};
use super::fetch::Fetcher;
use super::guard::UrlFault;
use super::spiffe_endpoint;

/// By what a bundle endpoint is known.
#[derive(Debug, Clone, Copy)]
pub(super) enum KnownBy<'k> {
    /// A certificate of the web, for its host.
    Web,
    /// An X509-SVID of this SPIFFE ID, under these authorities.
    Spiffe { id: &'k SpiffeId, authorities: &'k [Authority] },
}

impl Fetcher {
    /// Judges a bundle endpoint's URL when it is written.
    pub(crate) fn judge_endpoint(&self, url: &str) -> Result<(), UrlFault> {
        self.guard.configured(url).map(drop)
    }

    /// Fetches the bundle that lies at a URL, and its document as it came.
    pub(super) async fn bundle(&self, url: &str, known_by: KnownBy<'_>) -> Result<(Bundle, String), FetchFault> {
        let fault = |cause| FetchFault::of_bundle(url, cause);
        let deadline = Instant::now() + self.limits.total;
        let Ok(Ok(_turn)) = timeout_at(deadline, self.under_way.acquire()).await else {
            return Err(fault(FetchCause::Busy));
        };
        match timeout_at(deadline, self.ask_endpoint(url, known_by)).await {
            Ok(outcome) => outcome.map_err(fault),
            Err(_) => Err(fault(FetchCause::Timeout(self.limits.total))),
        }
    }

    async fn ask_endpoint(&self, url: &str, known_by: KnownBy<'_>) -> Result<(Bundle, String), FetchCause> {
        let target = self.guard.configured(url).map_err(FetchCause::RefusedUrl)?;
        let known_by = match known_by {
            KnownBy::Web => None,
            KnownBy::Spiffe { id, authorities } => {
                let config = spiffe_endpoint::config(id, authorities);
                Some(config.map_err(|problem| FetchCause::Tls(Shown::of(&problem)))?)
            }
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let asked = Asked { method: Method::GET, headers, body: Bytes::new() };
        let answered = self.client.send_to(&target, asked, known_by).await?;
        if answered.status() != StatusCode::OK {
            return Err(answered.refused_status());
        }
        let body = answered.body(self.limits.bytes).await?;
        let bundle = Bundle::parse(&body, Source::Fetched).map_err(FetchCause::BadBundle)?;
        // What parsed is UTF-8.
        Ok((bundle, String::from_utf8(body).unwrap_or_default()))
    }
}
