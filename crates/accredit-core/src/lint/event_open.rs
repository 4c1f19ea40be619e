//! Events by which strangers start a run that has the repository's own identity (F12, TP062).

use super::reading::{of_kind, only_reads, permissions, text, values};
use super::{Check, Finding, Rule, Severity};
use crate::expr::{Demand, Test};
use crate::model::{Mapping, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "event-open",
    sentence: "a mapping that gives more than reading does not rule out the events by which strangers start a run",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, _)) = of_kind(resource, world, &["github"]) else { return Vec::new() };
    let writes = permissions(mapping, world).iter().any(|permission| !only_reads(permission));
    if !writes || is_elsewhere(mapping) {
        return Vec::new();
    }
    let open = open_events(mapping);
    if open.is_empty() {
        return Vec::new();
    }
    let events: Vec<_> = open.iter().map(|event| format!("`{event}`")).collect();
    let message = format!("`{}` lets strangers start it by {}", resource.name, events.join(", "));
    vec![Finding::new("spec.match", message).fix("add `event_name: [push, schedule, workflow_dispatch]` to match")]
}

/// The runs of these events are of a branch, or of the default branch; neither of tags nor of `pull_request`.
fn is_elsewhere(mapping: &Mapping) -> bool {
    let all = |claim: &str, fits: fn(&str, bool) -> bool| {
        let values = values(mapping, claim);
        !values.is_empty() && values.iter().all(|value| text(value).is_some_and(|(text, open)| fits(text, open)))
    };
    all("ref", |text, _| text.starts_with("refs/tags/"))
        || all("ref_type", |text, open| text == "tag" && !open)
        || all("sub", |text, open| !open && text.ends_with(":pull_request") || text.contains(":ref:refs/tags/"))
}

fn open_events(mapping: &Mapping) -> Vec<&'static str> {
    let wanted = values(mapping, "event_name");
    let demands = mapping.condition.as_ref().map(|condition| condition.demands()).unwrap_or_default();
    let is_asked = |demand: &&Demand| demand.required && demand.field == "event_name";
    let is_open = |event: &&str| {
        let named = wanted.is_empty()
            || wanted.iter().filter_map(text).any(|(text, open)| text == *event || open && event.starts_with(text));
        named
            && demands.iter().filter(is_asked).all(|demand| match &demand.test {
                Test::Equals(values) => values.iter().any(|value| value == event) != demand.negated,
                _ => true,
            })
    };
    OF_STRANGERS.iter().copied().filter(is_open).collect()
}

const OF_STRANGERS: [&str; 3] = ["issue_comment", "pull_request_target", "workflow_run"];
