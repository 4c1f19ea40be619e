//! A reusable workflow at a branch: whoever can push to it changes what was trusted (F12, TP063).

use super::reading::{mapping, text, values};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "workflow-by-branch",
    sentence: "a reusable workflow is trusted at whatever a branch holds",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, _)) = mapping(resource, world) else { return Vec::new() };
    let refs = ["job_workflow_ref", "ci_config_ref_uri"].into_iter().flat_map(|claim| values(mapping, claim));
    let moves = |(text, open): &(&str, bool)| match text.split_once('@') {
        Some((_, at)) => at.starts_with("refs/heads/") || *open && !at.starts_with("refs/tags/"),
        None => *open,
    };
    let finding = |(text, open): (&str, bool)| {
        let star = if open { "*" } else { "" };
        let message = format!("`{}` trusts workflow `{text}{star}` as its branch holds it", resource.name);
        Finding::new("spec.match", message).fix("name it at a protected tag or a commit: `...@refs/tags/v1`")
    };
    refs.filter_map(text).filter(moves).map(finding).collect()
}
