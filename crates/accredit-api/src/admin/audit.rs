//! The audit log on the wire.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One audit record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// Position in the log: chain, batch and index.
    pub position: String,
    /// `dec_...` for exchanges and logins, `act_...` for acts of administration.
    pub id: String,
    /// When, RFC 3339.
    pub at: String,
    /// `exchange-allowed`, `exchange-denied`, `resources-applied`, `server-started`, ...
    pub event: String,
    /// One line for a table.
    pub summary: String,
    /// The whole record. Where its `detail.parts` lists ids, these records have the rest of its `detail.changes`.
    pub detail: Value,
}

/// Records, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditList {
    /// The records.
    pub records: Vec<AuditRecord>,
    /// Ask with `page_token` for what follows; absent at the end. A page may be short, even empty, and not be the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// The result of walking every chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditVerification {
    /// Chains seen (one a process start).
    pub chains: u64,
    /// Batches seen.
    pub batches: u64,
    /// Records seen.
    pub records: u64,
    /// Signed heads seen and verified.
    pub heads: u64,
    /// Records whose values were erased; the chain covers commitments to them.
    #[serde(default)]
    pub erased: u64,
    /// Records that were removed behind signed checkpoints.
    #[serde(default)]
    pub removed: u64,
    /// What does not hold, in order; empty when all is well.
    pub breaks: Vec<AuditBreak>,
}

/// What the log is compared with beside its own heads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyAuditRequest {
    /// Heads that were kept elsewhere.
    #[serde(default)]
    pub heads: Vec<AuditHead>,
}

/// How far a chain had come when it was signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditHead {
    /// The chain, hexadecimal.
    pub chain: String,
    /// The number of its last batch; 0 when it had none.
    pub batch: i64,
    /// The hash of that batch, hexadecimal.
    pub hash: String,
    /// When it was signed, Unix seconds.
    pub signed_at: i64,
    /// The key that signed it.
    pub key: String,
    /// The signature, hexadecimal.
    pub signature: String,
}

/// The heads that the store holds, in the order of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditHeadList {
    /// The heads.
    pub heads: Vec<AuditHead>,
}

/// One place where the audit log is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditBreak {
    /// The chain.
    pub chain: String,
    /// The batch number in the chain.
    pub batch: i64,
    /// What is wrong.
    pub message: String,
}

/// Records as events of OCSF, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditEvents {
    /// The events, as a sink gets them.
    pub events: Vec<Value>,
    /// Ask with `page_token` for what follows; absent at the end. A page may be short, even empty, and not be the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Erases the values of records, for whoever has a right to it: claims, explanations, addresses. What was decided stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EraseRequest {
    /// Records with a claim of exactly this value. It is not written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Of these only such as are about this provider, by name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// One record, `dec_...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// Why, for the audit log; 1 to 500 characters.
    pub reason: String,
    /// Say what would happen, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// What was, or would be, erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EraseResponse {
    /// How many records lose their values.
    pub records: u64,
    /// The record of the act, `act_...`; absent where nothing was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<String>,
    /// Whether nothing was written because the request said so.
    pub dry_run: bool,
}
