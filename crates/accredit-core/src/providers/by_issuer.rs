//! Which kind of provider an issuer's tokens are, where its address tells.

use super::{
    ProviderKind, aws, azure, bitbucket, buildkite, circleci, fly, gcp, github, gitlab, kubernetes, modal, oidc,
    terraform_cloud, vercel,
};

/// The kind of an issuer, by its address; the generic one where that tells nothing.
pub fn kind_of_issuer(issuer: &str) -> &'static ProviderKind {
    let known = EXACT.iter().find(|kind| kind.default_issuer == Some(issuer)).copied();
    let formed = || {
        let fits = |(_, prefix, suffix): &&(&ProviderKind, &str, &str)| {
            issuer.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()) && issuer.ends_with(suffix)
        };
        FORMS.iter().find(fits).map(|(kind, _, _)| *kind)
    };
    known.or_else(formed).unwrap_or(&oidc::OIDC)
}

/// Those that everybody means by one address. Of Google's tokens it is machines' that attest jobs, not people's.
static EXACT: &[&ProviderKind] = &[
    &buildkite::BUILDKITE,
    &gcp::GCP,
    &github::GITHUB,
    &gitlab::GITLAB,
    &modal::MODAL,
    &terraform_cloud::TERRAFORM_CLOUD,
    &vercel::VERCEL,
];

/// Those whose customers each have an address: how it begins, and how it ends.
static FORMS: &[(&ProviderKind, &str, &str)] = &[
    (&aws::AWS, "https://", ".tokens.sts.global.api.aws"),
    (&azure::AZURE, "https://login.microsoftonline.com/", "/v2.0"),
    (&azure::AZURE, "https://sts.windows.net/", "/"),
    (&bitbucket::BITBUCKET, "https://api.bitbucket.org/2.0/workspaces/", "/pipelines-config/identity/oidc"),
    (&circleci::CIRCLECI, "https://oidc.circleci.com/org/", ""),
    (&fly::FLY, "https://oidc.fly.io/", ""),
    (&github::GITHUB, "https://token.actions.", ".ghe.com"),
    (&github::GITHUB, "https://", "/_services/token"),
    (&kubernetes::KUBERNETES, "https://container.googleapis.com/v1/projects/", ""),
    (&kubernetes::KUBERNETES, "https://oidc.eks.", ""),
    (&vercel::VERCEL, "https://oidc.vercel.com/", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_tell_kinds() {
        for (issuer, kind) in [
            ("https://token.actions.githubusercontent.com", "github"),
            ("https://token.actions.githubusercontent.com/", "oidc"),
            ("https://token.actions.acme.ghe.com", "github"),
            ("https://gitlab.com", "gitlab"),
            ("https://gitlab.example.org", "oidc"),
            ("https://accounts.google.com", "gcp"),
            ("https://oidc.circleci.com/org/1-2", "circleci"),
            ("https://oidc.circleci.com/org/", "oidc"),
            ("https://login.microsoftonline.com/tenant/v2.0", "azure"),
            ("https://oidc.vercel.com/acme", "vercel"),
            ("https://oidc.eks.eu-west-1.amazonaws.com/id/ABC", "kubernetes"),
            ("https://idp.example.org", "oidc"),
        ] {
            assert_eq!(kind_of_issuer(issuer).name, kind, "{issuer}");
        }
    }
}
