//! APIs: services that accept our tokens.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Lifetime, Permission};

/// `spec` of an `API`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiSpec {
    /// What its tokens bear as `aud`, an absolute URI without a fragment (RFC 8707 section 2); unique on the server.
    pub audience: String,
    /// The permissions that it knows.
    #[serde(default)]
    pub permissions: Vec<Permission>,
    /// Which algorithm its tokens are signed with; `ES256` unless it says `RS256`.
    #[serde(default, skip_serializing_if = "Signing::is_default")]
    pub signing: Signing,
    /// No token for this API lives longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<Lifetime>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The algorithm that an API's tokens are signed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Signing {
    /// ECDSA with P-256 and SHA-256.
    #[default]
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, for verifiers that know no other (RFC 9068 section 2.1).
    #[serde(rename = "RS256")]
    Rs256,
}

/// An API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// The `aud` of its tokens.
    pub audience: Arc<str>,
    /// The permissions that it knows.
    pub permissions: Box<[Permission]>,
    /// The algorithm of its tokens.
    pub signing: Signing,
    /// No token for this API lives longer.
    pub max_lifetime: Option<Lifetime>,
}

impl Signing {
    /// Whether it need not be written down.
    pub fn is_default(&self) -> bool {
        *self == Signing::default()
    }
}
