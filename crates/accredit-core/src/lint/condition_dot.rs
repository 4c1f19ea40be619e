//! A dot that was meant as one and stands for any letter: `a.example` also matches `a-example` (F10, TP011).

use super::reading::programs;
use super::{Check, Finding, Rule, Severity};
use crate::expr::{Demand, Test};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "condition-dot",
    sentence: "a pattern has a bare dot between letters, which stands for any letter",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, _: &World) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (field, what, program) in programs(resource) {
        for Demand { test, .. } in program.demands() {
            if let Test::Matches(pattern) = test
                && let Some(word) = dotted(&pattern)
            {
                let message = format!("{what} takes any letter for the dot in `{word}`");
                let escaped = word.replace('.', "\\.");
                findings.push(Finding::new(field, message).fix(format!("write `{escaped}`, in a raw string: r'...'")));
            }
        }
    }
    findings
}

/// The first `a.b` outside of brackets, with the words around the dot.
fn dotted(pattern: &str) -> Option<&str> {
    let bytes = pattern.as_bytes();
    let is_word = |place: usize| bytes.get(place).is_some_and(|byte| byte.is_ascii_alphanumeric());
    let mut in_class = false;
    let mut place = 0;
    while place < bytes.len() {
        match bytes[place] {
            b'\\' => place += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'.' if !in_class && place > 0 && is_word(place - 1) && is_word(place + 1) => {
                let start = (0..place).rev().take_while(|at| is_word(*at)).last().unwrap_or(place);
                let end = (place + 1..bytes.len()).take_while(|at| is_word(*at)).last().unwrap_or(place);
                return pattern.get(start..=end);
            }
            _ => {}
        }
        place += 1;
    }
    None
}
