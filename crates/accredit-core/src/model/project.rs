//! Projects: who owns what.

use serde::{Deserialize, Serialize};

/// `spec` of a `Project`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectSpec {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A project. All that counts about it is whether it is enabled: a disabled one refuses everything of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Project;
