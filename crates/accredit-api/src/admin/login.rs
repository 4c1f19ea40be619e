//! Logging in: what a server says to somebody who has not logged in yet, and who somebody is who has.

use serde::{Deserialize, Serialize};

/// `GET /admin/login-options` on the admin listener, for anybody: nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LoginOptions {
    /// The server's public URL: which server this is.
    pub server: String,
    /// The URL of this listener as its own configuration has it. Proofs are made for it, so a client that came by another
    /// name must use this one.
    pub admin: String,
    /// The audience that a workload's token must have to log in.
    pub audience: String,
    /// Where people log in.
    pub providers: Vec<LoginProvider>,
}

/// An OpenID provider by which people log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LoginProvider {
    /// The provider's name here.
    pub name: String,
    /// Its issuer; its endpoints are discovered there (OpenID Connect Discovery 1.0).
    pub issuer: String,
    /// The public client that people log in with.
    pub client_id: String,
    /// Scopes to ask for, `openid` among them.
    pub scopes: Vec<String>,
}

/// `GET /v1/whoami`: who asks, and what he may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WhoAmI {
    /// The name that the audit log has.
    pub name: String,
    /// The roles held, the mightiest first.
    pub roles: Vec<RoleHeld>,
}

/// A role that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RoleHeld {
    /// `owner`, `operator`, `auditor`, `project-admin`, `project-viewer`, `realm-admin` or `realm-viewer`.
    pub role: String,
    /// The project, for roles that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The trust domain, for roles of a realm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_domain: Option<String>,
    /// The realm of that trust domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
    /// The Administrator that gives it; absent for the server's own user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub administrator: Option<String>,
}
