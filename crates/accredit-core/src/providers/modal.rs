//! Modal.
//!
//! A container finds one token in `MODAL_IDENTITY_TOKEN` that lives 48 hours and whose audience nobody chooses: whatever
//! service it is shown to could show it here. The workspace and the environment are the fence.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{
    Caches, ClaimFact, Guard, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat, SubjectGrammar, claim,
};
use crate::model::Scalar;

mod starter;

pub use starter::Told;

/// The issuer of Modal.
pub const ISSUER: &str = "https://oidc.modal.com";

/// Modal.
pub static MODAL: ProviderKind = ProviderKind {
    name: "modal",
    sentence: "Modal: a function or sandbox",
    default_issuer: Some(ISSUER),
    issuer_form: "",
    default_audiences: &["oidc.modal.com"],
    claims: CLAIMS,
    attributes: &[],
    anchors: &["app_id", "environment_id", "workspace_id", "sub"],
    tenancy: &["workspace_id", "environment_id", "app_id"],
    pinning: Pinning {
        whose: "whose workspace it means",
        add: "add `workspace_id: \"ac-...\"` to match",
        by_id: "match `workspace_id`: it stands in the token, `accredit explain` shows it",
    },
    narrow: &["environment_id", "app_name"],
    subject: SubjectGrammar {
        formats: &[SubjectFormat { name: "container", fits: is_container }],
        pins: subject_pins,
        without_ids: |_| None,
    },
    // 48 hours, and what clocks differ by.
    max_token_lifetime: Duration::from_secs(49 * 3600),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Always,
    dangers: &[
        "Every workspace on Modal shares one issuer and one audience: a mapping without a workspace trusts all of them.",
        "The audience is always `oidc.modal.com`: whoever else is shown the token can show it here, for up to 48 hours.",
        "Names of environments, apps and functions are chosen by whoever deploys into the workspace.",
        "A container has one token for its whole life: `replay: once` lets only its first exchange through.",
        "Sandboxes get no token unless they are made so; with one, whatever runs in them is the workload.",
    ],
};

use Shape::Text;
use Standing::{Chosen, Circumstance, Permanent, Reassignable};

static WORKSPACE: Guard = Guard::alone("workspace_name", "workspace_id");

static CLAIMS: &[ClaimFact] = &[
    claim("app_id", Permanent, Text),
    claim("app_name", Chosen, Text),
    claim("aud", Circumstance, Shape::Any),
    claim("container_id", Circumstance, Text),
    claim("environment_id", Permanent, Text),
    claim("environment_name", Reassignable, Text).guarded(&WORKSPACE),
    claim("exp", Circumstance, Shape::Any),
    claim("function_id", Permanent, Text),
    claim("function_name", Chosen, Text),
    claim("iat", Circumstance, Shape::Any),
    claim("iss", Circumstance, Text),
    claim("jti", Circumstance, Text),
    claim("sub", Reassignable, Text),
    claim("workspace_id", Permanent, Text),
    claim("workspace_name", Reassignable, Text).guarded(&WORKSPACE),
];

fn is_container(subject: &str) -> bool {
    subject.starts_with("modal:workspace_id:") && subject.contains(":container_id:")
}

/// A `sub` pins once it goes past the workspace's id.
fn subject_pins(expected: &Scalar) -> Pin {
    let (Scalar::Text(text) | Scalar::Prefix(text)) = expected else { return Pin::Open };
    match text.strip_prefix("modal:workspace_id:").and_then(|rest| rest.split_once(':')) {
        Some((workspace, _)) if workspace.len() > 3 && workspace.starts_with("ac-") => Pin::Permanent,
        _ => Pin::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F08: half an id is nobody's.
    #[test]
    fn subjects_pin_past_the_workspace() {
        for (prefix, pin) in [
            ("modal:workspace_id:ac-1a", Pin::Open),
            ("modal:workspace_id:ac-1a:", Pin::Permanent),
            ("modal:workspace_id:ac-:", Pin::Open),
            ("modal:environment_name:main:", Pin::Open),
        ] {
            assert_eq!((MODAL.subject.pins)(&Scalar::Prefix(prefix.into())), pin, "{prefix}");
        }
    }
}
