//! The account that every pod has which names none (F16, TP067).

use super::reading::{mapping, text, values};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "kubernetes-default-account",
    sentence: "a mapping takes the service account `default`, which every pod has that names none",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    let is_default =
        |(text, open): (&str, bool)| !open && text.starts_with("system:serviceaccount:") && text.ends_with(":default");
    let by_subject = values(mapping, "sub").iter().filter_map(text).any(is_default);
    let by_claim = provider.kind.name == "kubernetes"
        && values(mapping, "x.service_account").iter().filter_map(text).any(|(text, _)| text == "default");
    if !by_subject && !by_claim {
        return Vec::new();
    }
    let message = format!("`{}` takes every pod of its namespace that names no service account", resource.name);
    vec![Finding::new("spec.match", message).fix("give the workload a service account of its own")]
}
