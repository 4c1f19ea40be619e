//! Many audiences: each is a service whose tokens can be shown here as well (E02, TP006).

use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "audience-many",
    sentence: "a provider accepts many audiences, or tokens that are also for others",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, _: &World) -> Vec<Finding> {
    let Some(provider) = resource.as_provider() else { return Vec::new() };
    let mut findings = Vec::new();
    if provider.audiences.len() > MOST {
        let message = format!("`{}` accepts {} audiences", resource.name, provider.audiences.len());
        findings.push(Finding::new("spec.audiences", message).fix("keep the audience that workloads ask for"));
    }
    if provider.many_audiences {
        let message = format!("`{}` accepts tokens that are also for others, who can show them here", resource.name);
        findings.push(
            Finding::new("spec.manyAudiences", message)
                .fix("remove `manyAudiences`, and have workloads ask for one audience"),
        );
    }
    findings
}

/// One for what is in use, one for what is to come, one for a spelling.
const MOST: usize = 3;
