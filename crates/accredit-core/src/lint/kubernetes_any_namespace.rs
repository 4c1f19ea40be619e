//! Every service account of a cluster: whoever may make a namespace or a pod is trusted (F16, TP067).

use super::reading::{mapping, text, values};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "kubernetes-any-namespace",
    sentence: "a mapping takes service accounts of any namespace",
    severity: Severity::Error,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, _)) = mapping(resource, world) else { return Vec::new() };
    let any = |(text, open): &(&str, bool)| *open && text.starts_with("system:") && ACCOUNTS.starts_with(text);
    let Some((text, _)) = values(mapping, "sub").iter().filter_map(text).find(any) else { return Vec::new() };
    let message = format!("`sub: {text}*` of `{}` is every service account of the cluster", resource.name);
    vec![Finding::new("spec.match", message).fix("write `sub: system:serviceaccount:NAMESPACE:NAME`")]
}

const ACCOUNTS: &str = "system:serviceaccount:";
