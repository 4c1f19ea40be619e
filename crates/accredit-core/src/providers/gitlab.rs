//! GitLab CI/CD.
//!
//! A job names its tokens and their audiences in `id_tokens`. In a pipeline of a merge request from a fork, `project_*` is
//! the fork and `job_project_*` the project that it runs in.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{
    Caches, ClaimFact, Guard, NamedId, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat, SubjectGrammar,
    claim, unrecorded,
};
use crate::model::Scalar;

mod starter;

pub use starter::Told;

/// The issuer of GitLab.com.
pub const ISSUER: &str = "https://gitlab.com";

/// GitLab, on gitlab.com or an instance of one's own.
pub static GITLAB: ProviderKind = ProviderKind {
    name: "gitlab",
    sentence: "GitLab CI/CD: a job with `id_tokens`",
    default_issuer: Some(ISSUER),
    issuer_form: "",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: &[],
    anchors: &["project_id", "project_path", "job_project_id", "sub", "namespace_id", "namespace_path"],
    tenancy: &["project_id", "namespace_id", "project_path", "namespace_path"],
    pinning: Pinning {
        whose: "whose project it means",
        add: "add `project_id: \"...\"` or `namespace_id: \"...\"` to match",
        by_id: "match `project_id` and `namespace_id`: glab api projects/GROUP%2FPROJECT --jq '.id, .namespace.id'",
    },
    narrow: &["ref_path"],
    subject: SubjectGrammar {
        formats: &[SubjectFormat { name: "classic", fits: is_classic }],
        pins: subject_pins,
        without_ids: |_| None,
    },
    // As long as the job may run; five minutes where nothing says how long.
    max_token_lifetime: Duration::from_secs(24 * 3600),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Sometimes,
    dangers: &[
        "Every project on gitlab.com shares one issuer: a mapping without a project or group trusts all of them.",
        "Paths are reused after a rename, a transfer or a deletion; `project_id` and `namespace_id` are not.",
        "`ref`, `environment` and `deployment_tier` are chosen by whoever can push; require `ref_protected: \"true\"` where the branch is protected.",
        "`user_login` and `user_email` say who pressed the button, not whose code runs.",
        "In a pipeline of a merge request from a fork `project_id` is the fork, while `job_project_id` is the project that was forked.",
        "A job has one token for all its steps: `replay: once` lets only the first of them through.",
    ],
};

use Shape::Text;
use Standing::{Chosen, Circumstance, Permanent, Reassignable};

static PROJECT: Guard = Guard {
    whole: NamedId { name: "project_path", id: "project_id" },
    within: Some(NamedId { name: "namespace_path", id: "namespace_id" }),
};
static JOB_PROJECT: Guard = Guard {
    whole: NamedId { name: "job_project_path", id: "job_project_id" },
    within: Some(NamedId { name: "job_namespace_path", id: "job_namespace_id" }),
};
static NAMESPACE: Guard = Guard::alone("namespace_path", "namespace_id");
static JOB_NAMESPACE: Guard = Guard::alone("job_namespace_path", "job_namespace_id");
static USER: Guard = Guard::alone("user_login", "user_id");
static EMAIL: Guard = Guard::alone("user_email", "user_id");

static CLAIMS: &[ClaimFact] = &[
    claim("aud", Circumstance, Shape::Any),
    claim("ci_config_ref_uri", Reassignable, Text),
    claim("ci_config_sha", Circumstance, Text),
    claim("deployment_tier", Chosen, Text),
    claim("environment", Chosen, Text),
    claim("environment_action", Chosen, Text),
    claim("environment_protected", Circumstance, Text),
    claim("exp", Circumstance, Shape::Any),
    unrecorded("groups_direct", Reassignable, Shape::Any),
    claim("iat", Circumstance, Shape::Any),
    claim("iss", Circumstance, Text),
    claim("job_id", Circumstance, Text),
    claim("job_namespace_id", Permanent, Text),
    claim("job_namespace_path", Reassignable, Text).guarded(&JOB_NAMESPACE),
    claim("job_project_id", Permanent, Text),
    claim("job_project_path", Reassignable, Text).guarded(&JOB_PROJECT),
    claim("jti", Circumstance, Text),
    claim("namespace_id", Permanent, Text),
    claim("namespace_path", Reassignable, Text).guarded(&NAMESPACE),
    claim("nbf", Circumstance, Shape::Any),
    claim("pipeline_id", Circumstance, Text),
    claim("pipeline_source", Circumstance, Text),
    claim("project_id", Permanent, Text),
    claim("project_path", Reassignable, Text).guarded(&PROJECT),
    claim("project_visibility", Circumstance, Text),
    claim("ref", Chosen, Text),
    claim("ref_path", Chosen, Text),
    claim("ref_protected", Circumstance, Text),
    claim("ref_type", Circumstance, Text),
    claim("runner_environment", Circumstance, Text),
    claim("runner_id", Circumstance, Shape::Any),
    claim("sha", Circumstance, Text),
    claim("sub", Reassignable, Text).guarded(&PROJECT),
    claim("user_access_level", Reassignable, Text),
    unrecorded("user_email", Reassignable, Text).guarded(&EMAIL),
    claim("user_id", Permanent, Text),
    unrecorded("user_identities", Reassignable, Shape::Any),
    claim("user_login", Reassignable, Text).guarded(&USER),
];

fn is_classic(subject: &str) -> bool {
    let parts = || {
        let (path, rest) = subject.strip_prefix("project_path:")?.split_once(':')?;
        Some(path.contains('/') && rest.starts_with("ref_type:") && rest.contains(":ref:"))
    };
    parts().unwrap_or(false)
}

/// A `sub` pins by name when it goes past the top-level group's slash.
fn subject_pins(expected: &Scalar) -> Pin {
    let (Scalar::Text(text) | Scalar::Prefix(text)) = expected else { return Pin::Open };
    match text.strip_prefix("project_path:").and_then(|rest| rest.split_once('/')) {
        Some((group, _)) if !group.is_empty() && !group.contains(':') => Pin::ByName,
        _ => Pin::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F15: a beginning that ends before the group's slash is everybody whose name begins so.
    #[test]
    fn subjects_pin_past_the_group() {
        let prefix = |text: &str| Scalar::Prefix(text.into());
        for (expected, pin) in [
            (prefix("project_path:"), Pin::Open),
            (prefix("project_path:acme"), Pin::Open),
            (prefix("project_path:acme/"), Pin::ByName),
            (prefix("project_path:acme/team/"), Pin::ByName),
            (Scalar::Text("project_path:acme/web:ref_type:branch:ref:main".into()), Pin::ByName),
            (Scalar::Text("ref_type:branch:ref:a/b".into()), Pin::Open),
        ] {
            assert_eq!((GITLAB.subject.pins)(&expected), pin, "{expected}");
        }
    }
}
