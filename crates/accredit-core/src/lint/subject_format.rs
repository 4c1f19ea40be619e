//! A subject in the form that its platform is giving up: after a rename or transfer it is written otherwise (F13, TP052).

use super::reading::{mapping, text, values};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "subject-format",
    sentence: "a mapping matches `sub` in the classic format, which the platform replaces by one with ids",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    let formats = provider.kind.subject.formats;
    if !formats.iter().any(|format| format.name == "immutable") {
        return Vec::new();
    }
    // What follows the project, so that a prefix can be told as well.
    let is_classic = |(text, open): &(&str, bool)| {
        let whole = if *open { format!("{text}:") } else { (*text).to_owned() };
        provider.kind.subject_format(&whole) == Some("classic")
    };
    let classic = values(mapping, "sub").iter().filter_map(text).filter(is_classic);
    classic
        .map(|(text, open)| {
            let star = if open { "*" } else { "" };
            let message = format!("`sub: {text}{star}` of `{}` is in the classic format", resource.name);
            Finding::new("spec.match", message)
                .fix("match `repository_id` and `ref`, which stay the same, instead of `sub`")
        })
        .collect()
}
