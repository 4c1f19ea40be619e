//! A trust domain as it is served, on the wire.

use serde::{Deserialize, Serialize};

use super::SigningKey;

/// How a trust domain is: where it is reached, how its keys live, and which it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TrustDomainStatus {
    /// The id of the resource.
    pub id: String,
    /// The trust domain.
    pub trust_domain: String,
    /// `enabled` or `disabled`; what is disabled publishes and signs nothing.
    pub status: String,
    /// Where agents come.
    pub agent_endpoint: String,
    /// Where its SPIFFE bundle lies.
    pub bundle_endpoint: String,
    /// The `iss` of its JWT-SVIDs.
    pub jwt_issuer: String,
    /// Where the keys of its JWT-SVIDs lie.
    pub jwks_endpoint: String,
    /// Where its OIDC discovery document lies.
    pub discovery_endpoint: String,
    /// The sequence of its bundle; absent until it has keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_sequence: Option<u64>,
    /// How its keys live.
    pub schedule: KeySchedule,
    /// Its keys that are not removed, oldest first.
    pub keys: Vec<SigningKey>,
    /// What stands above its authorities; absent where they sign themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<UpstreamStatus>,
    /// Since when it has keys, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_since: Option<String>,
}

/// How keys of a trust domain live, in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeySchedule {
    /// How long a key signs.
    pub every_seconds: u64,
    /// How long readers may keep the key set.
    pub jwt_svid_cache_seconds: u64,
    /// How often readers of the bundle look again.
    pub bundle_refresh_seconds: u64,
    /// How long a new key waits for nodes that have not confirmed it.
    pub confirm_seconds: u64,
}

/// The authority above those of a trust domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UpstreamStatus {
    /// When it ends, RFC 3339; absent when it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// The code of what keeps it from being used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The same as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
