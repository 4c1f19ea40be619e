//! Who may act for the subjects of a mapping.

use serde::{Deserialize, Serialize};

use super::{Clauses, Id, Match, Name};

/// An entry of a mapping's `actors`: whose tokens may be shown as `actor_token` beside those of its subjects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActorsSpec {
    /// The provider that vouches for the actor, by name or id.
    pub provider: String,
    /// What each claim of the actor's token must be; all must hold, and there must be one.
    #[serde(rename = "match")]
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, super::Expected>))]
    pub matches: Match,
}

/// The same, compiled.
#[derive(Clone, Debug)]
pub struct Actors {
    /// The provider.
    pub provider: Id,
    /// The provider's name, for writing the mapping down again.
    pub provider_name: Name,
    /// What each claim must be.
    pub clauses: Clauses,
}

// === impl Actors ===

impl Actors {
    /// As it is written down.
    pub fn spec(&self) -> ActorsSpec {
        ActorsSpec {
            provider: self.provider_name.to_string(),
            matches: self.clauses.iter().map(|clause| (clause.claim.to_string(), clause.expected.clone())).collect(),
        }
    }
}
