//! Trust domains that this server is the authority of.

use accredit_id::trust_domain::TrustDomain as TrustDomainName;
use serde::{Deserialize, Serialize};

use super::Signing;

/// `spec` of a `TrustDomain`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustDomainSpec {
    /// The trust domain (SPIFFE-ID section 2.1), where it is not the resource's own name: names of resources are shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_domain: Option<String>,
    /// With which algorithm its JWT-SVIDs are signed; absent means ES256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt_signing: Option<Signing>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A trust domain that this server is the authority of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustDomain {
    /// Its name, which never changes.
    pub name: TrustDomainName,
    /// With which algorithm its JWT-SVIDs are signed.
    pub jwt_signing: Signing,
}
