//! The day has passed until which findings were to stand: they are shown again (TP112).

use accredit_id::time::Timestamp;

use super::{Check, Finding, Found, Rule, Severity};
use crate::model::Suppression;

pub(super) static RULE: Rule = Rule {
    id: "suppression-outdated",
    sentence: "a suppression has ended, so it hides nothing any more",
    severity: Severity::Warning,
    check: Check::Suppression(check),
};

fn check(entry: &Suppression, place: usize, _: &[Found], now: Timestamp) -> Option<Finding> {
    let Suppression { rule, reason: _, until } = entry;
    let message = || format!("suppression of `{}` ended with {until}", rule.escape_debug());
    let finding = || Finding::new(format!("spec.lint[{place}].until"), message());
    until.is_before(now).then(|| finding().fix("mend what it was about, or look at it again and say until when"))
}
