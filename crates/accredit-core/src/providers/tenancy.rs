//! Who shares an issuer, and which claim says whose token it is.
//!
//! A mapping on a shared issuer that pins no tenant trusts every customer of the platform. Such a mapping is refused
//! when it is written.

use super::ProviderKind;
use crate::model::Provider;

/// A public issuer that many customers share, trusted through the generic kind.
#[derive(Debug)]
pub struct SharedIssuer {
    /// The issuer, or what it begins with when a customer's own part follows.
    pub issuer: &'static str,
    /// Whose it is.
    pub platform: &'static str,
    /// Claims of which one must be pinned exactly, permanent ones first.
    pub tenancy: &'static [&'static str],
}

/// Public issuers that have no kind of their own here.
pub static SHARED_ISSUERS: &[SharedIssuer] = &[
    SharedIssuer { issuer: "https://accounts.google.com", platform: "Google", tenancy: &["sub"] },
    SharedIssuer {
        issuer: "https://agent.buildkite.com",
        platform: "Buildkite",
        tenancy: &["organization_id", "organization_slug"],
    },
    SharedIssuer {
        issuer: "https://app.terraform.io",
        platform: "HCP Terraform",
        tenancy: &["terraform_organization_id", "terraform_organization_name"],
    },
    SharedIssuer {
        issuer: "https://gitlab.com",
        platform: "GitLab.com",
        tenancy: &["project_id", "namespace_id", "project_path", "namespace_path"],
    },
    SharedIssuer { issuer: "https://oidc.modal.com", platform: "Modal", tenancy: &["workspace_id"] },
    SharedIssuer { issuer: "https://oidc.vercel.com", platform: "Vercel", tenancy: &["owner_id", "owner"] },
    SharedIssuer { issuer: "https://api.pulumi.com/oidc", platform: "Pulumi Cloud", tenancy: &["organization"] },
    SharedIssuer {
        issuer: "https://identity.oraclecloud.com/",
        platform: "Oracle Cloud",
        tenancy: &["domain_id", "ipst_compartment"],
    },
];

/// What a mapping of a provider must pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenancy {
    /// Whose customers share the issuer.
    pub platform: &'static str,
    /// Claims of which one must be pinned.
    pub claims: &'static [&'static str],
}

/// What a mapping of this provider must pin; `None` when nobody else shares its issuer.
pub fn tenancy_of(provider: &Provider) -> Option<Tenancy> {
    let kind: &ProviderKind = provider.kind;
    if !kind.tenancy.is_empty() {
        return Some(Tenancy { platform: kind.name, claims: kind.tenancy });
    }
    let issuer = provider.issuer.trim_end_matches('/');
    let shared = SHARED_ISSUERS.iter().find(|shared| shared.issuer.trim_end_matches('/') == issuer)?;
    Some(Tenancy { platform: shared.platform, claims: shared.tenancy })
}
