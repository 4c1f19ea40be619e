//! Suppressions name rules that there are. Asked of documents that are written, not of stored ones: a rule may go.

use crate::lint::{Check, RULES, Rule};
use crate::model::{Fault, Suppression};

/// The first entry that names no rule, or one that is about suppressions.
pub(super) fn check(suppressions: &[Suppression]) -> Result<(), Fault> {
    for (place, Suppression { rule: named, .. }) in suppressions.iter().enumerate() {
        let fault = |message: String| Fault::at(format!("spec.lint[{place}].rule"), message);
        match RULES.iter().find(|rule| *rule.id == **named) {
            Some(Rule { check: Check::Resource(_), .. }) => {}
            Some(Rule { check: Check::Suppression(_), id, .. }) => {
                let fault = fault(format!("`{id}` is about suppressions, and not suppressed itself"));
                return Err(fault.hint("leave it out"));
            }
            None => {
                let shown: String = named.chars().take(60).collect();
                let fault = fault(format!("rule `{}` does not exist", shown.escape_debug()));
                return Err(fault.hint("`accredit lint` says behind each finding which rule it is of"));
            }
        }
    }
    Ok(())
}
