//! A provider's keys on the wire: how they are, and which sets were seen.

use serde::{Deserialize, Serialize};

/// How a provider's keys are, and which sets it was seen to have. Times are RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProviderKeys {
    /// The provider's name.
    pub provider: String,
    /// The set that is held.
    #[serde(flatten)]
    pub held: HeldKeys,
    /// The sets that it was seen to have, newest first; those that may have counted at the time that was asked about, when one
    /// was.
    pub history: Vec<SeenKeySet>,
}

/// The key set that is held of an issuer, and how it is fetched. Times are RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HeldKeys {
    /// `discovery`, `jwksUrl` or `uploaded`.
    pub source: String,
    /// The URL of the set that is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// `unasked` (nobody has needed them, so nothing was fetched), `fresh`, `due`, `stale` (held, the latest fetch failed),
    /// `failing` (none held, the latest fetch failed), `expired` (too old to be used) or `uploaded`.
    pub state: String,
    /// When the set that is held was fetched or confirmed; of an uploaded one, when it was seen first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// From when on the next token begins a refresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_at: Option<String>,
    /// Until when the set is used if its issuer is not reached again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usable_until: Option<String>,
    /// When the latest fetch began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried_at: Option<String>,
    /// Until when no other fetch begins; absent when one may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try_at: Option<String>,
    /// Why the latest fetch failed; absent when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<KeyFetchFault>,
    /// Fetches that brought or confirmed a set, since the server started.
    pub fetches: u64,
    /// Fetches that failed, since the server started.
    pub failures: u64,
    /// The keys that verify.
    pub keys: Vec<ProviderKey>,
    /// Keys of the set that are not used, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<DroppedProviderKey>,
    /// What somebody should look at, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How the keys are by which a cluster judges its jobs. Times are RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClusterKeys {
    /// The cluster's name.
    pub cluster: String,
    /// Whether it takes jobs at all: it and its JWT attestation are enabled.
    pub takes_jobs: bool,
    /// Its `allowedIssuers`, in their order.
    pub issuers: Vec<JobIssuerKeys>,
}

/// How the keys of an issuer of jobs are. Clusters that have them from the same place share them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobIssuerKeys {
    /// The issuer.
    pub issuer: String,
    /// What its tokens must be for.
    pub audiences: Vec<String>,
    /// The set that is held. It is never `uploaded`.
    #[serde(flatten)]
    pub held: HeldKeys,
}

/// The keys of all providers that were asked for since the server started, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyTally {
    /// Providers.
    pub providers: usize,
    /// Their keys that verify.
    pub usable: usize,
    /// Keys of their sets that are not used.
    pub dropped: usize,
    /// Providers whose keys are held, and whose latest fetch failed.
    pub stale: usize,
    /// Providers that have no key to judge by.
    pub failing: usize,
}

/// Why a provider's keys could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyFetchFault {
    /// The stable code, such as `fetch-timeout`.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A public key of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProviderKey {
    /// Its name in the set; empty when it has none.
    pub kid: String,
    /// What it may sign by, such as `RS256`.
    pub algorithms: Vec<String>,
    /// What it is called by its own bytes (RFC 7638, SHA-256).
    pub thumbprint: String,
    /// Whether it is of the set that the issuer will change over to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub staged: bool,
    /// It counts from then on, by its own document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// It counts until then, by its own document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
}

/// A key that is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DroppedProviderKey {
    /// Its name in the set; empty when none can be read.
    pub kid: String,
    /// Why, a sentence.
    pub reason: String,
}

/// A key set that a provider was seen to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SeenKeySet {
    /// When it was seen first.
    pub first_seen: String,
    /// When it was seen last; a minute late at most.
    pub last_seen: String,
    /// The audit record of the first look, `adm_...`.
    pub record: String,
    /// The URL that it came from; absent for an uploaded set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Its usable keys.
    pub keys: Vec<ProviderKey>,
}
