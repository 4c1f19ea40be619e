//! The table from each case of hostile input to the tests and vectors that cover it.

use std::fmt::Write as _;

use super::mentions::{self, Mentions};
use crate::catalogue::{self, Case, Due, SECTIONS};
use crate::checkout::Checkout;
use crate::fault::Fault;

/// Whether a case that is due and has no test fails `gen --check`; until then it is a warning.
const MISSING_FAILS: bool = true;

const HEAD: &str = "\
<!-- Written by `cargo xtask gen` from xtask/src/catalogue.rs, the vectors and the tests; do not edit. -->

# Hostile input, case by case

Each case is a kind of input that must not get through, however it is put. Beside it stand the files whose vectors or
tests name it; taking the behaviour away makes at least one of them fail. A case whose subject does not exist yet says
what it waits for.
";

/// The text of `docs/reference/security-tests.md`.
pub(super) fn text(checkout: &Checkout) -> Result<String, Fault> {
    Ok(table(&mentions::read(checkout)?))
}

/// Names the cases that are due and have no test.
pub(super) fn judge(checkout: &Checkout) -> Result<(), Fault> {
    let mentions = mentions::read(checkout)?;
    if let Some((id, files)) = early(&mentions) {
        let said = format!("{id} waits for its subject, and is named in {}", files.join(", "));
        return Err(
            Fault::new(said).hint("name the case that is meant, or say in xtask/src/catalogue.rs that it is due")
        );
    }
    let missing = missing(&mentions);
    if missing.is_empty() {
        return Ok(());
    }
    let said = format!("{} cases are due and have no test: {}", missing.len(), missing.join(" "));
    if MISSING_FAILS {
        return Err(Fault::new(said).hint("name the id in a vector's `case`, or in a test"));
    }
    println!("gen: warning: {said}");
    Ok(())
}

fn missing(mentions: &Mentions) -> Vec<&'static str> {
    let is_missing = |case: &&Case| case.due == Due::Now && !mentions.contains_key(case.id);
    catalogue::cases().filter(is_missing).map(|case| case.id).collect()
}

/// A case that something claims to cover though there is nothing yet to cover: mostly another id was meant.
fn early(mentions: &Mentions) -> Option<(&'static str, Vec<&str>)> {
    let waits = catalogue::cases().filter(|case| matches!(case.due, Due::Waits(_)));
    waits.filter_map(|case| Some((case.id, mentions.get(case.id)?.iter().map(String::as_str).collect()))).next()
}

fn table(mentions: &Mentions) -> String {
    let mut text = HEAD.to_owned();
    let (all, covered) = (catalogue::cases().count(), mentions.len());
    let _ = writeln!(text, "\n{covered} of {all} cases are covered.");
    for section in SECTIONS {
        let _ = writeln!(text, "\n## {}\n\n| case | what holds | where it is tested |\n|---|---|---|", section.title);
        for case in section.cases {
            let _ = writeln!(text, "| {} | {} | {} |", case.id, case.title, place(case, mentions));
        }
    }
    text
}

fn place(case: &Case, mentions: &Mentions) -> String {
    match (mentions.get(case.id), case.due) {
        (Some(files), _) => {
            let links: Vec<_> = files.iter().map(|file| format!("[{file}](../../{file})")).collect();
            links.join(", ")
        }
        (None, Due::Waits(subject)) => format!("waits for {subject}"),
        (None, Due::Now) => "**missing**".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_covered_or_waits_or_is_missing() {
        let mentions = Mentions::from([("A01", ["vectors/a.toml".to_owned(), "vectors/b.toml".to_owned()].into())]);
        let text = table(&mentions);
        let row =
            |id: &str| text.lines().find(|line| line.starts_with(&format!("| {id} |"))).unwrap_or_default().to_owned();
        let links = "[vectors/a.toml](../../vectors/a.toml), [vectors/b.toml](../../vectors/b.toml)";
        assert!(row("A01").ends_with(&format!("| {links} |")));
        assert!(row("A02").ends_with("| **missing** |"));
        assert!(row("L09").ends_with("| waits for agents |"));
        assert!(text.contains("\n1 of 173 cases are covered.\n"));
    }

    #[test]
    fn nobody_claims_what_waits() {
        let of = |id: &'static str| Mentions::from([(id, ["tests/a.rs".to_owned()].into())]);
        assert_eq!(early(&of("L11")), Some(("L11", vec!["tests/a.rs"])));
        assert_eq!(early(&of("L22")), None);
    }

    #[test]
    fn only_cases_that_are_due_are_missing() {
        let mentions = Mentions::from([("A01", ["vectors/a.toml".to_owned()].into())]);
        let missing = missing(&mentions);
        assert!(!missing.contains(&"A01") && missing.contains(&"A02"));
        assert!(!missing.contains(&"L09") && missing.contains(&"L03") && !missing.contains(&"L11"));
    }
}
