//! `vectors/lint`: for every rule a set of documents that it finds fault with, and one that it does not.
//!
//! Comments in the documents say what is expected: `# finding: FIELD: MESSAGE`, below it `#   fix: FIX`.

use accredit_core::lint::{RULES, Rule, Severity, lint};
use accredit_core::model::Faults;

use crate::stage::{NOW, Stage, documents, told};

#[test]
fn every_rule_finds_what_is_bad_and_leaves_what_is_good() {
    let mut failures = Vec::new();
    for rule in RULES {
        for good in [true, false] {
            let file = format!("lint/{}/{}.yaml", rule.id, if good { "good" } else { "bad" });
            let text = crate::text(&crate::repository("vectors").join(&file));
            let (seen, expected) = (found(rule, &text), expected(&text));
            if expected.is_empty() != good {
                failures.push(format!("{file}: names {} findings", expected.len()));
            }
            if seen != expected {
                failures.push(format!("{file}: finds\n{}\nexpected\n{}", seen.join("\n"), expected.join("\n")));
            }
        }
    }
    crate::settle(RULES.len() * 2, &failures);
}

/// A folder that no rule reads would be taken for a test.
#[test]
#[expect(clippy::disallowed_methods, reason = "vectors are files")]
fn every_folder_belongs_to_a_rule() {
    for entry in std::fs::read_dir(crate::repository("vectors/lint")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "README.md" || RULES.iter().any(|rule| rule.id == name),
            "vectors/lint/{name} belongs to no rule"
        );
    }
}

/// What the rule finds, in the order of documents. An error refuses the write, so it is read from the faults.
fn found(rule: &Rule, text: &str) -> Vec<String> {
    let documents = documents(text);
    let mut stage = Stage::empty(1);
    let line = |field: &str, message: &str, fix: Option<&String>| {
        let fix = fix.map_or_else(String::new, |fix| format!("\n  fix: {fix}"));
        format!("{field}: {message}{fix}")
    };
    match (stage.plan(&documents, false), rule.severity) {
        (Err(Faults(faults)), Severity::Error) => {
            faults.iter().map(|fault| line(&fault.field, &fault.message, fault.hint.as_ref())).collect()
        }
        (Err(Faults(faults)), Severity::Note | Severity::Warning) => panic!("{}: {}", rule.id, told(&faults)),
        (Ok(plan), severity) => {
            let of_the_rule =
                |found: &&accredit_core::lint::Found| found.rule.id == rule.id && found.suppressed.is_none();
            // What is found in the world as it stands; the write says the same, but for notes.
            let standing: Vec<_> = plan.puts.iter().flat_map(|put| lint(put, &plan.next, NOW)).collect();
            let standing: Vec<_> = standing.iter().filter(of_the_rule).collect();
            let told = plan.findings.iter().filter(of_the_rule).count();
            assert_eq!(told, if severity == Severity::Note { 0 } else { standing.len() }, "{}", rule.id);
            standing
                .iter()
                .map(|found| line(&found.finding.field, &found.finding.message, found.finding.fix.as_ref()))
                .collect()
        }
    }
}

fn expected(text: &str) -> Vec<String> {
    let mut findings: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(finding) = line.strip_prefix("# finding: ") {
            findings.push(finding.to_owned());
        } else if let (Some(fix), Some(last)) = (line.strip_prefix("#   fix: "), findings.last_mut()) {
            last.push_str(&format!("\n  fix: {fix}"));
        }
    }
    findings
}
