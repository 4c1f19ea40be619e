//! Bitbucket Pipelines.
//!
//! Every workspace is an issuer of its own, by its slug. UUIDs are written in braces.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{Caches, ClaimFact, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat, SubjectGrammar, claim};
use crate::model::Scalar;

mod starter;

pub use starter::Told;

/// Bitbucket Pipelines.
pub static BITBUCKET: ProviderKind = ProviderKind {
    name: "bitbucket",
    sentence: "Bitbucket Pipelines: a step with `oidc: true`",
    default_issuer: None,
    issuer_form: "https://api.bitbucket.org/2.0/workspaces/WORKSPACE/pipelines-config/identity/oidc",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: &[],
    anchors: &["repositoryUuid", "workspaceUuid"],
    tenancy: &["repositoryUuid", "workspaceUuid"],
    pinning: Pinning {
        whose: "which repository it means",
        add: "add `repositoryUuid: \"{...}\"` to match",
        by_id: "match `repositoryUuid`",
    },
    narrow: &["branchName"],
    subject: SubjectGrammar {
        formats: &[
            SubjectFormat { name: "deployment", fits: is_deployment },
            SubjectFormat { name: "step", fits: is_step },
        ],
        pins: subject_pins,
        without_ids: |_| None,
    },
    max_token_lifetime: Duration::from_secs(3600),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Sometimes,
    dangers: &[
        "The issuer is the whole workspace: a mapping without a repository trusts all of its pipelines.",
        "The slug of a workspace, which the issuer holds, can be taken by others once it is given up; `workspaceUuid` cannot.",
        "`branchName` is chosen by whoever can push; an environment can be limited to branches and people.",
        "The default audience is the workspace, whatever service the token is shown to: name one of your own in the step.",
    ],
};

use Shape::Text;
use Standing::{Chosen, Circumstance, Permanent, Reassignable};

static CLAIMS: &[ClaimFact] = &[
    claim("aud", Circumstance, Shape::Any),
    claim("branchName", Chosen, Text),
    claim("deploymentEnvironmentUuid", Permanent, Text),
    claim("exp", Circumstance, Shape::Any),
    claim("iat", Circumstance, Shape::Any),
    claim("iss", Circumstance, Text),
    claim("pipelineUuid", Circumstance, Text),
    claim("repositoryUuid", Permanent, Text),
    claim("stepUuid", Circumstance, Text),
    claim("sub", Reassignable, Text),
    claim("workspaceUuid", Permanent, Text),
];

use super::starter::is_uuid;

/// The UUIDs of a subject, each in braces.
fn uuids(subject: &str) -> Option<usize> {
    let is_braced = |part: &str| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')).is_some_and(is_uuid);
    subject.split(':').all(is_braced).then(|| subject.split(':').count())
}

fn is_step(subject: &str) -> bool {
    uuids(subject) == Some(2)
}

fn is_deployment(subject: &str) -> bool {
    uuids(subject) == Some(3)
}

/// A `sub` pins past the repository.
fn subject_pins(expected: &Scalar) -> Pin {
    let (Scalar::Text(text) | Scalar::Prefix(text)) = expected else { return Pin::Open };
    match text.split_once(':') {
        Some((repository, _)) if uuids(repository) == Some(1) => Pin::Permanent,
        _ => Pin::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_pin_past_the_repository() {
        let repository = "{0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d}";
        for (prefix, pin) in [
            (format!("{repository}:"), Pin::Permanent),
            (repository.to_owned(), Pin::Open),
            ("{0a1b2c3d".to_owned(), Pin::Open),
            ("0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d:".to_owned(), Pin::Open),
        ] {
            assert_eq!((BITBUCKET.subject.pins)(&Scalar::Prefix(prefix.as_str().into())), pin, "{prefix}");
        }
    }
}
