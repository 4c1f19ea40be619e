//! Every service account of a namespace: whoever may make one there is trusted (F16, TP067).

use super::reading::{clause, mapping, text, values};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "kubernetes-namespace-wide",
    sentence: "a mapping names a namespace and no service account",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    let whole = |(text, open): &(&str, bool)| {
        let rest = text.strip_prefix(ACCOUNTS).filter(|rest| !rest.is_empty());
        *open && rest.is_some_and(|rest| rest.split_once(':').is_none_or(|(_, name)| name.is_empty()))
    };
    let by_subject = values(mapping, "sub").iter().filter_map(text).any(|value| whole(&value));
    let named =
        ["sub", "x.service_account", "x.service_account_uid"].iter().any(|claim| clause(mapping, claim).is_some());
    let by_claim = provider.kind.name == "kubernetes" && clause(mapping, "x.namespace").is_some() && !named;
    if !by_subject && !by_claim {
        return Vec::new();
    }
    let message = format!("`{}` takes every service account of its namespace", resource.name);
    vec![Finding::new("spec.match", message).fix("write `sub: system:serviceaccount:NAMESPACE:NAME`")]
}

const ACCOUNTS: &str = "system:serviceaccount:";
