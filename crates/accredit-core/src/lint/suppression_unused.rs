//! What a suppression was about is gone, and so may the suppression be, before it hides something new.

use accredit_id::time::Timestamp;

use super::{Check, Finding, Found, Rule, Severity};
use crate::model::Suppression;

pub(super) static RULE: Rule = Rule {
    id: "suppression-unused",
    sentence: "a suppression is about a rule that finds nothing",
    severity: Severity::Note,
    check: Check::Suppression(check),
};

fn check(entry: &Suppression, place: usize, found: &[Found], _: Timestamp) -> Option<Finding> {
    let is_used = found.iter().any(|found| *found.rule.id == *entry.rule);
    let message = || format!("`{}` finds nothing that could be suppressed", entry.rule.escape_debug());
    (!is_used).then(|| Finding::new(format!("spec.lint[{place}]"), message()).fix("leave it out"))
}
