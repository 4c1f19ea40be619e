//! Roles: named sets of an API's permissions.

use serde::{Deserialize, Serialize};

use super::{Id, Permission};

/// `spec` of a `Role`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleSpec {
    /// The API, of the role's own project.
    pub api: String,
    /// Which of its permissions.
    pub permissions: Vec<Permission>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The API.
    pub api: Id,
    /// Which of its permissions.
    pub permissions: Box<[Permission]>,
}
