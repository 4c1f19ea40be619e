//! A decision, as its operator reads it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::identity::IdentityShown;
use crate::svid::Wanted;

/// A question that issues nothing, spends nothing and fetches nothing.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExplainRequest {
    /// The subject token. Not recorded anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Claims typed in by hand, instead of a token or laid over the token's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Map<String, Value>>,
    /// Name or id of the provider; absent: found by the token's issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Name or id of the service account asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// Name or id of the one mapping to be judged by, as a request may name it; it also names its provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<String>,
    /// The API's audience, name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// Permissions asked for, space-separated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The token of whoever acts for the subject. Not recorded anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_token: Option<String>,
    /// The actor's claims typed in by hand, instead of a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_claims: Option<Map<String, Value>>,
    /// Name or id of the actor's provider; absent: found by his token's issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_provider: Option<String>,
    /// Judge as if the request proved a key: `dpop`, `mtls`, or `any` for both; that of the tokens' own `cnf`, where they have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    /// Judge as if it were this time, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// In place of a service account: the cluster, by name or id, of which SVIDs would be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// With `cluster`: the SVIDs that would be asked for; one X509-SVID when absent. A certification request may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub svids: Option<Vec<Wanted>>,
    /// Rank near misses over every mapping of every provider, whatever was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// With `all`: how many mappings are told, the nearest first; 20 unless it says otherwise, 1000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<u32>,
}

impl std::fmt::Debug for ExplainRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExplainRequest")
            .field("provider", &self.provider)
            .field("service_account", &self.service_account)
            .field("mapping", &self.mapping)
            .field("api", &self.api)
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

/// Everything that is known of a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// `dec_...`; absent for a question that was only asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// Allowed or denied.
    pub verdict: Verdict,
    /// Stable kebab-case reason of a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// One sentence: seen and expected.
    pub summary: String,
    /// At most one action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// When, RFC 3339.
    pub at: String,
    /// Who vouches for the claims: `verified`, `typed-in` or `key-not-cached`.
    pub standing: String,
    /// Provider name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Service account name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// API name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// Of a request for SVIDs: the cluster's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Of SVIDs: whose they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spiffe_id: Option<String>,
    /// Of a request for SVIDs: how the identity came about, or why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityShown>,
    /// Permissions granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
    /// Seconds that the token lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u64>,
    /// Claims seen, as far as this reader may see them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub claims: Map<String, Value>,
    /// The store's sequence that the decision was made on.
    pub sequence: i64,
    /// Every mapping considered, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub considered: Vec<Considered>,
    /// How many mappings were ranked, when the question was about all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranked: Option<u64>,
    /// The smallest fix, as YAML for `accredit apply`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Who acts for the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<ActorShown>,
}

/// Whoever acts for a subject, as far as it is known of him.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ActorShown {
    /// His provider's name.
    pub provider: String,
    /// His claims, as far as the reader may see them.
    pub claims: Map<String, Value>,
}

/// Allowed or denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A token was, or would be, issued.
    Allow,
    /// None.
    Deny,
}

/// One mapping and how it fared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Considered {
    /// The mapping's name.
    pub mapping: String,
    /// Its id.
    pub id: String,
    /// Its provider, when the question was about all mappings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Whether it is disabled, or its project is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Whether all of its clauses hold.
    pub matched: bool,
    /// Every clause, in the mapping's order.
    pub clauses: Vec<Clause>,
    /// To what kind of key its tokens must be bound, where it says: `dpop`, `mtls` or `any`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    /// Every entry of its `actors`, where somebody acts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<ConsideredActor>,
}

/// One entry of a mapping's `actors` and how it fared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConsideredActor {
    /// The name of its provider.
    pub provider: String,
    /// Whether the actor may act by it.
    pub matched: bool,
    /// Every clause; none where the actor's provider is another one.
    pub clauses: Vec<Clause>,
}

/// One clause of a mapping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Clause {
    /// A claim's name, or the text of a condition's conjunct.
    pub clause: String,
    /// Whether it holds.
    pub outcome: Outcome,
    /// What was seen, rendered; absent when the claim is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// What was expected, rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// How near it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near: Option<NearMiss>,
    /// Whether nobody wrote it down: what is expected is what was seen at the first use of a name.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pinned: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// How a clause came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It could not be evaluated, which is never a match.
    Error,
    /// It does not hold.
    Failed,
    /// It holds.
    Held,
    /// The record does not keep this claim's value.
    NotRecorded,
}

/// A difference that a person would overlook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NearMiss {
    /// Only upper and lower case differ.
    Case,
    /// The same digits, once as a number and once as a string.
    Type,
    /// Only a slash at the end differs.
    TrailingSlash,
    /// White space around it.
    WhiteSpace,
    /// GitHub's classic subject against the immutable one, or the reverse.
    SubjectFormat,
}
