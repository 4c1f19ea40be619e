//! A pattern of tags, where anybody who can push may make a tag that fits (TP060).

use super::reading::{looks_at, of_kind, text, values};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "tags-open",
    sentence: "a mapping matches a pattern of tags and not that they are protected",
    severity: Severity::Note,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, _)) = of_kind(resource, world, &["github"]) else { return Vec::new() };
    let mut refs = values(mapping, "ref").iter().filter_map(text);
    let Some((tags, _)) = refs.find(|(text, open)| *open && text.starts_with("refs/tags/")) else { return Vec::new() };
    if looks_at(mapping, "ref_protected") || looks_at(mapping, "environment") {
        return Vec::new();
    }
    let message = format!("`{}` takes any tag that begins with `{}`", resource.name, &tags["refs/tags/".len()..]);
    vec![
        Finding::new("spec.match", message)
            .fix("protect such tags by a ruleset, and add `ref_protected: \"true\"` to match"),
    ]
}
