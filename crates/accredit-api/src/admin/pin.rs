//! First-use pins on the wire.

use serde::{Deserialize, Serialize};

/// A name that a mapping trusts, and the permanent id that it had at its first use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Pin {
    /// The mapping's name.
    pub mapping: String,
    /// The claim with the name, e.g. `repository`.
    pub claim: String,
    /// The name, e.g. `acme/web`.
    pub value: String,
    /// The claim with the id, e.g. `repository_id`.
    pub id_claim: String,
    /// The id.
    pub id: String,
    /// The decision that pinned it, `dec_...`.
    pub decision: String,
    /// When, RFC 3339.
    pub at: String,
}

/// Pins of one mapping, by claim, then name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PinList {
    /// The pins.
    pub pins: Vec<Pin>,
}

/// Takes pins of a mapping away, so that the next use of their names pins anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepinRequest {
    /// Name or id of the mapping.
    pub mapping: String,
    /// Only pins of names in this claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// Only pins of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Why, for the audit log; 1 to 500 characters.
    pub reason: String,
    /// Say what would happen, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// What was, or would be, taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RepinResponse {
    /// The pins that are gone; never empty.
    pub removed: Vec<Pin>,
    /// The store's sequence afterwards.
    pub sequence: i64,
    /// Whether nothing was written because the request said so.
    pub dry_run: bool,
}
