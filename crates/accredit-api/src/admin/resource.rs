//! Resources on the wire: the same shape as one YAML document of `accredit apply`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One resource. In YAML: `kind`, `name`, optional `id`, optional `enabled: false`, `spec`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resource {
    /// `Project`, `ServiceAccount`, `API`, `Role`, `Grant`, `Provider`, `Mapping` or `Administrator`.
    pub kind: String,
    /// `NAME` for what the server owns, `PROJECT/NAME` for what a project owns.
    pub name: String,
    /// The id, e.g. `map_...`. May be given on create so that a rebuild from YAML breaks no client; never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether it counts; absent means `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Counts its changes, from 1; also its entity tag. Said by the server; in a set of documents it means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// What the kind's schema says.
    #[serde(default)]
    pub spec: Value,
}

/// One resource to be created or replaced; its place in the API says the kind, and for `PUT` the name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewResource {
    /// The kind, if it is to be said twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The name; needed where the path does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The id wanted for a new one; the present one otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether it counts; absent means `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The revision that is replaced, as `If-Match` says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// What the kind's schema says.
    #[serde(default)]
    pub spec: Value,
}

/// What was, or would be, written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// The resource as it stands; absent on a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// What happened.
    pub changes: Vec<Change>,
    /// What the linter says of the result.
    pub findings: Vec<Finding>,
    /// The store's sequence afterwards.
    pub sequence: i64,
    /// Whether nothing was written because the request said so.
    pub dry_run: bool,
}

/// A page of one kind, by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ResourcePage {
    /// The resources.
    pub resources: Vec<Resource>,
    /// Ask with `page_token` for what follows; absent at the end. Opaque, and good under writes in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
    /// The store's sequence that this page shows.
    pub sequence: i64,
}

/// Resources in the order of kind, then name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ResourceList {
    /// The resources.
    pub resources: Vec<Resource>,
    /// The store's sequence that this list shows.
    pub sequence: i64,
}

/// Names one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamedResource {
    /// The kind, as in [`Resource::kind`].
    pub kind: String,
    /// Name or id.
    pub name: String,
    /// Only while it is at this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// Say what would happen, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// A set of documents to bring into force, all or nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplyRequest {
    /// The documents, in any order.
    pub resources: Vec<Resource>,
    /// Say what would happen, change nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// Also delete what is not among the documents.
    #[serde(default)]
    pub prune: bool,
    /// Delete only what this project owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

/// What was, or would be, done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApplyResponse {
    /// One entry a document, in its order; deletions after them.
    pub changes: Vec<Change>,
    /// What the linter says of the result.
    pub findings: Vec<Finding>,
    /// The store's sequence afterwards.
    pub sequence: i64,
    /// Whether nothing was written because the request said so.
    pub dry_run: bool,
}

/// One resource's change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What happens to it.
    pub action: Action,
    /// Kind of the resource.
    pub kind: String,
    /// Name of the resource.
    pub name: String,
    /// Its id (on a dry run of a create: absent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Field by field, for updates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// What a disable or delete would newly allow through another mapping (L06), one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub newly_allowed: Vec<String>,
}

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It did not exist.
    Create,
    /// It is deleted.
    Delete,
    /// It is as the document says already.
    Unchanged,
    /// It existed and differs.
    Update,
}

/// One field before and after; `None` means absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// Path, e.g. `spec.match.ref`.
    pub field: String,
    /// Before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// After.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// What the linter found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Rule id, kebab-case, e.g. `tenant-not-pinned`.
    pub rule: String,
    /// Errors refuse the write, warnings show.
    pub severity: Severity,
    /// Kind of the resource.
    pub kind: String,
    /// Name of the resource.
    pub name: String,
    /// The field, e.g. `spec.match`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// The smallest fix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Why it may stand, if somebody said so; it is not to be shown then, nor to count. Never of an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<Suppressed>,
}

/// Why a finding may stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Suppressed {
    /// Why.
    pub reason: String,
    /// The last day on which it may (RFC 3339 `full-date`, UTC).
    pub until: String,
}

/// What the linter says of everything in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LintReport {
    /// By kind, then name.
    pub findings: Vec<Finding>,
    /// The store's sequence that was looked at; 0 where no store was.
    pub sequence: i64,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Shown on every write.
    Warning,
    /// Refuses the write.
    Error,
}

/// How the server is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The server's version.
    pub version: String,
    /// Where workloads reach it.
    pub public_url: String,
    /// The store's sequence.
    pub sequence: i64,
    /// Number of resources by kind.
    pub resources: std::collections::BTreeMap<String, usize>,
    /// The keys of providers; of all of them, also those that the caller may not read.
    #[serde(default)]
    pub provider_keys: super::KeyTally,
    /// The keys of issuers of jobs, in the same way: `providers` counts issuers.
    #[serde(default)]
    pub job_issuer_keys: super::KeyTally,
    /// What its operator ought to know at once, a sentence each; empty when all is well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_nobody_knows_are_refused() {
        let read = |text: &str| serde_json::from_str::<Resource>(text);
        assert!(read(r#"{"kind": "Project", "name": "ci"}"#).is_ok());
        assert!(read(r#"{"kind": "Project", "name": "ci", "sepc": {}}"#).is_err());
    }
}
