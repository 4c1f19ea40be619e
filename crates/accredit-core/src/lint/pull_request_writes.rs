//! Writing on behalf of whoever proposes a change, before anybody has looked at it (F12, TP107). Where it is said outright,
//! `pull_request_named` refuses it.

use super::reading::{looks_at, of_kind, only_reads, permissions, surely_writes, text, values};
use super::{Check, Finding, Rule, Severity};
use crate::model::{Mapping, Permission, Provider, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "pull-request-writes",
    sentence: "a mapping that pull requests reach gives more than reading",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = of_kind(resource, world, &["github", "gitlab"]) else { return Vec::new() };
    let reach = reach(mapping, provider);
    let all = permissions(mapping, world);
    let is_refused = reach == Reach::Named && all.iter().any(surely_writes);
    let is_reached = reach != Reach::Nothing && !is_refused;
    let writing: Vec<&Permission> = all.iter().filter(|permission| !only_reads(permission)).collect();
    let Some(first) = writing.first().filter(|_| is_reached) else { return Vec::new() };
    let others = if writing.len() > 1 { " and more" } else { "" };
    let message = format!("pull requests reach `{}`, which gives `{first}`{others}", resource.name);
    let event = if provider.kind.name == "github" { "event_name: push" } else { "pipeline_source: push" };
    let fix = format!("add `{event}` to match, or leave reading here and give writing to a mapping of its own");
    vec![Finding::new("spec.match", message).fix(fix)]
}

/// Whether pull requests reach a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// They do not.
    Nothing,
    /// Nothing rules them out, or a condition may.
    Open,
    /// It names them.
    Named,
}

/// Whether pull requests reach a mapping, as far as `match` tells.
pub(super) fn reach(mapping: &Mapping, provider: &Provider) -> Reach {
    let reach = match provider.kind.name {
        "github" => github(mapping),
        _ => gitlab(mapping),
    };
    match (reach, &mapping.condition) {
        (Reach::Named, Some(_)) => Reach::Open,
        _ => reach,
    }
}

fn github(mapping: &Mapping) -> Reach {
    let any = |claim: &str, fits: &dyn Fn(&str, bool) -> bool| {
        values(mapping, claim).iter().filter_map(text).any(|(text, open)| fits(text, open))
    };
    if looks_at(mapping, "event_name") {
        return match any("event_name", &|text, _| text.starts_with("pull_request")) {
            true => Reach::Named,
            false => Reach::Nothing,
        };
    }
    // What goes no further than the repository is open to all that the repository does.
    let goes_no_further = |text: &str| text.matches(':').count() == 2 && text.ends_with(':');
    let is_named =
        any("sub", &|text, _| text.ends_with(":pull_request")) || any("ref", &|text, _| text.starts_with("refs/pull/"));
    let by_subject = any("sub", &|text, open| open && goes_no_further(text));
    let by_ref = any("ref", &|text, open| open && "refs/pull/".starts_with(text));
    let is_open = ["ref", "sub", "environment", "environment_node_id", "ref_type", "ref_protected"];
    match by_subject || by_ref || !is_open.iter().any(|claim| looks_at(mapping, claim)) {
        _ if is_named => Reach::Named,
        true => Reach::Open,
        false => Reach::Nothing,
    }
}

fn gitlab(mapping: &Mapping) -> Reach {
    let is_merge_request = |(text, _): (&str, bool)| text.starts_with("merge_request");
    match values(mapping, "pipeline_source").iter().filter_map(text).any(is_merge_request) {
        true => Reach::Named,
        false => Reach::Nothing,
    }
}
