//! Grants: what an API's owner gives to a service account.

use serde::{Deserialize, Serialize};

use super::{Id, Permission, Permissions};

/// `spec` of a `Grant`. It belongs to the API's project, so that nobody grants himself another's permissions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrantSpec {
    /// The API, of the grant's own project.
    pub api: String,
    /// Permissions of that API; or `role`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<Permission>>,
    /// A role of that API; or `permissions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The service account that receives it, of any project.
    pub to: String,
}

/// A grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The API.
    pub api: Id,
    /// What is given.
    pub given: Given,
    /// The service account.
    pub to: Id,
}

/// What a grant gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// These permissions.
    Permissions(Permissions),
    /// Whatever the role holds at the time of the decision.
    Role(Id),
}
