//! Fetching: one document at a time, with every dimension of it capped.

use std::sync::Arc;
use std::time::Duration;

use accredit_id::jose::jwk::{KeySet, Source};
use accredit_id::json::{self, Json, Object};
use accredit_id::shown::Shown;
use reqwest::{StatusCode, header};
use rustls_pki_types::CertificateDer;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::client::{self, Clients};
use super::fault::{Document, FetchCause, FetchFault};
use super::guard::{Guard, Target, UrlFault};
use super::source::{KeyPlace, KeySource};

/// Fetches providers' keys: https with verified certificates through the [`Guard`]; no redirects, no proxy, no cookies, no
/// decompression. Within ten seconds and one MiB a document, or not at all.
pub(crate) struct Fetcher {
    pub(super) guard: Arc<Guard>,
    pub(super) clients: Clients,
    limits: Limits,
    under_way: Semaphore,
    /// Questions to AWS: apart, so that signed requests that nobody has vouched for keep no key from being fetched.
    pub(super) asking: Semaphore,
}

/// What a fetch brought.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// The keys; of a fetched set at least one is usable.
    pub(crate) set: Arc<KeySet>,
    /// `max-age` of the key set's `Cache-Control` (RFC 9111 section 5.2.2.1), as it came.
    pub(crate) max_age: Option<Duration>,
}

/// The caps of one fetch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// From the start to the last byte, discovery and key set together.
    pub(super) total: Duration,
    /// For a connection: name, TCP and TLS.
    pub(super) connect: Duration,
    /// For one document.
    pub(super) bytes: usize,
    /// Fetches under way at once on this server; the others wait for their turn, within their own time.
    pub(super) at_once: usize,
}

// === impl Fetcher ===

impl Fetcher {
    /// A fetcher behind this guard. `roots` are trusted beside the certificate authorities of the system;
    /// [`crate::tls::authorities`] reads and checks them.
    pub(crate) fn new(guard: Guard, roots: Vec<CertificateDer<'static>>) -> Self {
        Self::with_limits(guard, roots, LIMITS)
    }

    /// Judges what fetching from a source would ask, without asking: for when a source is written. Names are not resolved
    /// here; the addresses behind them are judged when they are dialled.
    pub(crate) fn judge(&self, source: &KeySource) -> Result<(), UrlFault> {
        match &source.place {
            KeyPlace::Discovery { issuer, base } => self.guard.issuer(base.as_deref().unwrap_or(issuer)).map(drop),
            KeyPlace::JwksUrl(url) => self.guard.configured(url).map(drop),
            KeyPlace::Uploaded(_) => Ok(()),
        }
    }

    /// Fetches the keys of a source. An uploaded set is its own answer.
    pub(crate) async fn keys(&self, source: &KeySource) -> Result<Fetched, FetchFault> {
        let start = match &source.place {
            KeyPlace::Uploaded(set) => return Ok(Fetched { set: Arc::clone(set), max_age: None }),
            KeyPlace::Discovery { issuer, base } => {
                Step { document: Document::Discovery, location: base.as_deref().unwrap_or(issuer) }
            }
            KeyPlace::JwksUrl(url) => Step { document: Document::KeySet, location: url },
        };
        let deadline = Instant::now() + self.limits.total;
        let Ok(Ok(_turn)) = timeout_at(deadline, self.under_way.acquire()).await else {
            return Err(start.fault(FetchCause::Busy));
        };
        match timeout_at(deadline, self.keys_from(&start, source)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(start.fault(FetchCause::Timeout(self.limits.total))),
        }
    }

    async fn keys_from(&self, start: &Step<'_>, source: &KeySource) -> Result<Fetched, FetchFault> {
        let KeyPlace::Discovery { issuer, base } = &source.place else {
            let target = self.guard.configured(start.location).map_err(|fault| start.refused(fault))?;
            return self.key_set(start, &target, source).await;
        };
        self.guard.issuer(start.location).map_err(|fault| start.refused(fault))?;
        let url = KeyPlace::discovery_url(issuer, base.as_deref());
        let from = self.guard.configured(&url).map_err(|fault| start.refused(fault))?;
        let jwks_uri = self.discover(start, &from, issuer).await?;
        let step = Step { document: Document::KeySet, location: &jwks_uri };
        let target = self.guard.discovered(&jwks_uri, &from).map_err(|fault| step.refused(fault))?;
        self.key_set(&step, &target, source).await
    }

    /// Asks for the discovery document and returns its `jwks_uri`. What the document says of algorithms counts for nothing:
    /// the provider's own list decides.
    async fn discover(&self, step: &Step<'_>, target: &Target, issuer: &str) -> Result<String, FetchFault> {
        let answer = self.get(step, target).await?;
        let document = answer.object(step)?;
        let member = |name: &'static str| match document.get(name) {
            Some(Json::String(text)) => Ok(text.as_ref()),
            other => {
                let seen = other.map_or("missing", Json::type_name);
                Err(step.fault(FetchCause::Member { name, seen }))
            }
        };
        let seen = member("issuer")?;
        if seen != issuer {
            let (seen, expected) = (Shown::of(seen), Shown::of(issuer));
            return Err(step.fault(FetchCause::IssuerMismatch { seen, expected }));
        }
        member("jwks_uri").map(str::to_owned)
    }

    async fn key_set(&self, step: &Step<'_>, target: &Target, source: &KeySource) -> Result<Fetched, FetchFault> {
        let answer = self.get(step, target).await?;
        answer.object(step)?;
        let set = KeySet::parse(&answer.body, Source::Fetched, source.purpose)
            .map_err(|fault| step.fault(FetchCause::BadKeys(fault)))?;
        if set.is_empty() {
            let (keys, first) = (set.dropped().len(), set.dropped().first().cloned());
            return Err(step.fault(FetchCause::NoUsableKey { keys, first }));
        }
        Ok(Fetched { set: Arc::new(set), max_age: answer.max_age })
    }

    async fn get(&self, step: &Step<'_>, target: &Target) -> Result<Answer, FetchFault> {
        let client = self.clients.of(target).await.map_err(|cause| step.fault(cause))?;
        let broken = |error: reqwest::Error| step.fault(client::cause(&error, self.limits.connect));
        let mut response = client.get(target.url.clone()).send().await.map_err(broken)?;
        if response.status() != StatusCode::OK {
            return Err(step.fault(client::refused_status(&response)));
        }
        let limit = self.limits.bytes;
        let too_large = || step.fault(FetchCause::TooLarge { limit });
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let content_type = client::text(response.headers(), &header::CONTENT_TYPE).map(Shown::of);
        Ok(Answer { body, content_type, max_age: client::max_age(response.headers()) })
    }

    pub(super) fn with_limits(guard: Guard, roots: Vec<CertificateDer<'static>>, limits: Limits) -> Self {
        let guard = Arc::new(guard);
        let clients = Clients::new(Arc::clone(&guard), roots, limits.connect);
        Self {
            guard,
            clients,
            limits,
            under_way: Semaphore::new(limits.at_once),
            asking: Semaphore::new(limits.at_once),
        }
    }
}

/// A document and where it is asked for, for the faults.
struct Step<'s> {
    document: Document,
    location: &'s str,
}

impl Step<'_> {
    fn fault(&self, cause: FetchCause) -> FetchFault {
        FetchFault { document: self.document, location: Shown::of(self.location), cause }
    }

    fn refused(&self, fault: UrlFault) -> FetchFault {
        // Credentials in a URL are a reason to refuse it, and none to repeat it.
        let location = match &fault {
            UrlFault::Credentials { host } => host.clone(),
            _ => Shown::of(self.location),
        };
        FetchFault { document: self.document, location, cause: FetchCause::RefusedUrl(fault) }
    }
}

struct Answer {
    body: Vec<u8>,
    content_type: Option<Shown>,
    max_age: Option<Duration>,
}

impl Answer {
    /// Whatever the answer calls itself, it must be a JSON object.
    fn object(&self, step: &Step<'_>) -> Result<Object<'_>, FetchFault> {
        json::object(&self.body, &json::Limits::DOCUMENT)
            .map_err(|problem| step.fault(FetchCause::NotJson { content_type: self.content_type.clone(), problem }))
    }
}

pub(super) const LIMITS: Limits =
    Limits { total: Duration::from_secs(10), connect: Duration::from_secs(5), bytes: KeySet::MAX_BYTES, at_once: 128 };
