//! `AgentAttestation`: how nodes prove who they are.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `spec` of the section `AgentAttestation`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentAttestationSpec {
    /// A node joins by any of them.
    #[serde(default)]
    pub policies: Vec<AgentPolicySpec>,
}

/// What a node must show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentPolicySpec {
    /// What the policy is called.
    pub name: String,
    /// A node shows all of them.
    pub required_attestors: Vec<AttestorSpec>,
}

/// A proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttestorSpec {
    /// Which: `join_token`, `aws_sigv4`, `k8s_token`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// What it must show, as its type says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub config: Option<Map<String, Value>>,
}

/// How nodes prove who they are; without a policy no node joins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentAttestation {
    /// A node joins by any of them.
    pub policies: Box<[AgentPolicy]>,
}

/// What a node must show.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentPolicy {
    /// What the policy is called.
    pub name: Box<str>,
    /// A node shows all of them; never empty.
    pub required: Box<[Attestor]>,
}

/// A proof.
#[derive(Clone, Debug, PartialEq)]
pub struct Attestor {
    /// Which.
    pub kind: AttestorType,
    /// What it must show.
    pub config: Map<String, Value>,
}

/// What a node can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttestorType {
    /// Its name in documents.
    pub name: &'static str,
    /// Members of its configuration that must be there.
    pub required: &'static [&'static str],
    /// Members of which exactly one must be there; empty where there is no such choice.
    pub one_of: &'static [&'static str],
}

// === impl AttestorType ===

impl AttestorType {
    /// Every type: those that Defakto's documents have, and ours.
    pub const ALL: &'static [AttestorType] = &[
        plain("aws_iid"),
        plain("aws_sigv4"),
        plain("aws_token"),
        plain("azure_imds"),
        plain("azure_msi"),
        AttestorType { name: "custom_jwt", required: &["issuer"], one_of: &["oidcURI", "jwksURI", "keys"] },
        plain("extension"),
        plain("gcp_iit"),
        plain("http_dns"),
        plain("join_token"),
        AttestorType { name: "k8s_token", required: &["issuerURL"], one_of: &[] },
        AttestorType { name: "ssh_pop", required: &["certAuthorities"], one_of: &[] },
        plain("tpm_devid"),
        plain("tpm_ek"),
        plain("x509_pop"),
    ];

    /// Finds a type by its name in documents.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name == name)
    }
}

const fn plain(name: &'static str) -> AttestorType {
    AttestorType { name, required: &[], one_of: &[] }
}
