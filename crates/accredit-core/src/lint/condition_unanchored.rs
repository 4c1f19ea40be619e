//! A text that may stand anywhere in a claim: who chooses the rest of it chooses the answer (F10, TP012, TP013, TP056,
//! TP082).

use super::reading::programs;
use super::{Check, Finding, Rule, Severity};
use crate::expr::{Demand, Test};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "condition-unanchored",
    sentence: "an expression looks for a text anywhere in a claim, or only at its end",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, _: &World) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (field, what, program) in programs(resource) {
        for Demand { field: claim, test, negated, .. } in program.demands() {
            let found = match test {
                _ if negated => None,
                Test::Contains(text) => Some((
                    format!("looks for `{text}` anywhere in"),
                    "compare with `==`, or test the beginning".to_owned(),
                )),
                Test::EndsWith(text) if !text.starts_with(['@', '.', '/', ':']) => {
                    let delimiter = if text.contains('.') { '@' } else { '/' };
                    Some((
                        format!("takes any end `{text}` of"),
                        format!("begin it at a delimiter: `endsWith('{delimiter}{text}')`"),
                    ))
                }
                Test::Matches(pattern) if !is_anchored(&pattern) => {
                    let fix = format!("write the whole of it: `matches('^({})$')`", without_ends(&pattern));
                    Some((format!("finds `{pattern}` anywhere in"), fix))
                }
                _ => None,
            };
            if let Some((does, fix)) = found {
                findings.push(Finding::new(field, format!("{what} {does} `{claim}`")).fix(fix));
            }
        }
    }
    findings
}

/// Whether a pattern says both where the text begins and where it ends, for all of its alternatives.
fn is_anchored(pattern: &str) -> bool {
    let begins = pattern.starts_with('^') || pattern.starts_with("\\A");
    let ends = pattern.ends_with("\\z") || pattern.ends_with('$') && !pattern.ends_with("\\$");
    begins && ends && !has_bare_alternatives(pattern)
}

fn without_ends(pattern: &str) -> &str {
    let begun = pattern.strip_prefix('^').unwrap_or(pattern);
    begun.strip_suffix('$').filter(|rest| !rest.ends_with('\\')).unwrap_or(begun)
}

/// Whether a `|` stands outside of all brackets: `^a|b$` is a beginning or an end.
fn has_bare_alternatives(pattern: &str) -> bool {
    let (mut depth, mut in_class) = (0_usize, false);
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => depth = depth.saturating_sub(1),
            '|' if !in_class && depth == 0 => return true,
            _ => {}
        }
    }
    false
}
