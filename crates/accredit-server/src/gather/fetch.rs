//! Fetching: one document at a time, with every dimension of it capped.

use std::sync::Arc;
use std::time::Duration;

use accredit_id::jose::jwk::{KeySet, Source};
use accredit_id::json::{self, Json, Object};
use accredit_id::shown::Shown;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::client::{self, Answered, Asked, Client};
use super::dial::Dialer;
use super::fault::{Document, FetchCause, FetchFault};
use super::freshness;
use super::guard::{Guard, Target, UrlFault};
use super::proxy::Proxy;
use super::source::{KeyPlace, KeySource};
use super::trust::{Authorities, Trust};
use crate::traces::{self, Traces};

/// Fetches providers' keys: https with verified certificates through the [`Guard`], and through the server's own egress proxy
/// where there is one; no redirects, no cookies, no decompression. Within ten seconds and one MiB a document, or not at all.
pub(crate) struct Fetcher {
    pub(super) guard: Arc<Guard>,
    pub(super) client: Client,
    pub(super) limits: Limits,
    /// Where fetches are told of that no traced request asks for.
    traces: Traces,
    pub(super) under_way: Semaphore,
    /// Questions to AWS: apart, so that signed requests that nobody has vouched for keep no key from being fetched.
    pub(super) asking: Semaphore,
}

/// What a fetch brought.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// The keys; of a fetched set at least one is usable.
    pub(crate) set: Arc<KeySet>,
    /// The URL that the set came from; empty for an uploaded one.
    pub(crate) location: Box<str>,
    /// How long it holds by its own words, as they came.
    pub(crate) holds_for: Option<Duration>,
    /// By which its issuer tells whether the set is still the same (`ETag`, RFC 9110 section 8.8.3).
    tag: Option<HeaderValue>,
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
    /// A fetcher behind this guard, that trusts these authorities and goes through this proxy.
    pub(crate) fn new(guard: Guard, authorities: Authorities, proxy: Option<Proxy>) -> Self {
        Self::with_limits(guard, authorities, proxy, LIMITS)
    }

    /// Tells of fetches there, too.
    pub(crate) fn traced(mut self, traces: &Traces) -> Self {
        self.traces = traces.clone();
        self
    }

    /// Does a fetch as a part of the trace that asks for it, else as one of its own.
    pub(super) fn told<F>(&self, fetch: F) -> impl Future<Output = F::Output> + Send + use<F>
    where
        F: Future<Output: Send> + Send,
    {
        let behind = traces::behind().and_then(|behind| behind.task(traces::Step::FetchKeys));
        let trace = behind.or_else(|| self.traces.alone(traces::Step::FetchKeys));
        async move {
            match trace {
                Some(trace) => trace.over(fetch).await,
                None => fetch.await,
            }
        }
    }

    /// Judges what fetching from a source would ask, without asking: for when a source is written. Names are not resolved
    /// here; the addresses behind them are judged when they are dialled.
    pub(crate) fn judge(&self, source: &KeySource) -> Result<(), UrlFault> {
        match &source.place {
            KeyPlace::Discovery { issuer, base } => self.guard.issuer(base.as_deref().unwrap_or(issuer)).map(drop),
            KeyPlace::JwksUrl(url) => self.guard.configured(url).map(drop),
            KeyPlace::Uploaded(_) | KeyPlace::Live(_) => Ok(()),
        }
    }

    /// Fetches the keys of a source. What is `held` of it already is not sent again by an issuer that knows it by its tag. An
    /// uploaded set is its own answer.
    pub(crate) async fn keys(&self, source: &KeySource, held: Option<&Fetched>) -> Result<Fetched, FetchFault> {
        let start = match &source.place {
            KeyPlace::Uploaded(set) => {
                return Ok(Fetched { set: Arc::clone(set), location: Box::default(), holds_for: None, tag: None });
            }
            KeyPlace::Live(live) => {
                return Ok(Fetched {
                    set: live.keys().unwrap_or_default(),
                    location: Box::default(),
                    holds_for: None,
                    tag: None,
                });
            }
            KeyPlace::Discovery { issuer, base } => {
                Step { document: Document::Discovery, location: base.as_deref().unwrap_or(issuer) }
            }
            KeyPlace::JwksUrl(url) => Step { document: Document::KeySet, location: url },
        };
        let deadline = Instant::now() + self.limits.total;
        let Ok(Ok(_turn)) = timeout_at(deadline, self.under_way.acquire()).await else {
            return Err(start.fault(FetchCause::Busy));
        };
        match timeout_at(deadline, self.keys_from(&start, source, held)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(start.fault(FetchCause::Timeout(self.limits.total))),
        }
    }

    async fn keys_from(
        &self,
        start: &Step<'_>,
        source: &KeySource,
        held: Option<&Fetched>,
    ) -> Result<Fetched, FetchFault> {
        let KeyPlace::Discovery { issuer, base } = &source.place else {
            let target = self.guard.configured(start.location).map_err(|fault| start.refused(fault))?;
            return self.key_set(start, &target, source, held).await;
        };
        self.guard.issuer(start.location).map_err(|fault| start.refused(fault))?;
        let url = KeyPlace::discovery_url(issuer, base.as_deref());
        let from = self.guard.configured(&url).map_err(|fault| start.refused(fault))?;
        let jwks_uri = self.discover(start, &from, issuer).await?;
        let step = Step { document: Document::KeySet, location: &jwks_uri };
        let target = self.guard.discovered(&jwks_uri, &from).map_err(|fault| step.refused(fault))?;
        self.key_set(&step, &target, source, held).await
    }

    /// Asks for the discovery document and returns its `jwks_uri`. What the document says of algorithms counts for nothing:
    /// the provider's own list decides.
    async fn discover(&self, step: &Step<'_>, target: &Target, issuer: &str) -> Result<String, FetchFault> {
        let answer = self.read(step, self.request(step, target, None).await?).await?;
        let document = answer.object(step)?;
        jwks_uri(&document, issuer).map(str::to_owned).map_err(|cause| step.fault(cause))
    }

    async fn key_set(
        &self,
        step: &Step<'_>,
        target: &Target,
        source: &KeySource,
        held: Option<&Fetched>,
    ) -> Result<Fetched, FetchFault> {
        // A tag means something at the place that it came from alone.
        let known = held.filter(|held| *held.location == *step.location);
        let answered = self.request(step, target, known.and_then(|known| known.tag.as_ref())).await?;
        let location = Box::from(step.location);
        let holds_for = freshness::lifetime(answered.headers());
        let tag = answered.headers().get(header::ETAG).filter(|tag| tag.len() <= LONGEST_TAG).cloned();
        if let Some(known) = known.filter(|_| answered.status() == StatusCode::NOT_MODIFIED) {
            let tag = tag.or_else(|| known.tag.clone());
            return Ok(Fetched { set: Arc::clone(&known.set), location, holds_for, tag });
        }
        let answer = self.read(step, answered).await?;
        answer.object(step)?;
        let set = KeySet::parse(&answer.body, Source::Fetched, source.purpose)
            .map_err(|fault| step.fault(FetchCause::BadKeys(fault)))?;
        if set.is_empty() {
            let (keys, first) = (set.dropped().len(), set.dropped().first().cloned());
            return Err(step.fault(FetchCause::NoUsableKey { keys, first }));
        }
        Ok(Fetched { set: Arc::new(set), location, holds_for, tag })
    }

    /// Asks for a document, or whether it is still the one of this tag; only then 304 is an answer.
    async fn request(
        &self,
        step: &Step<'_>,
        target: &Target,
        tag: Option<&HeaderValue>,
    ) -> Result<Answered, FetchFault> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, application/jwk-set+json"));
        headers.extend(tag.map(|tag| (header::IF_NONE_MATCH, tag.clone())));
        let asked = Asked { method: Method::GET, headers, body: Bytes::new() };
        let answered = self.client.send(target, asked).await.map_err(|cause| step.fault(cause))?;
        match answered.status() {
            StatusCode::OK => Ok(answered),
            StatusCode::NOT_MODIFIED if tag.is_some() => Ok(answered),
            _ => Err(step.fault(answered.refused_status())),
        }
    }

    async fn read(&self, step: &Step<'_>, answered: Answered) -> Result<Answer, FetchFault> {
        let content_type = client::text(answered.headers(), &header::CONTENT_TYPE).map(Shown::of);
        let body = answered.body(self.limits.bytes).await.map_err(|cause| step.fault(cause))?;
        Ok(Answer { body, content_type })
    }

    pub(super) fn with_limits(guard: Guard, authorities: Authorities, proxy: Option<Proxy>, limits: Limits) -> Self {
        let guard = Arc::new(guard);
        let trust = Trust::new(authorities);
        let dialer = Dialer { guard: Arc::clone(&guard), trust, proxy, patience: limits.connect };
        Self {
            guard,
            client: Client { dialer },
            limits,
            traces: Traces::default(),
            under_way: Semaphore::new(limits.at_once),
            asking: Semaphore::new(limits.at_once),
        }
    }
}

/// Where an issuer's discovery document says that its keys are; the document must be that issuer's own.
pub(super) fn jwks_uri<'d>(document: &'d Object<'_>, issuer: &str) -> Result<&'d str, FetchCause> {
    let member = |name: &'static str| match document.get(name) {
        Some(Json::String(text)) => Ok(text.as_ref()),
        other => Err(FetchCause::Member { name, seen: other.map_or("missing", Json::type_name) }),
    };
    let seen = member("issuer")?;
    if seen != issuer {
        return Err(FetchCause::IssuerMismatch { seen: Shown::of(seen), expected: Shown::of(issuer) });
    }
    member("jwks_uri")
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

/// Longer tags are not sent back.
const LONGEST_TAG: usize = 256;
