//! Mappings: which facts of which provider may become which service account.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Actors, ActorsSpec, Claim, Expected, Id, Lifetime, Match, Name, Permission, Permissions};
use crate::expr::Program;

/// `spec` of a `Mapping`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MappingSpec {
    /// The provider, by name or id.
    pub provider: String,
    /// The service account that the workload becomes, of the mapping's own project.
    pub service_account: String,
    /// What each claim must be; all must hold.
    #[serde(default, rename = "match", skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, super::Expected>))]
    pub matches: Match,
    /// A CEL expression over `assertion` that must be true as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Narrows what the account may do; absent means no narrowing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<PermissionsSpec>,
    /// How long its tokens live at most; 15 minutes unless it says otherwise, 60 minutes at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Lifetime>,
    /// Lets tokens end this much after the evidence they were made from; a lint finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlives_subject: Option<Lifetime>,
    /// Whether evidence may be shown again; absent means what its provider says: tokens may, signed requests may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// Its tokens must be bound to a key; absent means that they are where the request proves one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// Who may act for its subjects (RFC 8693 `actor_token`); none means nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<ActorsSpec>,
    /// Its tokens are for actors alone: a request without one is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub actor_required: bool,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// `permissions` as written: a list where the account reaches one API, else a list for each API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged, expecting = "expected a list of permissions, or {PROJECT/API: [PERMISSION, ...]}")]
pub enum PermissionsSpec {
    /// For whichever API is asked for.
    List(Vec<Permission>),
    /// For each API, by name or id; others are not allowed at all.
    PerApi(BTreeMap<String, Vec<Permission>>),
}

/// Whether evidence may be shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Replay {
    /// As often as it is valid; right for platforms that cache their tokens.
    Reuse,
    /// A second use of the same (provider, `jti`) is refused; a token without `jti` too. Not for platforms that hand the
    /// same token out again.
    Once,
}

/// To what kind of key a token must be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// The key of a DPoP proof (RFC 9449).
    Dpop,
    /// The certificate of the connection (RFC 8705).
    Mtls,
    /// Either.
    Any,
}

// === impl Bound ===

impl Bound {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Bound::Dpop => "dpop",
            Bound::Mtls => "mtls",
            Bound::Any => "any",
        }
    }
}

/// A mapping.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The provider.
    pub provider: Id,
    /// The provider's name, for writing the mapping down again.
    pub provider_name: Name,
    /// The service account.
    pub account: Id,
    /// The account's name.
    pub account_name: Name,
    /// What each claim must be.
    pub clauses: Clauses,
    /// What must be true as well.
    pub condition: Option<Arc<Program>>,
    /// How narrow.
    pub permissions: MappingPermissions,
    /// How long at most.
    pub lifetime: Lifetime,
    /// How long after the evidence.
    pub outlives_subject: Option<Lifetime>,
    /// Whether evidence may be shown again, where it says.
    pub replay: Option<Replay>,
    /// To what its tokens must be bound, where it says.
    pub bound: Option<Bound>,
    /// Who may act for its subjects.
    pub actors: Box<[Actors]>,
    /// Whether somebody must.
    pub actor_required: bool,
    /// For people.
    pub description: Option<Box<str>>,
    /// Index of the clause that the mapping is found by; `None` for a mapping that must be looked at each time.
    pub anchor: Option<usize>,
    /// Whether it trusts names without their permanent ids, so that these are pinned at the first use.
    pub trusts_names: bool,
}

/// The clauses of a mapping. Up to three lie in the mapping itself: a decision reads mappings that nobody has looked at for a
/// while, and each pointer it need not follow is memory it need not wait for.
pub type Clauses = SmallVec<[Clause; 3]>;

/// One expectation of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Which claim.
    pub claim: Claim,
    /// What it must be.
    pub expected: Expected,
}

/// How a mapping narrows what its account may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingPermissions {
    /// Not at all.
    All,
    /// To these, whichever API.
    Only(Permissions),
    /// To these, for each API; others are not allowed.
    PerApi(Box<[ApiPermissions]>),
}

/// What stays allowed on one API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiPermissions {
    /// The API.
    pub api: Id,
    /// Its name.
    pub name: Name,
    /// Which of its permissions.
    pub permissions: Box<[Permission]>,
}

impl MappingPermissions {
    /// Whether a permission of an API stays allowed.
    pub fn allow(&self, api: Id, permission: &Permission) -> bool {
        match self {
            MappingPermissions::All => true,
            MappingPermissions::Only(list) => list.contains(permission),
            MappingPermissions::PerApi(apis) => {
                apis.iter().any(|of| of.api == api && of.permissions.contains(permission))
            }
        }
    }
}

impl Mapping {
    /// The lifetime of a mapping that names none.
    pub const DEFAULT_LIFETIME: Lifetime = Lifetime::from_secs(15 * 60);

    /// The mapping as it is written down: mappings are many, so their documents are not kept beside them.
    pub fn spec(&self) -> MappingSpec {
        MappingSpec {
            provider: self.provider_name.to_string(),
            service_account: self.account_name.to_string(),
            matches: self.clauses.iter().map(|clause| (clause.claim.to_string(), clause.expected.clone())).collect(),
            condition: self.condition.as_ref().map(|program| program.source().to_owned()),
            permissions: match &self.permissions {
                MappingPermissions::All => None,
                MappingPermissions::Only(list) => Some(PermissionsSpec::List(list.to_vec())),
                MappingPermissions::PerApi(apis) => Some(PermissionsSpec::PerApi(
                    apis.iter().map(|api| (api.name.to_string(), api.permissions.to_vec())).collect(),
                )),
            },
            lifetime: Some(self.lifetime),
            outlives_subject: self.outlives_subject,
            replay: self.replay,
            bound: self.bound,
            actors: self.actors.iter().map(Actors::spec).collect(),
            actor_required: self.actor_required,
            description: self.description.as_deref().map(str::to_owned),
        }
    }
}
