//! Clusters: what shares attestation and issuance policy.

mod agents;
mod attestation;
mod issuance;

use accredit_id::trust_domain::TrustDomain as TrustDomainName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Id, Lifetime, Name};

pub use agents::{
    AgentAttestation, AgentAttestationSpec, AgentPolicy, AgentPolicySpec, Attestor, AttestorSpec, AttestorType,
};
pub use attestation::{
    AllowedIssuer, AllowedIssuerSpec, JwtAttestation, JwtAttestationSpec, KubernetesAttestationSpec,
    LinuxAttestationSpec, SwitchSpec, WorkloadAttestation, WorkloadAttestationSpec,
};
pub use issuance::{
    AudiencePattern, Condition, IssuancePolicy, IssuancePolicySpec, JwtPolicySpec, OperatorPath, OperatorsSpec,
    Override, OverrideSpec, Policy, PolicySpec, X509PolicySpec,
};

/// `spec` of a `Cluster`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSpec {
    /// Its trust domain, by name or id. Never changes.
    pub trust_domain: String,
    /// The realm of the trust domain that it belongs to: the first segment of its paths. Never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
    /// No SVID of it lives longer, whatever its policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_svid_lifetime: Option<Lifetime>,
    /// Its policy, each section at most once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config: Vec<ConfigDocument>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A document of managed configuration: it says itself what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfigDocument {
    /// What it is about: `WorkloadAttestation`, `SVIDIssuancePolicy`, `AgentAttestation`.
    pub section: String,
    /// The version of its form: `v1`.
    pub schema: String,
    /// What the section's form says.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub spec: Value,
}

/// A section of managed configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// How nodes prove who they are.
    AgentAttestation,
    /// Which identities workloads become.
    IssuancePolicy,
    /// How workloads prove who they are.
    WorkloadAttestation,
}

/// A cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its name.
    pub name: Name,
    /// Its trust domain.
    pub trust_domain: Id,
    /// The trust domain's own name.
    pub trust_domain_name: TrustDomainName,
    /// The realm of the trust domain that it belongs to.
    pub realm: Option<Box<str>>,
    /// No SVID of it lives longer.
    pub max_svid_lifetime: Option<Lifetime>,
    /// How workloads prove who they are.
    pub attestation: WorkloadAttestation,
    /// Which identities they become.
    pub issuance: IssuancePolicy,
    /// How nodes prove who they are.
    pub agents: AgentAttestation,
}

// === impl Section ===

impl Section {
    /// Every section.
    pub const ALL: [Section; 3] = [Section::AgentAttestation, Section::IssuancePolicy, Section::WorkloadAttestation];

    /// The only schema of each.
    pub const SCHEMA: &'static str = "v1";

    /// Its name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Section::AgentAttestation => "AgentAttestation",
            Section::IssuancePolicy => "SVIDIssuancePolicy",
            Section::WorkloadAttestation => "WorkloadAttestation",
        }
    }

    /// Finds a section by its name in documents.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.name() == name)
    }
}
