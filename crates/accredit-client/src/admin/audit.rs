//! Decisions of the past, and the log that they stand in.

use accredit_api::admin::{
    AuditEvents, AuditHeadList, AuditList, AuditRecord, AuditVerification, EraseRequest, EraseResponse, Explanation,
    VerifyAuditRequest,
};
use http::Method;

use super::{AdminClient, AdminError, Asked, PATIENCE};

impl AdminClient {
    /// Reads a decision of the past by its id.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn decision(&self, id: &str) -> Result<Explanation, AdminError> {
        self.fetch("/v1/decision", &[("id", Some(id))]).await
    }

    /// Lists audit records, newest first, at most `limit`, older than the position `before` when given, and such that each of
    /// `filters` holds: names and values of the query, e.g. `("event", "exchange-denied")`.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn audit(
        &self,
        limit: u32,
        before: Option<&str>,
        filters: &[(&str, Option<&str>)],
    ) -> Result<AuditList, AdminError> {
        let limit = limit.to_string();
        let mut query = vec![("limit", Some(limit.as_str())), ("before", before)];
        query.extend_from_slice(filters);
        self.fetch("/v1/audit", &query).await
    }

    /// Reads one audit record by its id.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn audit_record(&self, id: &str) -> Result<AuditRecord, AdminError> {
        self.fetch("/v1/audit/record", &[("id", Some(id))]).await
    }

    /// Walks every audit chain.
    ///
    /// # Errors
    /// [`AdminError`]; a broken chain is an answer, not an error.
    pub async fn verify_audit(&self, request: &VerifyAuditRequest) -> Result<AuditVerification, AdminError> {
        let body = serde_json::to_vec(request).map_err(|error| self.malformed(error.to_string()))?;
        let target = "/v1/audit/verify".to_owned();
        // The whole log is read: let it take its time.
        self.send(Asked { method: Method::POST, target, body: body.into(), patience: 60 * PATIENCE, key: None }).await
    }

    /// Reads signed heads of the audit log in the order of their signing, from a time on (Unix seconds), at most 50,000.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn audit_heads(&self, from: i64) -> Result<AuditHeadList, AdminError> {
        self.fetch("/v1/audit/heads", &[("from", Some(&from.to_string()))]).await
    }

    /// Reads records as events of OCSF, oldest first, a page at a time: from and to are Unix seconds.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn audit_events(
        &self,
        from: Option<i64>,
        to: Option<i64>,
        page_token: Option<&str>,
    ) -> Result<AuditEvents, AdminError> {
        let (from, to) = (from.map(|at| at.to_string()), to.map(|at| at.to_string()));
        let query = [("from", from.as_deref()), ("to", to.as_deref()), ("page_token", page_token)];
        self.fetch("/v1/audit/events", &query).await
    }

    /// Erases the values of a subject's records, or of one.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn erase_audit(&self, request: &EraseRequest) -> Result<EraseResponse, AdminError> {
        let body = serde_json::to_vec(request).map_err(|error| self.malformed(error.to_string()))?;
        let target = "/v1/audit/erase".to_owned();
        // The whole log is looked through.
        self.send(Asked { method: Method::POST, target, body: body.into(), patience: 60 * PATIENCE, key: None }).await
    }
}
