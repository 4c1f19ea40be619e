//! Signed requests as evidence: what a provider of kind `aws` accepts instead of tokens.

use accredit_id::aws_request::{Partition, Region};
use serde::{Deserialize, Serialize};

use super::Lifetime;

/// `signedRequests` of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedRequestsSpec {
    /// The signed header that names who a request is meant for; absent means `x-accredit-domain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_header: Option<String>,
    /// What it must say; absent means host and port of this server's public URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// A partition by the name that ARNs have for it: `aws`, `aws-cn`, `aws-eusc`, `aws-us-gov`, or a cut-off one such as `aws-iso`. Absent
    /// means `aws`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// The regions whose token service may be asked; absent means all of the partition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// How old a request may be, 10 seconds to 5 minutes; absent means 5 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Lifetime>,
}

/// What a provider accepts of signed requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequests {
    /// The signed header that names who a request is meant for, lower case.
    pub domain_header: String,
    /// What it must say.
    pub domain: String,
    /// Where the accounts are.
    pub partition: Partition,
    /// Regions, all of that partition; empty means each of them.
    pub regions: Vec<Region>,
    /// How old.
    pub max_age: Lifetime,
}

impl SignedRequests {
    /// The domain header of a provider that names none.
    pub const DEFAULT_DOMAIN_HEADER: &str = "x-accredit-domain";
    /// The age that is accepted where a provider names none, and the most that it may name.
    pub const MAX_AGE: Lifetime = Lifetime::from_secs(300);
    /// The least that it may name.
    pub const MIN_MAX_AGE: Lifetime = Lifetime::from_secs(10);
}
