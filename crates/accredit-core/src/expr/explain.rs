//! What a program saw and said, clause by clause, for the operator's eyes.

use std::fmt::Write as _;

use accredit_id::json::{Json, Number, Object};
use accredit_id::shown::is_deceptive;

use super::evaluate::Run;
use super::functions::double_text;
use super::outcome::Outcome;
use super::paths::{paths, roots};
use super::tree::Node;

/// The longest claim that is shown, in characters.
const MAX_SHOWN_CHARS: usize = 200;

/// What one clause of a condition said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClauseOutcome {
    /// The clause as it was written.
    pub source: String,
    /// What it said.
    pub outcome: Outcome,
    /// The claims that the clause is about: the path under `assertion`, and the value as JSON of at most 200
    /// characters, invisible characters escaped; `absent`, without quotes, when there is no such claim.
    pub seen: Vec<(String, String)>,
    /// The top-level claims that the clause reads, each once; `*` when it reads all of them.
    pub claims: Vec<String>,
}

/// Runs all of `clauses`, also after one that is false. They share one budget, as they do when the condition decides.
pub(super) fn explain<'v>(
    clauses: impl Iterator<Item = (&'v str, &'v Node)>,
    root: &'v Object<'v>,
) -> Vec<ClauseOutcome> {
    let mut run = Run::over(root);
    let explained = clauses.map(|(source, node)| {
        let paths = paths(node);
        ClauseOutcome {
            source: source.to_owned(),
            outcome: run.outcome(node),
            seen: paths.iter().map(|path| (path.text(), path.find(root).map_or_else(absent, shown))).collect(),
            claims: roots(&paths),
        }
    });
    explained.collect()
}

fn absent() -> String {
    "absent".to_owned()
}

/// `claim` as JSON on one line, cut after 200 characters, with nothing in it that a terminal or page would obey.
fn shown(claim: &Json<'_>) -> String {
    let mut shown = Capped { text: String::new(), left: MAX_SHOWN_CHARS, cut: false };
    shown.json(claim);
    if shown.cut {
        shown.text.push_str("...");
    }
    shown.text
}

struct Capped {
    text: String,
    left: usize,
    /// Whether something did not fit.
    cut: bool,
}

impl Capped {
    fn json(&mut self, claim: &Json<'_>) {
        match claim {
            Json::Null => self.plain("null"),
            Json::Bool(truth) => self.plain(if *truth { "true" } else { "false" }),
            Json::Number(Number::Int(number)) => self.plain(&number.to_string()),
            Json::Number(Number::UInt(number)) => self.plain(&number.to_string()),
            Json::Number(Number::Float(number)) => self.plain(&double_text(*number)),
            Json::String(text) => self.quoted(text),
            Json::Array(items) => {
                self.plain("[");
                for (index, item) in items.iter().enumerate() {
                    if self.cut {
                        return;
                    }
                    self.plain(if index == 0 { "" } else { "," });
                    self.json(item);
                }
                self.plain("]");
            }
            Json::Object(object) => {
                self.plain("{");
                for (index, (name, value)) in object.iter().enumerate() {
                    if self.cut {
                        return;
                    }
                    self.plain(if index == 0 { "" } else { "," });
                    self.quoted(name);
                    self.plain(":");
                    self.json(value);
                }
                self.plain("}");
            }
        }
    }

    fn quoted(&mut self, text: &str) {
        self.plain("\"");
        for c in text.chars() {
            if !self.fits() {
                return;
            }
            match c {
                '"' | '\\' => self.text.extend(['\\', c]),
                c if is_deceptive(c) => {
                    let _ = write!(self.text, "\\u{{{:x}}}", u32::from(c));
                }
                c => self.text.push(c),
            }
        }
        self.plain("\"");
    }

    fn plain(&mut self, text: &str) {
        for c in text.chars() {
            if !self.fits() {
                return;
            }
            self.text.push(c);
        }
    }

    /// Whether one more character fits; it then counts as written.
    const fn fits(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => self.cut = true,
        }
        !self.cut
    }
}
