//! `WorkloadAttestation`: how workloads prove who they are.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::{Clauses, Id, Lifetime, Match, Provider, Replay};

/// `spec` of the section `WorkloadAttestation`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadAttestationSpec {
    /// Pods, seen by an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<KubernetesAttestationSpec>,
    /// Processes, seen by an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linux: Option<LinuxAttestationSpec>,
    /// Units of systemd, seen by an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systemd: Option<SwitchSpec>,
    /// Containers, seen by an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker: Option<SwitchSpec>,
    /// Jobs that show a token of their platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<JwtAttestationSpec>,
}

/// Something that is on or off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SwitchSpec {
    /// Whether it is on; absent means off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// What is told of pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesAttestationSpec {
    /// Whether it is on; absent means on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Which annotations are told: those that begin so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include_annotation_prefixes: Vec<String>,
    /// How signatures of images are checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub sigstore: Option<Map<String, Value>>,
}

/// What is told of processes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinuxAttestationSpec {
    /// Whether it is on; absent means on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether the path of its binary is told, which needs the right to trace it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discover_workload_path: Option<bool>,
}

/// Whose tokens attest jobs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JwtAttestationSpec {
    /// Whether tokens attest anything; absent means no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// By whom they are issued.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_issuers: Vec<AllowedIssuerSpec>,
}

/// An issuer whose tokens attest jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedIssuerSpec {
    /// The `iss` of the tokens, compared byte for byte.
    pub issuer: String,
    /// Its kind, as a provider's `type`; absent means the one that its issuer tells.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Where its keys lie; absent means discovery.
    #[serde(default, rename = "jwksURI", skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Which `aud` the tokens must bear, one of them; absent means `spiffe://TRUST-DOMAIN`, or what the platform fixes. No
    /// audience of a provider of the same issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audiences: Option<Vec<String>>,
    /// What each claim must be; all must hold. The grammar of a mapping's `match`.
    #[serde(default, skip_serializing_if = "Match::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, crate::model::Expected>))]
    pub required_claims: Match,
    /// Whether a token may be shown again; absent means that it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// `now - iat` of the tokens at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Lifetime>,
    /// The `CiCdProfile` that says this; the entry says nothing else then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// How workloads prove who they are. What agents see is for them to read; here lies what the server checks itself.
#[derive(Clone, Debug, Default)]
pub struct WorkloadAttestation {
    /// Whose tokens attest jobs.
    pub jwt: JwtAttestation,
}

/// Whose tokens attest jobs.
#[derive(Clone, Debug, Default)]
pub struct JwtAttestation {
    /// Whether tokens attest anything.
    pub enabled: bool,
    /// By whom they are issued; no issuer twice with the same audience.
    pub allowed_issuers: Box<[AllowedIssuer]>,
}

/// An issuer whose tokens attest jobs.
#[derive(Clone, Debug)]
pub struct AllowedIssuer {
    /// What its tokens must show and where its keys lie: a provider like any other, but that it belongs to the cluster.
    pub provider: Box<Provider>,
    /// What its tokens must say.
    pub required: Clauses,
    /// Whether a token may be shown again.
    pub replay: Replay,
    /// Whether its required claims say whose tokens are meant; true where nobody else shares the issuer.
    pub is_pinned: bool,
    /// The profile that says it; while that is disabled, the entry does not count.
    pub profile: Option<Id>,
    /// Its place in `allowedIssuers`, from 0.
    pub place: usize,
}

// === impl JwtAttestation ===

impl JwtAttestation {
    /// The entries of this issuer; none where tokens attest nothing. Which of them count, [`crate::world::World`] says.
    pub fn of_issuer(&self, issuer: &str) -> impl Iterator<Item = &AllowedIssuer> {
        let entries: &[AllowedIssuer] = if self.enabled { &self.allowed_issuers } else { &[] };
        entries.iter().filter(move |entry| entry.provider.issuer == issuer)
    }
}
