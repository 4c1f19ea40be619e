//! Errors are mended, not suppressed: they refuse the write, whatever else the document says.

use accredit_id::time::Timestamp;

use super::{Check, Finding, Found, RULES, Rule, Severity};
use crate::model::Suppression;

pub(super) static RULE: Rule = Rule {
    id: "suppression-of-error",
    sentence: "a suppression is about a rule whose findings are errors, which nothing suppresses",
    severity: Severity::Error,
    check: Check::Suppression(check),
};

fn check(entry: &Suppression, place: usize, found: &[Found], _: Timestamp) -> Option<Finding> {
    let rule = RULES.iter().find(|rule| *rule.id == *entry.rule && rule.severity == Severity::Error)?;
    let message = format!("`{}` is an error, which is never suppressed", rule.id);
    let fix = found.iter().find(|found| found.rule.id == rule.id).and_then(|found| found.finding.fix.as_deref());
    let fix = fix.map_or_else(|| "leave it out: nothing is found".to_owned(), |fix| format!("leave it out, and {fix}"));
    Some(Finding::new(format!("spec.lint[{place}].rule"), message).fix(fix))
}
