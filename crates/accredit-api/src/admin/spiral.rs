//! Tokens for Spiral's command line.

use serde::{Deserialize, Serialize};

/// Asks for a token of one project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ProjectTokenRequest {
    /// The project, by name or id.
    pub project: String,
    /// How long it lives, in seconds: 60 to 3600; 900 where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u64>,
}

/// A plain bearer that writes workloads, policies and grants of one project.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectToken {
    /// The token. Secret: `Debug` does not show it.
    pub token: String,
    /// The project's id, which Spiral's command line wants as its PROJECT.
    pub project_id: String,
    /// When it ends, Unix seconds.
    pub expires_at: i64,
}

impl std::fmt::Debug for ProjectToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProjectToken")
            .field("token", &"[redacted]")
            .field("project_id", &self.project_id)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}
