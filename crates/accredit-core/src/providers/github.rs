//! GitHub Actions.
//!
//! Since 15 July 2026 new, renamed and transferred repositories have an immutable `sub` (`repo:OWNER@ID/REPO@ID:...`);
//! others keep the classic one (`repo:OWNER/REPO:...`). Both may be customised away, so policy should rest on
//! `repository_id`, `repository_owner_id` and `ref`, never on the text of `sub`.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{
    Caches, ClaimFact, Guard, NamedId, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat, SubjectGrammar,
    claim,
};
use crate::model::Scalar;

mod starter;

pub use starter::Starter;

/// The issuer of github.com.
pub const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// GitHub Actions, on github.com, with data residency, or an enterprise server of one's own.
pub static GITHUB: ProviderKind = ProviderKind {
    name: "github",
    sentence: "GitHub Actions: a workflow run with `id-token: write`",
    default_issuer: Some(ISSUER),
    issuer_form: "",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: &[],
    anchors: &["repository_id", "repository", "sub", "repository_owner_id", "repository_owner", "job_workflow_ref"],
    tenancy: &["repository_id", "repository_owner_id", "enterprise_id", "repository", "repository_owner", "enterprise"],
    pinning: Pinning {
        whose: "who owns the repository",
        add: "add `repository_owner_id: \"...\"` or `repository_id: \"...\"` to match",
        by_id: "match `repository_id` and `repository_owner_id`: gh api repos/OWNER/REPO --jq '.id, .owner.id'",
    },
    narrow: &["ref"],
    subject: SubjectGrammar {
        formats: &[
            SubjectFormat { name: "immutable", fits: is_immutable },
            SubjectFormat { name: "classic", fits: is_classic },
        ],
        pins: subject_pins,
        without_ids,
    },
    // Documented as five minutes; tokens of six hours have been seen published.
    max_token_lifetime: Duration::from_secs(6 * 3600),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Never,
    dangers: &[
        "Every repository on GitHub shares one issuer: a mapping without an owner or repository trusts all of them.",
        "Names are reused after a rename or deletion; `repository_id` and `repository_owner_id` are not.",
        "`ref`, `workflow` and `environment` are chosen by whoever can push; alone they pin nothing.",
        "`pull_request_target`, `workflow_run` and `issue_comment` run with the base repository's identity on behalf of strangers.",
        "A self-hosted runner keeps what earlier jobs left: match `runner_environment` if that matters.",
    ],
};

use Shape::Text;
use Standing::{Chosen, Circumstance, Permanent, Reassignable};

static REPOSITORY: Guard = Guard {
    whole: NamedId { name: "repository", id: "repository_id" },
    within: Some(NamedId { name: "repository_owner", id: "repository_owner_id" }),
};
static OWNER: Guard = Guard::alone("repository_owner", "repository_owner_id");
static ENTERPRISE: Guard = Guard::alone("enterprise", "enterprise_id");
static ACTOR: Guard = Guard::alone("actor", "actor_id");

static CLAIMS: &[ClaimFact] = &[
    claim("actor", Reassignable, Text).guarded(&ACTOR),
    claim("actor_id", Permanent, Text),
    claim("aud", Circumstance, Shape::Any),
    claim("base_ref", Chosen, Text),
    claim("check_run_id", Circumstance, Text),
    claim("enterprise", Reassignable, Text).guarded(&ENTERPRISE),
    claim("enterprise_id", Permanent, Text),
    claim("environment", Chosen, Text),
    claim("environment_node_id", Permanent, Text),
    claim("event_name", Circumstance, Text),
    claim("exp", Circumstance, Shape::Any),
    claim("head_ref", Chosen, Text),
    claim("iat", Circumstance, Shape::Any),
    claim("iss", Circumstance, Text),
    claim("issuer_scope", Circumstance, Text),
    claim("job_workflow_ref", Reassignable, Text),
    claim("job_workflow_sha", Circumstance, Text),
    claim("jti", Circumstance, Text),
    claim("nbf", Circumstance, Shape::Any),
    claim("ref", Chosen, Text),
    claim("ref_protected", Circumstance, Text),
    claim("ref_type", Circumstance, Text),
    claim("repository", Reassignable, Text).guarded(&REPOSITORY).of_segments(2),
    claim("repository_id", Permanent, Text),
    claim("repository_owner", Reassignable, Text).guarded(&OWNER),
    claim("repository_owner_id", Permanent, Text),
    claim("repository_visibility", Circumstance, Text),
    claim("run_attempt", Circumstance, Text),
    claim("run_id", Circumstance, Text),
    claim("run_number", Circumstance, Text),
    claim("runner_environment", Circumstance, Text),
    claim("sha", Circumstance, Text),
    claim("sub", Reassignable, Text).guarded(&REPOSITORY),
    claim("workflow", Chosen, Text),
    claim("workflow_ref", Reassignable, Text).guarded(&REPOSITORY),
    claim("workflow_sha", Circumstance, Text),
];

/// `repo:OWNER@OWNER_ID/REPO@REPO_ID:...`. The short-lived form with hyphens is not told from a classic name that
/// holds a hyphen, so it counts as classic and its digits never as ids.
fn is_immutable(subject: &str) -> bool {
    let ids = || {
        let (owner, rest) = subject.strip_prefix("repo:")?.split_once('/')?;
        let (repository, _) = rest.split_once(':')?;
        Some(has_id(owner) && has_id(repository))
    };
    ids().unwrap_or(false)
}

fn has_id(part: &str) -> bool {
    part.rsplit_once('@').is_some_and(|(name, id)| {
        !name.is_empty() && !name.contains('@') && !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_classic(subject: &str) -> bool {
    let parts = || {
        let (owner, rest) = subject.strip_prefix("repo:")?.split_once('/')?;
        let (repository, _) = rest.split_once(':')?;
        Some(is_plain(owner) && is_plain(repository))
    };
    parts().unwrap_or(false)
}

/// `repo:OWNER@ID/REPO@ID:REST` as `repo:OWNER/REPO:REST`, and the classic form as it is; also what either begins with.
fn without_ids(subject: &str) -> Option<String> {
    let (owner, rest) = subject.strip_prefix("repo:")?.split_once('/')?;
    let (repository, rest) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
    let name = |part: &str| match part.rsplit_once('@') {
        Some((name, _)) if has_id(part) => Some(name.to_owned()),
        None if part.is_empty() || is_plain(part) => Some(part.to_owned()),
        _ => None,
    };
    Some(format!("repo:{}/{}{rest}", name(owner)?, name(repository)?))
}

fn is_plain(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// A `sub` pins a tenant when it goes past the owner's delimiter, and pins it firmly when the owner's id is in it.
fn subject_pins(expected: &Scalar) -> Pin {
    let (Scalar::Text(text) | Scalar::Prefix(text)) = expected else { return Pin::Open };
    let Some((owner, _)) = text.strip_prefix("repo:").and_then(|rest| rest.split_once('/')) else { return Pin::Open };
    if has_id(owner) {
        Pin::Permanent
    } else if is_plain(owner) {
        Pin::ByName
    } else {
        Pin::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F13: the immutable form is known, the hyphenated one never counts as ids.
    #[test]
    fn subject_formats() {
        for (subject, format) in [
            ("repo:acme/web:ref:refs/heads/main", Some("classic")),
            ("repo:acme@98/web@123:ref:refs/heads/main", Some("immutable")),
            ("repo:acme-98/web-123:ref:refs/heads/main", Some("classic")),
            ("repo:acme@98/web:ref:refs/heads/main", None),
            ("repo:acme@x/web@1:ref:refs/heads/main", None),
            ("repo:@98/web@123:pull_request", None),
            ("repo:acme/web", None),
            ("workflow:deploy", None),
        ] {
            assert_eq!(GITHUB.subject_format(subject), format, "{subject}");
        }
    }

    /// F08: a prefix that ends before the owner's delimiter pins nobody.
    #[test]
    fn subjects_pin_past_the_owner_only() {
        let prefix = |text: &str| Scalar::Prefix(text.into());
        for (expected, pin) in [
            (prefix("repo:"), Pin::Open),
            (prefix("repo:acme"), Pin::Open),
            (prefix("repo:acme/"), Pin::ByName),
            (prefix("repo:acme@98/"), Pin::Permanent),
            (prefix("repo:acme-98/"), Pin::ByName),
            (Scalar::Text("repo:acme/web:pull_request".into()), Pin::ByName),
            (Scalar::Text("environment:prod".into()), Pin::Open),
            (Scalar::Int(5), Pin::Open),
        ] {
            assert_eq!((GITHUB.subject.pins)(&expected), pin, "{expected}");
        }
    }
}
