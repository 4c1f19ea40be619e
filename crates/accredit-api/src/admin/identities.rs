//! A change, tried on identities that were given.

use serde::{Deserialize, Serialize};

use super::ReplayChange;

/// A change, and on which cluster's identities of how long it is tried. Nothing is written, whatever `dryRun` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentityReplayRequest {
    /// The cluster, by name or id.
    pub cluster: String,
    /// What would be done.
    pub change: ReplayChange,
    /// Issuances of the last so many seconds.
    pub period: u32,
    /// How many SPIFFE IDs are told, the commonest first; 20 unless it says otherwise, 1000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<u32>,
}

/// What the change would have meant for identities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IdentityReplayReport {
    /// The cluster's name.
    pub cluster: String,
    /// From when on, RFC 3339.
    pub since: String,
    /// Until when, RFC 3339.
    pub until: String,
    /// When the oldest issuance that was looked at was made, RFC 3339; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<String>,
    /// Issuances that were decided again.
    pub records: u64,
    /// Different SPIFFE IDs in them.
    pub identities: u64,
    /// Of these, those that come out as they do now.
    pub same: u64,
    /// Of these, those that may not.
    pub changed: u64,
    /// Issuances of the period that were not decided again.
    pub left_out: IdentitiesLeftOut,
    /// The commonest of those that may not.
    pub changes: Vec<ReplayedIdentity>,
    /// The store's sequence of the world in force.
    pub sequence: i64,
}

/// Issuances that were not decided again, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IdentitiesLeftOut {
    /// Their values were erased.
    pub erased: u64,
    /// An operator minted them, who is no job.
    pub minted: u64,
    /// There were more SPIFFE IDs than can be kept apart.
    pub too_many: u64,
    /// Whether there were more records than are read; then the oldest were not.
    pub oldest: bool,
}

/// One recorded SPIFFE ID for which the change matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplayedIdentity {
    /// As it was recorded.
    pub spiffe_id: String,
    /// How it matters.
    pub change: IdentityChange,
    /// What policy in force makes of the job.
    pub before: IdentityVerdict,
    /// What it would be after the change.
    pub after: IdentityVerdict,
    /// Of how many records that is so.
    pub records: u64,
    /// When the latest was written, RFC 3339.
    pub last: String,
    /// The latest.
    pub decision: String,
}

/// How a change matters for an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum IdentityChange {
    /// The same job is somebody else.
    Renamed,
    /// The same job has no identity any more.
    Refused,
    /// The same job has one, and has none now.
    Admitted,
    /// A claim that decides is not in the records.
    Unknown,
}

/// What becomes of a job: one of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IdentityVerdict {
    /// Who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spiffe_id: Option<String>,
    /// Why it is nobody: the reason's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same in a sentence: seen and expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The claim that would have to be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_claim: Option<String>,
}
