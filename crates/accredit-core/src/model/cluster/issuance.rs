//! `SVIDIssuancePolicy`: which identities workloads become, with which claims and for how long.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Expected, Lifetime};
use crate::template::{Attribute, ClaimTemplate, DnsTemplate, PathTemplate, RdnTemplate};

/// `spec` of the section `SVIDIssuancePolicy`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssuancePolicySpec {
    /// For every workload that no override matches.
    #[serde(default)]
    pub policy: PolicySpec,
    /// The first of which all conditions hold counts instead; what it leaves out is as `policy` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_overrides: Vec<OverrideSpec>,
    /// What operators may mint for a test; absent means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operators: Option<OperatorsSpec>,
}

/// What SVIDs are made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicySpec {
    /// The path of the SPIFFE ID, e.g. `/{{cluster.name}}/project/{{jwt.claim.project_id}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_template: Option<String>,
    /// X509-SVIDs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x509: Option<X509PolicySpec>,
    /// JWT-SVIDs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<JwtPolicySpec>,
}

/// What X509-SVIDs are made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct X509PolicySpec {
    /// How long they live; absent means 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Lifetime>,
    /// Their subject (RFC 4514), e.g. `CN={{jwt.claim.repository_id}},O=Acme`; absent means an empty one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// DNS names in them, e.g. `{{kubernetes.pod.service_account}}.shop.svc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_names: Option<Vec<String>>,
}

/// What JWT-SVIDs are made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JwtPolicySpec {
    /// How long they live; absent means 5m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Lifetime>,
    /// Claims beside the standard ones, each a value in which texts may be templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub additional_claims: Option<BTreeMap<String, Value>>,
    /// Which of the claims that somebody else reads as a right (`email`, `groups`, a cloud's tags) `additionalClaims` may set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_claims: Option<Vec<String>>,
    /// Which audiences may be asked for: a text, or what one begins with and `*`; absent means all that are not reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audiences: Option<Vec<String>>,
    /// How many audiences one JWT-SVID may have, 1 to 8; absent means one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_audiences: Option<u8>,
}

/// A policy for some workloads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OverrideSpec {
    /// What each attribute must be; all must hold. Values as in a mapping's `match`.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, crate::model::Expected>))]
    pub when: BTreeMap<String, Expected>,
    /// What they get.
    pub policy: PolicySpec,
}

/// What operators may mint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperatorsSpec {
    /// Under which paths: one path, or `/PREFIX/*` for everything below it.
    pub paths: Vec<String>,
}

/// Which identities workloads become.
#[derive(Clone, Debug, Default)]
pub struct IssuancePolicy {
    /// For every workload that no override matches.
    pub base: Policy,
    /// The first of which all conditions hold counts instead.
    pub overrides: Box<[Override]>,
    /// What operators may mint.
    pub operators: Box<[OperatorPath]>,
}

/// What SVIDs are made of; of an override with everything that it takes over from the base.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The path of the SPIFFE ID; without one nothing is issued to jobs.
    pub path: Option<PathTemplate>,
    /// How long X509-SVIDs live.
    pub x509_ttl: Lifetime,
    /// Their subject, in the order of the certificate.
    pub subject: Box<[RdnTemplate]>,
    /// Their DNS names.
    pub dns_names: Box<[DnsTemplate]>,
    /// How long JWT-SVIDs live.
    pub jwt_ttl: Lifetime,
    /// Their additional claims.
    pub claims: Box<[(Box<str>, ClaimTemplate)]>,
    /// Which audiences may be asked for, where it says.
    pub audiences: Option<Box<[AudiencePattern]>>,
    /// How many audiences one JWT-SVID may have.
    pub max_audiences: usize,
}

/// A policy for some workloads.
#[derive(Clone, Debug)]
pub struct Override {
    /// What must hold; never empty.
    pub when: Box<[Condition]>,
    /// What they get.
    pub policy: Policy,
}

/// One condition of an override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What it reads.
    pub attribute: Attribute,
    /// What that must be.
    pub expected: Expected,
}

/// Which audiences may be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudiencePattern {
    /// This one.
    Exact(Box<str>),
    /// Those that begin so.
    Prefix(Box<str>),
}

/// Under which path operators may mint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorPath {
    /// This one.
    Exact(Box<str>),
    /// Everything below; ends with `/`.
    Below(Box<str>),
}

// === impl Policy ===

impl Policy {
    /// How long JWT-SVIDs live where no policy says.
    pub const JWT_TTL: Lifetime = Lifetime::from_secs(5 * 60);
    /// How long X509-SVIDs live where no policy says.
    pub const X509_TTL: Lifetime = Lifetime::from_secs(3600);
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            path: None,
            x509_ttl: Self::X509_TTL,
            subject: Box::default(),
            dns_names: Box::default(),
            jwt_ttl: Self::JWT_TTL,
            claims: Box::default(),
            audiences: None,
            max_audiences: 1,
        }
    }
}

// === impl AudiencePattern ===

impl AudiencePattern {
    /// Whether an audience is meant.
    pub fn takes(&self, audience: &str) -> bool {
        match self {
            AudiencePattern::Exact(exact) => **exact == *audience,
            AudiencePattern::Prefix(prefix) => audience.starts_with(&**prefix),
        }
    }
}

// === impl OperatorPath ===

impl OperatorPath {
    /// Whether a path is meant.
    pub fn takes(&self, path: &str) -> bool {
        match self {
            OperatorPath::Exact(exact) => **exact == *path,
            OperatorPath::Below(prefix) => path.starts_with(&**prefix) && path.len() > prefix.len(),
        }
    }
}
