//! Federation: foreign trust domains whose bundles a trust domain of ours hands on.

use accredit_id::trust_domain::TrustDomain as TrustDomainName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Id;
use super::provider::object;

/// `spec` of a `Federation`. Nothing of it is ever inferred from anything else (SPIFFE Federation section 5.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FederationSpec {
    /// Our trust domain, by name or id.
    pub trust_domain: String,
    /// The foreign one.
    pub foreign_trust_domain: String,
    /// Where its bundle lies: an https URL.
    pub url: String,
    /// How whoever serves it proves himself. Never changes.
    pub profile: FederationProfile,
    /// For profile `https_spiffe`: the SPIFFE ID that the endpoint must show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_spiffe_id: Option<String>,
    /// For profile `https_spiffe`: the bundle by which the endpoint is known at first, a SPIFFE bundle document.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub bootstrap_bundle: Option<Value>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// How whoever serves a bundle proves himself (SPIFFE Federation section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FederationProfile {
    /// By a certificate of the web.
    HttpsWeb,
    /// By an X509-SVID.
    HttpsSpiffe,
}

/// A foreign trust domain whose bundle a trust domain of ours hands on.
#[derive(Clone, Debug, PartialEq)]
pub struct Federation {
    /// Ours.
    pub trust_domain: Id,
    /// The foreign one.
    pub foreign: TrustDomainName,
    /// Where its bundle lies.
    pub url: String,
    /// How whoever serves it proves himself.
    pub profile: FederationProfile,
    /// The SPIFFE ID that the endpoint must show.
    pub endpoint_spiffe_id: Option<String>,
    /// The bundle by which the endpoint is known at first.
    pub bootstrap_bundle: Option<Value>,
}
