//! Names with digits behind a hyphen, where ids were probably meant: they are names all the same (F13, TP053).

use super::reading::{of_kind, text, values};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "subject-hyphenated",
    sentence: "a subject has `NAME-DIGITS` where the format with ids is `NAME@DIGITS`",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, _)) = of_kind(resource, world, &["github"]) else { return Vec::new() };
    let joined = |(text, _): &(&str, bool)| {
        let parts = || {
            let (owner, rest) = text.strip_prefix("repo:")?.split_once('/')?;
            Some(has_digits(owner) && has_digits(rest.split(':').next()?))
        };
        parts().unwrap_or(false)
    };
    let finding = |(text, _): (&str, bool)| {
        Finding::new("spec.match", format!("`sub: {text}` of `{}` reads like ids, but is names", resource.name))
            .fix("write ids as `repo:OWNER@ID/REPO@ID:...`, or match `repository_owner_id` and `repository_id`")
    };
    values(mapping, "sub").iter().filter_map(text).filter(joined).map(finding).collect()
}

fn has_digits(part: &str) -> bool {
    part.rsplit_once('-').is_some_and(|(name, digits)| {
        !name.is_empty() && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
