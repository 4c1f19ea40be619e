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
    /// What does not hold, in order; empty when all is well.
    pub breaks: Vec<AuditBreak>,
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
