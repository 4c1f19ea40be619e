//! A repository without a branch, tag, environment or workflow: whoever can push anywhere in it is trusted, and so are its
//! pull requests (F11, TP033).

use super::reading::{looks_at, of_kind, text, values};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "any-ref",
    sentence: "a mapping on a repository names no branch, tag, environment or workflow, so any of them matches",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = of_kind(resource, world, &["github", "gitlab", "bitbucket"]) else {
        return Vec::new();
    };
    let (narrowing, first) = match provider.kind.name {
        "github" => (&GITHUB[..], "ref: refs/heads/main"),
        "gitlab" => (&GITLAB[..], "ref: main` and `ref_type: branch"),
        _ => (&BITBUCKET[..], "branchName: main"),
    };
    // A subject that goes past the project says the rest itself.
    let subject = values(mapping, "sub").iter().filter_map(text);
    let is_narrow = |(text, open): (&str, bool)| !open || text.matches(':').count() > 2 && !text.ends_with(":ref:");
    let named = subject.clone().next().is_some() && subject.clone().all(is_narrow);
    if named || narrowing.iter().any(|claim| looks_at(mapping, claim)) {
        return Vec::new();
    }
    let message = format!("`{}` names no branch, tag or environment, so any will do", resource.name);
    vec![Finding::new("spec.match", message).fix(format!("add `{first}` to match, or an environment"))]
}

const GITHUB: [&str; 6] = ["ref", "environment", "environment_node_id", "job_workflow_ref", "workflow_ref", "base_ref"];
const GITLAB: [&str; 5] = ["ref", "ref_path", "environment", "ci_config_ref_uri", "ref_protected"];
const BITBUCKET: [&str; 3] = ["branchName", "deploymentEnvironmentUuid", "pipelineUuid"];
