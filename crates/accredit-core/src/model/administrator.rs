//! Administrators: who may change and read what on this server.

use serde::{Deserialize, Serialize};

use super::{Clauses, Id, Match};

/// `spec` of an `Administrator`. A server's own may have any role, a realm's among them; a project's own has a role in that
/// project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdministratorSpec {
    /// The provider that says who it is, by name or id.
    pub provider: String,
    /// What each claim must be; all must hold. The grammar of a mapping's `match`.
    #[serde(default, rename = "match")]
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, super::Expected>))]
    pub matches: Match,
    /// What such a person or workload may do.
    pub role: AdminRole,
    /// The project, for the roles that have one; absent on a project's own document, which says it by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The trust domain, by name or id, for the roles of a realm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_domain: Option<String>,
    /// The realm of that trust domain, for the roles that have one. It need not have a cluster yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What an administrator may do; the table of rights is `decide::access`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AdminRole {
    /// Reads and writes everything.
    Owner,
    /// Reads everything, writes what projects own but providers and administrators.
    Operator,
    /// Reads everything, the audit log among it.
    Auditor,
    /// Writes what one project owns.
    ProjectAdmin,
    /// Reads what one project owns.
    ProjectViewer,
    /// Writes the clusters of one realm, and mints SVIDs in them.
    RealmAdmin,
    /// Reads the clusters of one realm.
    RealmViewer,
}

/// An administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Administrator {
    /// The provider that says who it is.
    pub provider: Id,
    /// What its tokens must say; never empty.
    pub clauses: Clauses,
    /// What it may do.
    pub role: AdminRole,
    /// Where, for the roles of a project.
    pub project: Option<Id>,
    /// Where, for the roles of a realm.
    pub realm: Option<Realm>,
}

/// A realm: what some clusters of a trust domain share, their paths' first segment and their administrators.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Realm {
    /// Its trust domain.
    pub trust_domain: Id,
    /// Its name, unique in the trust domain.
    pub name: Box<str>,
}

impl AdminRole {
    /// Every role, the mightiest first.
    pub const ALL: [AdminRole; 7] = [
        AdminRole::Owner,
        AdminRole::Operator,
        AdminRole::Auditor,
        AdminRole::ProjectAdmin,
        AdminRole::ProjectViewer,
        AdminRole::RealmAdmin,
        AdminRole::RealmViewer,
    ];

    /// Its name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            AdminRole::Owner => "owner",
            AdminRole::Operator => "operator",
            AdminRole::Auditor => "auditor",
            AdminRole::ProjectAdmin => "project-admin",
            AdminRole::ProjectViewer => "project-viewer",
            AdminRole::RealmAdmin => "realm-admin",
            AdminRole::RealmViewer => "realm-viewer",
        }
    }

    /// Whether it is a role in one project.
    pub const fn is_of_project(self) -> bool {
        matches!(self, AdminRole::ProjectAdmin | AdminRole::ProjectViewer)
    }

    /// Whether it is a role in one realm.
    pub const fn is_of_realm(self) -> bool {
        matches!(self, AdminRole::RealmAdmin | AdminRole::RealmViewer)
    }
}
