//! A change, tried on the decisions of the past.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ApplyRequest, NamedResource, Verdict};

/// A change and how far back it is tried. Nothing is written, whatever `dryRun` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplayRequest {
    /// What would be done.
    pub change: ReplayChange,
    /// Decisions of the last so many seconds.
    pub period: u32,
    /// How many subjects of each kind are told, the commonest first; 20 unless it says otherwise, 1000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<u32>,
}

/// What would be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum ReplayChange {
    /// Bring documents into force.
    Apply(ApplyRequest),
    /// Delete one resource.
    Delete(NamedResource),
    /// Make one resource count no longer.
    Disable(NamedResource),
    /// Make one resource count again.
    Enable(NamedResource),
}

/// What the change would have meant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplayReport {
    /// From when on, RFC 3339.
    pub since: String,
    /// Until when, RFC 3339.
    pub until: String,
    /// Decisions that were decided again.
    pub records: u64,
    /// Different subjects among them: records that no mapping can tell apart are one.
    pub subjects: u64,
    /// Denied now, allowed after the change.
    pub newly_allowed: ReplayTally,
    /// Allowed now, denied after the change.
    pub newly_denied: ReplayTally,
    /// Allowed both times, but by another mapping or to something else.
    pub otherwise: ReplayTally,
    /// Not known, because records do not have a claim that decides.
    pub unknown: ReplayTally,
    /// Decisions of the period that were not decided again.
    pub left_out: LeftOut,
    /// What the change may also mean and a replay cannot tell, a clause each. The same for every change.
    pub unforeseen: Vec<String>,
    /// The commonest subjects of each kind.
    pub changes: Vec<ReplayedSubject>,
    /// The store's sequence of the world in force.
    pub sequence: i64,
}

/// How many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplayTally {
    /// Different subjects.
    pub subjects: u64,
    /// Their decisions.
    pub records: u64,
}

/// Decisions that were not decided again, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// Their values were erased.
    pub erased: u64,
    /// The token itself did not hold: expired, or for another audience.
    pub token_faults: u64,
    /// Somebody acted for the subject: what his token said is not decided on again.
    #[serde(default)]
    pub delegated: u64,
    /// There were more subjects than can be kept apart.
    pub too_many_subjects: u64,
    /// Whether there were more decisions than are read; then the oldest were not.
    pub oldest: bool,
}

/// One subject for whom the change matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplayedSubject {
    /// How it matters.
    pub change: ReplayedChange,
    /// The provider's name.
    pub provider: String,
    /// The claims that mappings read, and `sub`.
    pub claims: Map<String, Value>,
    /// Claims that mappings read and the records do not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The service account asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_service_account: Option<String>,
    /// The mapping asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_mapping: Option<String>,
    /// The API asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_api: Option<String>,
    /// The permissions asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_scope: Option<String>,
    /// How many decisions there were about it.
    pub records: u64,
    /// When the latest was made, RFC 3339.
    pub last: String,
    /// The latest.
    pub decision: String,
    /// What is decided in force.
    pub before: ReplayedVerdict,
    /// What would be decided after the change.
    pub after: ReplayedVerdict,
}

/// How a change matters for a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ReplayedChange {
    /// Denied now, allowed then.
    NewlyAllowed,
    /// Allowed now, denied then.
    NewlyDenied,
    /// Allowed by another mapping or to something else.
    Otherwise,
    /// A claim that decides is not in the records.
    Unknown,
}

/// What is decided about a subject.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplayedVerdict {
    /// Absent when it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The mapping that allows it, or those that would have to be known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mappings: Vec<String>,
    /// The service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// The API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// Permissions, as an OAuth scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Seconds that a token would live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u64>,
    /// The reason's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// One sentence: seen and expected.
    pub summary: String,
    /// Claims that decide and are not in the records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_claims: Vec<String>,
}
