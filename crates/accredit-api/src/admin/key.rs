//! The server's signing keys on the wire.

use serde::{Deserialize, Serialize};

/// One of the server's own signing keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SigningKey {
    /// Its id.
    pub id: String,
    /// What it signs: `access`, `internal` or `audit`, and for a trust domain `jwt-svid` or `x509-ca`.
    pub purpose: String,
    /// Its algorithm: `ES256`, `RS256`, or `ES384` (of `x509-ca`).
    pub algorithm: String,
    /// The trust domain that it signs for, by name, or by id once that is gone; absent for keys of no trust domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_domain: Option<String>,
    /// What tokens that it signed bear as `kid`.
    pub kid: String,
    /// `prepared`, `published`, `active`, `retired` or `removed`.
    pub state: String,
    /// Since when it is in that state, RFC 3339.
    pub since: String,
    /// From when on it signs, or signed, RFC 3339; absent while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signs_from: Option<String>,
    /// When its certificate ends, RFC 3339; of `x509-ca` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// When it leaves, or left, the key set, RFC 3339; absent while that is not known, and where it never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaves_at: Option<String>,
    /// When somebody said that others may know its private half, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tainted_at: Option<String>,
    /// The id of the key-encryption key that it is sealed under; empty once it was removed.
    pub sealed_by: String,
}

/// Keys, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SigningKeyList {
    /// The keys.
    pub keys: Vec<SigningKey>,
}

/// Ends the turns of keys: their successors sign as soon as every reader knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateKeysRequest {
    /// Only keys that sign this: `access`, `internal`, `audit`, `jwt-svid` or `x509-ca`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Only keys of this algorithm: `ES256`, `RS256` or `ES384`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Only keys of this trust domain, by name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_domain: Option<String>,
    /// Say what would happen, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// Taints or revokes a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CondemnKeyRequest {
    /// The key.
    pub id: String,
    /// Why, for the audit log; 1 to 500 characters.
    pub reason: String,
    /// Say what would happen, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// What happened, or would happen, to a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyStep {
    /// The key.
    pub id: String,
    /// What it signs, e.g. `access ES256`, or `jwt-svid ES256 of example.org`.
    pub signs: String,
    /// `due`, `taint`, `revoke`, `activate`, `retire`, `remove`, `publish` or `lengthen`.
    pub step: String,
    /// Its state afterwards.
    pub state: String,
}

/// What came of an order about keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeysChanged {
    /// The steps, in their order; none when all was as ordered before.
    pub steps: Vec<KeyStep>,
    /// What that means for tokens, a sentence each.
    pub consequences: Vec<String>,
    /// The store's sequence afterwards.
    pub sequence: i64,
    /// Whether nothing was written because the request said so.
    pub dry_run: bool,
}

/// Seals every stored key under the present key-encryption key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RewrapKeysRequest {
    /// Say what would happen, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// The keys that were, or would be, sealed anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeysRewrapped {
    /// Their ids; none when all were sealed under it before.
    pub rewrapped: Vec<String>,
    /// The id of the key-encryption key.
    pub sealed_by: String,
    /// Whether nothing was written because the request said so.
    pub dry_run: bool,
}
