//! HCP Terraform.
//!
//! A run has a token for each audience that its workspace names. What plans and what applies are told apart by the run's
//! phase: whoever may open a pull request can plan.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{
    Caches, ClaimFact, Guard, NamedId, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat, SubjectGrammar,
    claim,
};
use crate::model::Scalar;

mod starter;

pub use starter::Told;

/// The issuer of HCP Terraform.
pub const ISSUER: &str = "https://app.terraform.io";

/// HCP Terraform, and Terraform Enterprise.
pub static TERRAFORM_CLOUD: ProviderKind = ProviderKind {
    name: "terraform-cloud",
    sentence: "HCP Terraform and Terraform Enterprise: a run of a workspace",
    default_issuer: Some(ISSUER),
    issuer_form: "",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: &[],
    anchors: &[
        "terraform_workspace_id",
        "terraform_project_id",
        "terraform_organization_id",
        "sub",
        "terraform_full_workspace",
        "terraform_organization_name",
    ],
    tenancy: &[
        "terraform_organization_id",
        "terraform_workspace_id",
        "terraform_project_id",
        "terraform_full_workspace",
        "terraform_organization_name",
    ],
    pinning: Pinning {
        whose: "whose organisation it means",
        add: "add `terraform_organization_id: \"...\"` or `terraform_workspace_id: \"...\"` to match",
        by_id: "match `terraform_organization_id` and `terraform_workspace_id`: they stand in the token, and in the settings of the workspace",
    },
    narrow: &["terraform_run_phase"],
    subject: SubjectGrammar {
        formats: &[SubjectFormat { name: "run", fits: is_run }, SubjectFormat { name: "test", fits: is_test }],
        pins: subject_pins,
        without_ids: |_| None,
    },
    // As long as the phase may take.
    max_token_lifetime: Duration::from_secs(24 * 3600),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Sometimes,
    dangers: &[
        "Every organisation on HCP Terraform shares one issuer: a mapping without an organisation or workspace trusts all of them.",
        "Names are reused after a rename or deletion; `terraform_organization_id` and `terraform_workspace_id` are not.",
        "A speculative plan runs what a pull request brings: give `plan` less than `apply`.",
        "Whoever may change the configuration of a workspace can do what its runs can.",
        "A run has one token for each audience: `replay: once` lets only its first exchange through.",
    ],
};

use Shape::Text;
use Standing::{Circumstance, Permanent, Reassignable};

static WORKSPACE: Guard = Guard {
    whole: NamedId { name: "terraform_full_workspace", id: "terraform_workspace_id" },
    within: Some(NamedId { name: "terraform_organization_name", id: "terraform_organization_id" }),
};
static ORGANIZATION: Guard = Guard::alone("terraform_organization_name", "terraform_organization_id");

static CLAIMS: &[ClaimFact] = &[
    claim("aud", Circumstance, Shape::Any),
    claim("exp", Circumstance, Shape::Any),
    claim("iat", Circumstance, Shape::Any),
    claim("iss", Circumstance, Text),
    claim("jti", Circumstance, Text),
    claim("nbf", Circumstance, Shape::Any),
    claim("sub", Reassignable, Text).guarded(&ORGANIZATION),
    claim("terraform_full_workspace", Reassignable, Text).guarded(&WORKSPACE),
    claim("terraform_organization_id", Permanent, Text),
    claim("terraform_organization_name", Reassignable, Text).guarded(&ORGANIZATION),
    claim("terraform_project_id", Permanent, Text),
    claim("terraform_project_name", Reassignable, Text).guarded(&ORGANIZATION),
    claim("terraform_run_id", Circumstance, Text),
    claim("terraform_run_phase", Circumstance, Text),
    claim("terraform_workspace_id", Permanent, Text),
    claim("terraform_workspace_name", Reassignable, Text).guarded(&ORGANIZATION),
];

fn is_run(subject: &str) -> bool {
    subject.starts_with("organization:") && subject.contains(":workspace:") && subject.contains(":run_phase:")
}

fn is_test(subject: &str) -> bool {
    subject.starts_with("organization:") && subject.contains(":module:") && subject.ends_with(":operation:test_run")
}

/// A `sub` pins by name once it goes past the organisation.
fn subject_pins(expected: &Scalar) -> Pin {
    let (Scalar::Text(text) | Scalar::Prefix(text)) = expected else { return Pin::Open };
    match text.strip_prefix("organization:").and_then(|rest| rest.split_once(':')) {
        Some((organization, _)) if !organization.is_empty() => Pin::ByName,
        _ => Pin::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F17, TP076: the organisation must be whole.
    #[test]
    fn subjects_pin_past_the_organisation() {
        for (prefix, pin) in [
            ("organization:", Pin::Open),
            ("organization:acme", Pin::Open),
            ("organization:acme:", Pin::ByName),
            ("organization::project:", Pin::Open),
        ] {
            assert_eq!((TERRAFORM_CLOUD.subject.pins)(&Scalar::Prefix(prefix.into())), pin, "{prefix}");
        }
    }
}
