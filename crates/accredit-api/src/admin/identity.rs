//! How the identity of a workload came about, or why there is none.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::explanation::Clause;
use crate::svid::SvidType;

/// Everything that a cluster's configuration was asked about a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IdentityShown {
    /// The entries of `jwt.allowedIssuers` that were looked at, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<ConsideredIssuer>,
    /// The claims that the entry requires which takes the token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<Clause>,
    /// The policies in the order in which they are tried, up to the one that counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<ConsideredPolicy>,
    /// What the policy that counts reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeShown>,
    /// The SVIDs that were, or would be, issued, in the order in which they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub svids: Vec<SvidShown>,
    /// What keeps the rest of the answer from being known, such as a cluster that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// One entry of `jwt.allowedIssuers` and whether it takes the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConsideredIssuer {
    /// Where it stands: `jwt.allowedIssuers[0]`.
    pub entry: String,
    /// Its issuer.
    pub issuer: String,
    /// Whether it takes the token.
    pub takes: bool,
    /// Why it does not: stable kebab-case code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same in a sentence: seen and expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One policy of a cluster and how it fared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConsideredPolicy {
    /// `override 1`, ..., `base`, or `operators`.
    pub policy: String,
    /// Whether it is the one that counts.
    pub counts: bool,
    /// Its conditions; the base has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Clause>,
    /// The template of its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

/// Something that a policy reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AttributeShown {
    /// What: `jwt.claim.ref`, ...
    pub attribute: String,
    /// Its value, rendered; absent when there is none, or it is not in the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether the record keeps no value of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_recorded: bool,
}

/// What one SVID says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SvidShown {
    /// Which kind.
    #[serde(rename = "type")]
    pub kind: SvidType,
    /// Of a JWT-SVID: its `aud`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// Seconds that it lives.
    pub lifetime: u64,
    /// When it ends, RFC 3339.
    pub expires_at: String,
    /// Of a JWT-SVID: its claims beside the standard ones.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub claims: Map<String, Value>,
    /// Of an X509-SVID: its DNS names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_names: Vec<String>,
    /// Of an X509-SVID: its subject, in the order of the certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subject: Vec<String>,
}
