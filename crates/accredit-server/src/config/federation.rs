//! The listeners that serve bundles by profile `https_spiffe`.

use std::net::SocketAddr;

use serde::Deserialize;

/// A listener that serves the bundle of one trust domain and shows an X509-SVID of it, `spiffe://NAME/accredit/bundle`. By
/// profile `https_web` the public listener serves it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FederationConfig {
    /// The trust domain, by name or id of the resource.
    pub trust_domain: String,
    /// Address and port; port 0 takes any.
    pub listen: SocketAddr,
}
