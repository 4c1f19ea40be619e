//! A token that outlives the evidence it was made from (TP103).

use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "outlives-subject",
    sentence: "a mapping's tokens may end after the evidence that they were made from",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, _: &World) -> Vec<Finding> {
    let Some(longer) = resource.as_mapping().and_then(|mapping| mapping.outlives_subject) else { return Vec::new() };
    vec![
        Finding::new(
            "spec.outlivesSubject",
            format!("tokens of `{}` may live {longer} longer than what proved them", resource.name),
        )
        .fix("remove `outlivesSubject` and let the workload exchange again"),
    ]
}
