//! An AWS account is no workload, and its root is everything in it (F20, TP070).

use super::reading::{looks_at, of_kind, text, values};
use super::tenant_not_pinned::pin_of;
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::providers::Pin;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "aws-account-wide",
    sentence: "a mapping takes every role and user of an AWS account, or its root",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = of_kind(resource, world, &["aws"]) else { return Vec::new() };
    let arns = || ["sub", "arn"].into_iter().flat_map(|claim| values(mapping, claim)).filter_map(text);
    if arns().any(|(arn, open)| !open && arn.ends_with(":root")) {
        let message = format!("`{}` takes the root of an account", resource.name);
        return vec![Finding::new("spec.match", message).fix("match a role of the workload's own")];
    }
    // A condition may say which role. What pins no account at all is another rule's.
    let says_no_more = mapping.condition.is_none() && !NARROWING.iter().any(|claim| looks_at(mapping, claim));
    if !says_no_more || pin_of(mapping, provider) == Pin::Open || arns().any(|(arn, open)| !open || !is_all(arn)) {
        return Vec::new();
    }
    let message = format!("`{}` takes every role and user of an account", resource.name);
    vec![Finding::new("spec.match", message).fix("match the role as well, by `role_id`, `role_name` or `sub`")]
}

/// Whether the beginning of an ARN ends before the name of a role or user does begin.
fn is_all(beginning: &str) -> bool {
    beginning.matches(':').count() < 5 || beginning.split('/').nth(1).is_none_or(str::is_empty)
}

/// What tells something within it.
const NARROWING: [&str; 4] = ["role_id", "role_name", "user_id", "x.source_function"];
