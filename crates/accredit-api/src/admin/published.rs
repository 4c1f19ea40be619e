//! What a trust domain publishes, on the wire: for whoever serves it elsewhere.

use serde::{Deserialize, Serialize};

/// The public documents of a trust domain, each byte for byte as the server serves it below the issuer's URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TrustDomainDocuments {
    /// The trust domain.
    pub trust_domain: String,
    /// The `iss` of its JWT-SVIDs: the URL below which the documents must lie.
    pub issuer: String,
    /// The documents, in the order in which they are to be written.
    pub documents: Vec<PublishedDocument>,
    /// After how many seconds they must be written again at the latest: a new key is in them before it signs, but no longer
    /// than twice that.
    pub write_again_seconds: u64,
}

/// A public document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PublishedDocument {
    /// Where it lies below the issuer's URL: `jwks`, `bundle`, `.well-known/openid-configuration`.
    pub path: String,
    /// The document.
    pub text: String,
}
