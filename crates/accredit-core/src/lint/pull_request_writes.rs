//! Writing on behalf of whoever proposes a change, before anybody has looked at it (F12, TP061, TP107).

use super::reading::{looks_at, of_kind, only_reads, permissions, text, values};
use super::{Check, Finding, Rule, Severity};
use crate::model::{Mapping, Permission, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "pull-request-writes",
    sentence: "a mapping that pull requests reach gives more than reading",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = of_kind(resource, world, &["github", "gitlab"]) else { return Vec::new() };
    let is_reached = match provider.kind.name {
        "github" => github(mapping),
        _ => gitlab(mapping),
    };
    let all = permissions(mapping, world);
    let writing: Vec<&Permission> = all.iter().filter(|permission| !only_reads(permission)).collect();
    let Some(first) = writing.first().filter(|_| is_reached) else { return Vec::new() };
    let others = if writing.len() > 1 { " and more" } else { "" };
    let message = format!("pull requests reach `{}`, which gives `{first}`{others}", resource.name);
    let event = if provider.kind.name == "github" { "event_name: push" } else { "pipeline_source: push" };
    let fix = format!("add `{event}` to match, or leave reading here and give writing to a mapping of its own");
    vec![Finding::new("spec.match", message).fix(fix)]
}

fn github(mapping: &Mapping) -> bool {
    let any = |claim: &str, fits: &dyn Fn(&str, bool) -> bool| {
        values(mapping, claim).iter().filter_map(text).any(|(text, open)| fits(text, open))
    };
    if looks_at(mapping, "event_name") {
        return any("event_name", &|text, _| text.starts_with("pull_request"));
    }
    // What goes no further than the repository is open to all that the repository does.
    let goes_no_further = |text: &str| text.matches(':').count() == 2 && text.ends_with(':');
    let by_subject = any("sub", &|text, open| text.ends_with(":pull_request") || open && goes_no_further(text));
    let by_ref = any("ref", &|text, open| text.starts_with("refs/pull/") || open && "refs/pull/".starts_with(text));
    let is_open = ["ref", "sub", "environment", "environment_node_id", "ref_type", "ref_protected"];
    by_subject || by_ref || !is_open.iter().any(|claim| looks_at(mapping, claim))
}

fn gitlab(mapping: &Mapping) -> bool {
    values(mapping, "pipeline_source").iter().filter_map(text).any(|(text, _)| text.starts_with("merge_request"))
}
