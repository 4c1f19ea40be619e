//! A subject that is in none of the forms that the platform writes: customised, or misspelt (F12, TP066).

use super::reading::{mapping, text, values};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "subject-unknown",
    sentence: "a mapping expects a `sub` that its kind of provider does not write",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    if provider.kind.subject.formats.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = provider.kind.subject.formats.iter().map(|format| format.name).collect();
    let unknown = |(text, open): &(&str, bool)| !*open && provider.kind.subject_format(text).is_none();
    let finding = |(text, _): (&str, bool)| {
        let message = format!("`sub: {text}` of `{}` is in no format of `{}`", resource.name, provider.kind.name);
        Finding::new("spec.match", message)
            .fix(format!("known are {}; match the claims that `sub` is put together from", names.join(", ")))
    };
    values(mapping, "sub").iter().filter_map(text).filter(unknown).map(finding).collect()
}
