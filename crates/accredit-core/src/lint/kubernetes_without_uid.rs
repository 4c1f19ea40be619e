//! A service account by its name: deleted and made again it is another one (F16, TP068).

use super::reading::of_kind;
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "kubernetes-without-uid",
    sentence: "a mapping knows a Kubernetes service account by its name and not by its `uid`",
    severity: Severity::Note,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, _)) = of_kind(resource, world, &["kubernetes"]) else { return Vec::new() };
    if mapping.clauses.iter().any(|clause| clause.claim.to_string().ends_with("uid")) {
        return Vec::new();
    }
    let message = format!("`{}` knows its service account by name", resource.name);
    vec![
        Finding::new("spec.match", message)
            .fix("add its uid to match: kubectl get serviceaccount NAME -o jsonpath='{.metadata.uid}'"),
    ]
}
