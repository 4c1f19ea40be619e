//! Resources: what can be written into the store, and how one says it.
//!
//! A resource arrives as a [`Document`] (one YAML document of `accredit apply`), is parsed into the [`Spec`] of its
//! [`Kind`] and compiled against the other resources into a [`Resource`], whose references are ids and whose
//! expressions are programs. There is no other way to make one.

mod actors;
mod administrator;
mod api;
mod ci_cd_profile;
mod cluster;
mod date;
mod document;
mod duration;
mod fault;
mod federation;
mod grant;
mod id;
mod kind;
mod login;
mod mapping;
mod matching;
mod name;
mod permission;
mod project;
mod provider;
mod resource;
mod role;
#[cfg(feature = "openapi")]
pub mod schema;
mod service_account;
mod signed_requests;
mod suppression;
mod trust_domain;
pub mod yaml;

pub use actors::{Actors, ActorsSpec};
pub use administrator::{AdminRole, Administrator, AdministratorSpec, Realm};
pub use api::{Api, ApiSpec, Signing};
pub use ci_cd_profile::{CiCdProfile, CiCdProfileSpec, LinkFault, link, linked, unlink};
pub use cluster::{
    AgentAttestation, AgentAttestationSpec, AgentPolicy, AgentPolicySpec, AllowedIssuer, AllowedIssuerSpec, Attestor,
    AttestorSpec, AttestorType, AudiencePattern, Cluster, ClusterSpec, Condition, ConfigDocument, IssuancePolicy,
    IssuancePolicySpec, JwtAttestation, JwtAttestationSpec, JwtPolicySpec, KubernetesAttestationSpec,
    LinuxAttestationSpec, OperatorPath, OperatorsSpec, Override, OverrideSpec, Policy, PolicySpec, Section, SwitchSpec,
    WorkloadAttestation, WorkloadAttestationSpec, X509PolicySpec,
};
pub use date::{Date, DateFault};
pub use document::{Document, Parsed};
pub use duration::Lifetime;
pub use fault::{Fault, Faults};
pub use federation::{Federation, FederationProfile, FederationSpec};
pub use grant::{Given, Grant, GrantSpec};
pub use id::{DecisionId, Id, IdFault};
pub use kind::{Kind, Ownership};
pub use login::{Login, LoginSpec};
pub use mapping::{
    ApiPermissions, Bound, Clause, Clauses, Mapping, MappingPermissions, MappingSpec, PermissionsSpec, Replay,
};
pub use matching::{Claim, Expected, Match, Scalar, ValueFault, Values};
pub use name::{Name, NameFault};
pub use permission::{Permission, Permissions};
pub use project::{Project, ProjectSpec};
pub(crate) use provider::joined;
pub use provider::{DiscoverySpec, KeysSpec, Provider, ProviderSpec, SpiffeBundleSpec};
pub(crate) use resource::plain;
pub use resource::{Compiled, Resource, Spec};
pub use role::{Role, RoleSpec};
pub use service_account::{ServiceAccount, ServiceAccountSpec};
pub use signed_requests::{SignedRequests, SignedRequestsSpec};
pub use suppression::Suppression;
pub use trust_domain::{TrustDomain, TrustDomainSpec};
