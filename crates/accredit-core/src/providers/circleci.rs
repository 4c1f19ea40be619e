//! CircleCI.
//!
//! Every organisation is an issuer of its own. Names of claims hold slashes and are matched as they stand.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{Caches, ClaimFact, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat, SubjectGrammar, claim};
use crate::model::Scalar;

mod starter;

pub use starter::Told;

/// CircleCI, in the cloud or a server of one's own.
pub static CIRCLECI: ProviderKind = ProviderKind {
    name: "circleci",
    sentence: "CircleCI: a job of an organisation",
    default_issuer: None,
    issuer_form: "https://oidc.circleci.com/org/ORGANISATION-ID",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: &[],
    anchors: &["oidc.circleci.com/project-id", "oidc.circleci.com/pipeline-definition-id", "oidc.circleci.com/org-id"],
    tenancy: &["oidc.circleci.com/project-id", "oidc.circleci.com/pipeline-definition-id", "oidc.circleci.com/org-id"],
    pinning: Pinning {
        whose: "which project it means",
        add: "add `oidc.circleci.com/project-id: \"...\"` to match",
        by_id: "match `oidc.circleci.com/project-id`",
    },
    narrow: &["oidc.circleci.com/vcs-ref"],
    subject: SubjectGrammar {
        formats: &[SubjectFormat { name: "second", fits: is_second }, SubjectFormat { name: "first", fits: is_first }],
        pins: subject_pins,
        without_ids: |_| None,
    },
    max_token_lifetime: Duration::from_secs(3600),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Sometimes,
    dangers: &[
        "The issuer is the whole organisation: a mapping without a project trusts all of its jobs.",
        "Where forks get secrets, a stranger builds in your project: match `oidc.circleci.com/vcs-origin` beside it.",
        "The ref is chosen by whoever can push, and stands in no token of a custom webhook.",
        "Somebody can log in to a job that was rerun with SSH: match `oidc.circleci.com/ssh-rerun: false`.",
        "The audience of the default tokens is the organisation, whatever service they are shown to: ask for one of your own.",
    ],
};

use Shape::Text;
use Standing::{Chosen, Circumstance, Permanent, Reassignable};

static CLAIMS: &[ClaimFact] = &[
    claim("aud", Circumstance, Shape::Any),
    claim("exp", Circumstance, Shape::Any),
    claim("iat", Circumstance, Shape::Any),
    claim("iss", Circumstance, Text),
    claim("jti", Circumstance, Text),
    claim("oidc.circleci.com/context-ids", Permanent, Shape::Any),
    claim("oidc.circleci.com/job-id", Circumstance, Text),
    claim("oidc.circleci.com/org-id", Permanent, Text),
    claim("oidc.circleci.com/pipeline-definition-id", Permanent, Text),
    claim("oidc.circleci.com/pipeline-id", Circumstance, Text),
    claim("oidc.circleci.com/project-id", Permanent, Text),
    claim("oidc.circleci.com/ssh-rerun", Circumstance, Shape::Any),
    claim("oidc.circleci.com/vcs-origin", Reassignable, Text),
    claim("oidc.circleci.com/vcs-ref", Chosen, Text),
    claim("oidc.circleci.com/workflow-id", Circumstance, Text),
    claim("sub", Reassignable, Text),
];

use super::starter::is_uuid;

/// `org/UUID/project/UUID/user/UUID` and what follows it.
fn after_user(subject: &str) -> Option<&str> {
    let rest = subject.strip_prefix("org/")?;
    let (org, rest) = rest.split_once("/project/")?;
    let (project, rest) = rest.split_once("/user/")?;
    let (user, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (is_uuid(org) && is_uuid(project) && is_uuid(user)).then_some(rest)
}

fn is_first(subject: &str) -> bool {
    after_user(subject) == Some("")
}

fn is_second(subject: &str) -> bool {
    after_user(subject).is_some_and(|rest| rest.starts_with("/vcs-origin/"))
}

/// A `sub` pins past the project's id.
fn subject_pins(expected: &Scalar) -> Pin {
    let (Scalar::Text(text) | Scalar::Prefix(text)) = expected else { return Pin::Open };
    let project = || {
        let (org, rest) = text.strip_prefix("org/")?.split_once("/project/")?;
        let (project, _) = rest.split_once('/')?;
        Some(is_uuid(org) && is_uuid(project))
    };
    if project().unwrap_or(false) { Pin::Permanent } else { Pin::Open }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F17: the organisation alone, or half a project, is nobody's.
    #[test]
    fn subjects_pin_past_the_project() {
        let (org, project) = ("0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", "1b2c3d4e-5f6a-4b7c-8d8e-9f0a1b2c3d4e");
        for (prefix, pin) in [
            (format!("org/{org}/project/{project}/"), Pin::Permanent),
            (format!("org/{org}/project/{project}"), Pin::Open),
            (format!("org/{org}/"), Pin::Open),
            (format!("org/x/project/{project}/"), Pin::Open),
        ] {
            assert_eq!((CIRCLECI.subject.pins)(&Scalar::Prefix(prefix.as_str().into())), pin, "{prefix}");
        }
    }
}
