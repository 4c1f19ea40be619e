//! Where a provider's keys come from.

use std::sync::Arc;

use accredit_id::jose::jwk::{KeySet, Purpose};

use super::live::LiveKeys;

/// Where a provider's keys come from, and what they are to verify. Equal sources give equal keys; another source means that
/// every key held for the provider is dropped.
#[derive(Debug, Clone)]
pub(crate) struct KeySource {
    /// The place.
    pub(crate) place: KeyPlace,
    /// What the keys are to verify; it decides which keys of a document count.
    pub(crate) purpose: Purpose,
}

/// The place that a provider's keys come from.
#[derive(Debug, Clone)]
pub(crate) enum KeyPlace {
    /// The issuer's discovery document (OpenID Connect Discovery 1.0 section 4) names the key set's URL.
    Discovery {
        /// The issuer; the document must name it byte for byte.
        issuer: String,
        /// Where the document is asked for instead of at the issuer, where that is not reachable or not resolvable from
        /// here; with or without `/.well-known/openid-configuration`.
        base: Option<String>,
    },
    /// A key set or SPIFFE bundle at a URL of its own.
    JwksUrl(String),
    /// A key set that somebody uploaded; nothing is fetched.
    Uploaded(Arc<KeySet>),
    /// Keys that are kept elsewhere in this server; nothing is fetched for them here.
    Live(LiveKeys),
}

// === impl KeySource ===

impl PartialEq for KeySource {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place && self.purpose == other.purpose
    }
}

// === impl KeyPlace ===

impl KeyPlace {
    /// The URL of the discovery document. A base that is such a URL already is taken as it is: people have either at hand.
    pub(super) fn discovery_url(issuer: &str, base: Option<&str>) -> String {
        let base = base.unwrap_or(issuer);
        if base.ends_with(WELL_KNOWN) {
            return base.to_owned();
        }
        // A terminating slash is removed before the path is appended (OpenID Connect Discovery 1.0 section 4.1).
        format!("{}{WELL_KNOWN}", base.strip_suffix('/').unwrap_or(base))
    }
}

impl PartialEq for KeyPlace {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Discovery { issuer, base }, Self::Discovery { issuer: other_issuer, base: other_base }) => {
                issuer == other_issuer && base == other_base
            }
            (Self::JwksUrl(url), Self::JwksUrl(other_url)) => url == other_url,
            // An upload that is parsed anew counts as another: that costs nothing, no fetch follows.
            (Self::Uploaded(set), Self::Uploaded(other_set)) => Arc::ptr_eq(set, other_set),
            (Self::Live(live), Self::Live(other_live)) => live == other_live,
            (Self::Discovery { .. } | Self::JwksUrl(_) | Self::Uploaded(_) | Self::Live(_), _) => false,
        }
    }
}

const WELL_KNOWN: &str = "/.well-known/openid-configuration";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discovery_lies_under_the_issuer_or_the_base() {
        let at = |base: &str| format!("https://{base}/.well-known/openid-configuration");
        for (issuer, base, expected) in [
            ("https://a.example", None, at("a.example")),
            ("https://a.example/", None, at("a.example")),
            ("https://a.example/t/v2.0", None, at("a.example/t/v2.0")),
            ("https://a.example", Some("https://b.example/x/"), at("b.example/x")),
            ("https://a.example", Some("https://b.example/.well-known/openid-configuration"), at("b.example")),
        ] {
            assert_eq!(KeyPlace::discovery_url(issuer, base), expected);
        }
    }
}
