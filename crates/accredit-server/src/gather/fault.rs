//! Why a provider's keys could not be fetched.

use std::time::Duration;

use accredit_id::bundle::BundleFault;
use accredit_id::jose::jwk::{DroppedKey, KeySetFault};
use accredit_id::json::JsonFault;
use accredit_id::shown::Shown;

use super::guard::{RefusedAddress, UrlFault};

/// Why a provider's keys could not be fetched.
///
/// There is no `Display`: the texts are for operators, so that nothing about the inside of a network slips into an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FetchFault {
    /// Which document was being fetched.
    pub(crate) document: Document,
    /// Its issuer or URL as it was configured or discovered.
    pub(crate) location: Shown,
    /// What happened.
    pub(crate) cause: FetchCause,
}

/// A document that is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Document {
    /// The OpenID Connect discovery document of an issuer.
    Discovery,
    /// A JWK Set or SPIFFE bundle.
    KeySet,
    /// AWS' answer to a signed request.
    CallerIdentity,
    /// A collector's answer to events of the log.
    Collector,
    /// The bundle of a foreign trust domain.
    Bundle,
}

/// What went wrong with a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FetchCause {
    /// The URL breaks a rule.
    RefusedUrl(UrlFault),
    /// Every address of the host is one that is not dialled; this is the first.
    RefusedAddress(RefusedAddress),
    /// The host's name does not resolve.
    Unresolvable(Shown),
    /// No connection came about.
    Unreachable(Shown),
    /// The egress proxy of the server's own configuration leads nowhere.
    Proxy(Shown),
    /// The connection is not secure, mostly because of the certificate.
    Tls(Shown),
    /// No whole answer in time.
    Timeout(Duration),
    /// The connection broke in the middle of the answer.
    Broken(Shown),
    /// A redirect. They are not followed: they would let an answer choose where this server knocks next.
    Redirect {
        /// The status.
        status: u16,
        /// Where to, when it says.
        location: Option<Shown>,
    },
    /// A status other than 200.
    Status {
        /// The status.
        status: u16,
        /// How long the answer asks to be left alone (`Retry-After` in seconds, RFC 9110 section 10.2.3).
        retry_after: Option<Duration>,
    },
    /// More bytes than are read.
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Something else than a JSON object.
    NotJson {
        /// What the answer says of itself.
        content_type: Option<Shown>,
        /// What the reader says.
        problem: JsonFault,
    },
    /// The discovery document is another issuer's.
    IssuerMismatch {
        /// The issuer that it names.
        seen: Shown,
        /// The configured one.
        expected: Shown,
    },
    /// The discovery document lacks a member, or it is no string.
    Member {
        /// `issuer` or `jwks_uri`.
        name: &'static str,
        /// What was seen instead.
        seen: &'static str,
    },
    /// The set is refused as a whole.
    BadKeys(KeySetFault),
    /// The set holds no key that could verify anything.
    NoUsableKey {
        /// How many keys it holds.
        keys: usize,
        /// Why the first of them is not usable.
        first: Option<DroppedKey>,
    },
    /// Something else than XML.
    NotXml {
        /// What the answer says of itself.
        content_type: Option<Shown>,
    },
    /// XML that is not what was asked for.
    Xml(&'static str),
    /// The bundle is refused as a whole.
    BadBundle(BundleFault),
    /// The bundle is older than the one that is held (L15).
    BundleOlder {
        /// The sequence that is held.
        held: u64,
        /// The one that came; `None` where it counts no more.
        seen: Option<u64>,
    },
    /// The bundle has other keys than the one that is held, and the same sequence.
    BundleUncounted {
        /// The sequence of both.
        sequence: u64,
    },
    /// The bundle could not be written down, so that a restart would know an older one.
    BundleNotKept(Shown),
    /// Too many fetches are under way on this server.
    Busy,
}

// === impl FetchFault ===

impl FetchFault {
    /// A fault of a bundle.
    pub(crate) fn of_bundle(url: &str, cause: FetchCause) -> Self {
        Self { document: Document::Bundle, location: Shown::of(url), cause }
    }

    /// The stable code of the fault.
    pub(crate) const fn code(&self) -> &'static str {
        match &self.cause {
            FetchCause::RefusedUrl(_) => "fetch-refused-url",
            FetchCause::RefusedAddress(_) => "fetch-refused-address",
            FetchCause::Unresolvable(_) => "fetch-unresolvable",
            FetchCause::Unreachable(_) => "fetch-unreachable",
            FetchCause::Proxy(_) => "fetch-proxy",
            FetchCause::Tls(_) => "fetch-tls",
            FetchCause::Timeout(_) => "fetch-timeout",
            FetchCause::Broken(_) => "fetch-broken",
            FetchCause::Redirect { .. } => "fetch-redirect",
            FetchCause::Status { .. } => "fetch-status",
            FetchCause::TooLarge { .. } => "fetch-too-large",
            FetchCause::NotJson { .. } => "fetch-not-json",
            FetchCause::IssuerMismatch { .. } => "discovery-issuer-mismatch",
            FetchCause::Member { .. } => "discovery-malformed",
            FetchCause::BadKeys(_) => "fetch-bad-keys",
            FetchCause::NoUsableKey { .. } => "fetch-no-usable-key",
            FetchCause::NotXml { .. } | FetchCause::Xml(_) => "fetch-not-xml",
            FetchCause::BadBundle(_) => "fetch-bad-bundle",
            FetchCause::BundleOlder { .. } => "bundle-older",
            FetchCause::BundleUncounted { .. } => "bundle-uncounted",
            FetchCause::BundleNotKept(_) => "bundle-not-kept",
            FetchCause::Busy => "fetch-busy",
        }
    }

    /// The sentence for operators, such as "discovery of `https://k8s.internal` resolves to 10.0.3.4, which is not public".
    pub(crate) fn operator_text(&self) -> String {
        let subject = match self.document {
            Document::Discovery => format!("discovery of `{}`", self.location),
            Document::KeySet => format!("key set `{}`", self.location),
            Document::CallerIdentity => format!("token service `{}`", self.location),
            Document::Collector => format!("collector `{}`", self.location),
            Document::Bundle => format!("bundle `{}`", self.location),
        };
        let predicate = match &self.cause {
            FetchCause::RefusedUrl(fault) => return format!("{subject} is refused: {fault}"),
            FetchCause::RefusedAddress(refused) => format!("resolves to {}", refused.sentence()),
            FetchCause::Unresolvable(problem) => format!("has a host that does not resolve: {problem}"),
            FetchCause::Unreachable(problem) => format!("cannot be reached: {problem}"),
            FetchCause::Proxy(problem) => format!("cannot be reached, because the egress proxy {problem}"),
            FetchCause::Tls(problem) => format!("has no secure connection: {problem}"),
            FetchCause::Timeout(limit) => format!("did not answer within {} s", limit.as_secs().max(1)),
            FetchCause::Broken(problem) => format!("broke off in the middle of its answer: {problem}"),
            FetchCause::Redirect { status, location: Some(to) } => {
                format!("answered {status} to `{to}`, and redirects are not followed")
            }
            FetchCause::Redirect { status, location: None } => {
                format!("answered {status}, and redirects are not followed")
            }
            FetchCause::Status { status, .. } => format!("answered {status}, expected 200"),
            FetchCause::TooLarge { limit } => format!("is larger than {} KiB", limit / 1024),
            FetchCause::NotJson { content_type: Some(kind), problem } => {
                format!("is `{kind}`, which does not read as a JSON object: {problem}")
            }
            FetchCause::NotJson { content_type: None, problem } => format!("does not read as a JSON object: {problem}"),
            FetchCause::IssuerMismatch { seen, expected } => {
                format!("names the issuer `{seen}`, expected `{expected}`")
            }
            FetchCause::Member { name, seen } => format!("has a `{name}` that is {seen}, expected a string"),
            FetchCause::BadKeys(fault) => format!("is not used: {fault}"),
            FetchCause::NoUsableKey { keys: 0, .. } => "is empty".to_owned(),
            FetchCause::NoUsableKey { keys, first: Some(DroppedKey { kid, fault }) } => {
                format!("holds {keys} keys and none is usable, `{}` because: {fault}", Shown::of(kid))
            }
            FetchCause::NoUsableKey { keys, first: None } => format!("holds {keys} keys and none is usable"),
            FetchCause::NotXml { content_type: Some(kind) } => format!("answered `{kind}`, expected text/xml"),
            FetchCause::NotXml { content_type: None } => {
                "answered without a content type, expected text/xml".to_owned()
            }
            FetchCause::Xml(why) => format!("answered XML that is not used: {why}"),
            FetchCause::BadBundle(fault) => format!("is not used: {fault}"),
            FetchCause::BundleOlder { held, seen: Some(seen) } => {
                format!("has sequence {seen}, which is older than {held}, the one that is held")
            }
            FetchCause::BundleOlder { held, seen: None } => {
                format!("has no sequence, expected one from {held} on, the one that is held")
            }
            FetchCause::BundleUncounted { sequence } => {
                format!("has other keys than the one that is held, and sequence {sequence} all the same")
            }
            FetchCause::BundleNotKept(problem) => format!("could not be written down: {problem}"),
            FetchCause::Busy => "waits for too many other fetches".to_owned(),
        };
        format!("{subject} {predicate}")
    }

    /// What the operator can do, where there is one thing.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match &self.cause {
            FetchCause::RefusedAddress(refused) => Some(refused.hint()),
            FetchCause::RefusedUrl(UrlFault::Address { refused, .. }) => Some(refused.hint()),
            FetchCause::RefusedUrl(UrlFault::NothingListed { .. }) => {
                Some("use https on port 443, or list the address in the server's config")
            }
            FetchCause::RefusedUrl(_) if self.document == Document::Bundle => Some("correct the endpoint's URL"),
            FetchCause::RefusedUrl(_) => Some("correct the provider's URL"),
            FetchCause::Proxy(_) => {
                Some("see what the proxy says of it; `fetch.proxy` in the server's config names it")
            }
            FetchCause::Tls(_) if self.document == Document::Bundle => Some(
                "compare the endpoint's profile, SPIFFE ID and bootstrap bundle with what its trust domain says of itself",
            ),
            FetchCause::Tls(_) => Some(
                "if the issuer has a private authority, name its certificate under `fetch.authorities` in the server's config",
            ),
            FetchCause::Redirect { .. } => Some("configure the address that it leads to"),
            FetchCause::BundleOlder { .. } | FetchCause::BundleUncounted { .. } => {
                Some("ask whoever runs the trust domain: an endpoint must count on with every change")
            }
            FetchCause::IssuerMismatch { .. } => Some("correct the provider; issuers are compared byte for byte"),
            FetchCause::Unresolvable(_) | FetchCause::Unreachable(_) | FetchCause::Timeout(_)
                if self.document == Document::CallerIdentity =>
            {
                Some("give this server a way to AWS' token service")
            }
            FetchCause::Unresolvable(_) | FetchCause::Unreachable(_) | FetchCause::Timeout(_)
                if self.document == Document::Bundle =>
            {
                Some("what is held goes on counting; give this server a way to the endpoint")
            }
            FetchCause::Unresolvable(_) | FetchCause::Unreachable(_) | FetchCause::Timeout(_) => {
                Some("if this server has no way to the issuer, upload the keys")
            }
            FetchCause::Member { .. } => Some("configure the key set's URL, or upload the keys"),
            FetchCause::Broken(_)
            | FetchCause::Status { .. }
            | FetchCause::TooLarge { .. }
            | FetchCause::NotJson { .. }
            | FetchCause::BadKeys(_)
            | FetchCause::NoUsableKey { .. }
            | FetchCause::NotXml { .. }
            | FetchCause::Xml(_)
            | FetchCause::BadBundle(_)
            | FetchCause::BundleNotKept(_)
            | FetchCause::Busy => None,
        }
    }

    /// How long the other side asks to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self.cause {
            FetchCause::Status { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}
