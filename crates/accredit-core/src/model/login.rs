//! Logging in by a provider: which of its tokens are evidence of an administrator.

use serde::{Deserialize, Serialize};

/// `spec.login` of a `Provider`. Tokens for these audiences let administrators in and are never exchanged for access tokens;
/// tokens for `spec.audiences` are exchanged and let nobody in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginSpec {
    /// The public OAuth client that people log in with. It is the audience of their identity tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Scopes that `accredit login` asks for beside `openid`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Whether workloads log in with a token of this provider for the audience `PUBLIC_URL/admin`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub workloads: bool,
}

/// How administrators log in by a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The client that people log in with, if they do.
    pub client_id: Option<String>,
    /// Scopes to ask for, `openid` first.
    pub scopes: Vec<String>,
    /// Whether workloads do.
    pub workloads: bool,
    /// Every audience that lets administrators in.
    pub audiences: Vec<String>,
}

fn is_false(value: &bool) -> bool {
    !value
}
