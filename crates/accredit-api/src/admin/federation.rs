//! What a federation holds, on the wire.

use serde::{Deserialize, Serialize};

use super::{KeyFetchFault, ProviderKey};

/// The bundle that a federation holds of its foreign trust domain, and how fetching it goes. Times are RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FederationBundle {
    /// The federation's name.
    pub federation: String,
    /// The foreign trust domain.
    pub foreign_trust_domain: String,
    /// Where its bundle lies.
    pub url: String,
    /// `https_web` or `https_spiffe`.
    pub profile: String,
    /// `waiting` (nothing was fetched yet), `fresh`, `stale` (held, the latest fetch failed), `failing` (none held, the latest
    /// fetch failed), `revoked` (the bundle that is held is empty) or `disabled`.
    pub state: String,
    /// `spiffe_sequence` of the bundle that is held, where its publisher counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Its `spiffe_refresh_hint`, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_hint: Option<u64>,
    /// When the bundle that is held came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// When its publisher was last heard to serve it still, by this server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<String>,
    /// Seconds since then, or since it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<i64>,
    /// When it is asked for next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_refresh: Option<String>,
    /// When the latest fetch began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried_at: Option<String>,
    /// Why the latest fetch failed; absent when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<KeyFetchFault>,
    /// Fetches that brought or confirmed a bundle, since the server started.
    pub fetches: u64,
    /// Fetches that failed.
    pub failures: u64,
    /// The keys of its JWT-SVIDs.
    pub keys: Vec<ProviderKey>,
    /// The authorities of its X509-SVIDs.
    pub authorities: Vec<FederationAuthority>,
    /// Entries of the bundle that are not used, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<DroppedBundleEntry>,
}

/// An authority of X509-SVIDs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FederationAuthority {
    /// What its certificate is called by its own bytes (SHA-256, hexadecimal).
    pub fingerprint: String,
    /// Its URI names.
    pub names: Vec<String>,
    /// From when it counts.
    pub not_before: String,
    /// Until when it counts.
    pub not_after: String,
}

/// An entry of a bundle that is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DroppedBundleEntry {
    /// Its place in `keys`, from 0.
    pub index: usize,
    /// Its `kid`; empty when it has none.
    pub kid: String,
    /// Why, a sentence.
    pub reason: String,
}

/// Asks for a federation's bundle now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshFederationRequest {
    /// Name or id of the federation.
    pub federation: String,
}
