//! Clusters: what shares attestation and issuance policy.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Id;

/// `spec` of a `Cluster`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSpec {
    /// Its trust domain, by name or id. Never changes.
    pub trust_domain: String,
    /// The realm of the trust domain that it belongs to: the first segment of its default paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
    /// Its policy, each section at most once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config: Vec<ConfigDocument>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A document of managed configuration: it says itself what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfigDocument {
    /// What it is about: `WorkloadAttestation`, `SVIDIssuancePolicy`, `AgentAttestation`.
    pub section: String,
    /// The version of its form: `v1`.
    pub schema: String,
    /// What the section's form says.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub spec: Value,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Its trust domain.
    pub trust_domain: Id,
    /// The realm of the trust domain that it belongs to.
    pub realm: Option<Box<str>>,
}
