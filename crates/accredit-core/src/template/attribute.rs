//! What a template can name.

use std::fmt;

use accredit_id::shown::Shown;

use crate::nearest_name::nearest;

/// What a template or a condition of an issuance policy reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// `cluster.name`: of the cluster.
    Cluster,
    /// `realm`, also written `spirl.realm`: the realm that the cluster belongs to.
    Realm,
    /// `trust_domain.name`: of the trust domain.
    TrustDomain,
    /// `jwt.claim.NAME`: a top-level claim of the job's token, by its exact name; dots mean nothing.
    Claim(Box<str>),
    /// `jwt.x.NAME`: what the kind of the token's issuer derives, as a mapping's `x.NAME`.
    Derived(Box<str>),
    /// What an agent or a login tells, by its whole name: `kubernetes.pod.namespace`, `linux.user.name`, ...
    Told(Box<str>),
}

/// Why a name is no attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{seen}` is no attribute")]
pub struct AttributeFault {
    /// As it was written.
    pub seen: Shown,
    /// The one that was meant, perhaps.
    pub nearest: Option<String>,
}

// === impl Attribute ===

impl Attribute {
    /// Reads a name.
    ///
    /// # Errors
    /// No attribute is called so.
    pub fn parse(name: &str) -> Result<Self, AttributeFault> {
        let is_plain = name.len() <= MOST_BYTES && !name.chars().any(char::is_control);
        if let (true, Some(claim)) = (is_plain, name.strip_prefix("jwt.claim.").filter(|claim| !claim.is_empty())) {
            return Ok(Attribute::Claim(claim.into()));
        }
        if let (true, Some(derived)) = (is_plain, name.strip_prefix("jwt.x.").filter(|derived| !derived.is_empty())) {
            return Ok(Attribute::Derived(derived.into()));
        }
        let is_open = OPEN.iter().any(|root| name.strip_prefix(root).is_some_and(|rest| !rest.is_empty()));
        match name {
            "cluster.name" => Ok(Attribute::Cluster),
            "realm" | "spirl.realm" => Ok(Attribute::Realm),
            "trust_domain.name" => Ok(Attribute::TrustDomain),
            told if TOLD.contains(&told) || (is_plain && is_open) => Ok(Attribute::Told(told.into())),
            other => Err(AttributeFault { seen: Shown::of(other), nearest: meant(other) }),
        }
    }

    /// Whether it says which image a container runs: too changeable to be part of a name.
    pub fn is_of_an_image(&self) -> bool {
        matches!(self, Attribute::Told(name) if name.contains(".image.") || name.ends_with("image_count"))
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Attribute::Cluster => f.write_str("cluster.name"),
            Attribute::Realm => f.write_str("realm"),
            Attribute::TrustDomain => f.write_str("trust_domain.name"),
            Attribute::Claim(name) => write!(f, "jwt.claim.{name}"),
            Attribute::Derived(name) => write!(f, "jwt.x.{name}"),
            Attribute::Told(name) => f.write_str(name),
        }
    }
}

fn meant(written: &str) -> Option<String> {
    let own = ["cluster.name", "realm", "spirl.realm", "trust_domain.name"];
    if written.starts_with("jwt.claim.") {
        return None;
    }
    if let Some(claim) = ["jwt.claims.", "jwt.", "claim.", "claims."].iter().find_map(|root| written.strip_prefix(root))
        && !claim.is_empty()
        && claim.len() <= MOST_BYTES
    {
        return Some(format!("jwt.claim.{}", Shown::of(claim)));
    }
    nearest(written, own.into_iter().chain(TOLD.iter().copied())).map(str::to_owned)
}

/// What agents and logins tell.
static TOLD: &[&str] = &[
    "email.domain",
    "email.username",
    "kubernetes.container.image.id",
    "kubernetes.container.image.name",
    "kubernetes.container.name",
    "kubernetes.pod.image_count",
    "kubernetes.pod.init_image_count",
    "kubernetes.pod.name",
    "kubernetes.pod.namespace",
    "kubernetes.pod.node.name",
    "kubernetes.pod.owner",
    "kubernetes.pod.owner_uid",
    "kubernetes.pod.service_account",
    "kubernetes.pod.uid",
    "linux.binary.path",
    "linux.group.id",
    "linux.group.name",
    "linux.supp_group.id",
    "linux.supp_group.name",
    "linux.user.id",
    "linux.user.name",
    "node_group.name",
    "systemd.control_group",
    "systemd.fragment_path",
    "systemd.id",
    "systemd.invocation_id",
];

/// What begins names whose rest the platform or the node's attestor gives.
static OPEN: &[&str] = &[
    "aws_iid.",
    "aws_sigv4.",
    "azure_imds.",
    "azure_msi.",
    "docker.",
    "gcp_iit.",
    "k8s_token.",
    "kubernetes.pod.annotation.",
    "kubernetes.pod.container.",
    "kubernetes.pod.init_container.",
    "kubernetes.pod.label.",
    "ssh_pop.",
    "tpm_devid.",
    "tpm_ek.",
    "x509_pop.",
];

/// No name of an attribute is longer.
const MOST_BYTES: usize = 256;
