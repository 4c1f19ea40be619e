//! Tests that cargo runs: their output followed line by line, their counts added up, empty lists refused.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::Command;

use super::report::{Counts, Outcome};
use crate::checkout::Checkout;
use crate::fault::Fault;
use crate::metadata::{Metadata, Package};
use crate::run;

/// The package of whole-product tests.
const WHOLE_PRODUCT: &str = "accredit-e2e";

/// Unit, scenario, vector and documentation tests of every member.
pub(super) fn unit(checkout: &Checkout, metadata: &Metadata) -> Result<Outcome, Fault> {
    let is_other = |package: &&Package| package.name != WHOLE_PRODUCT;
    let mut cargo = checkout.cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast", "--lib", "--bins"]);
    for name in test_targets(metadata.packages.iter().filter(is_other)) {
        cargo.args(["--test", name]);
    }
    let mut tally = follow(&mut cargo)?;
    tally.add(follow(checkout.cargo().args(["test", "--workspace", "--no-fail-fast", "--doc"]))?);
    Ok(tally.outcome())
}

/// Tests that start the binary. They find it in `ACCREDIT_BINARY`.
pub(super) fn whole_product(checkout: &Checkout, metadata: &Metadata, binary: &Path) -> Result<Outcome, Fault> {
    let names = test_targets(metadata.packages.iter().filter(|package| package.name == WHOLE_PRODUCT));
    if names.is_empty() {
        return Ok(Outcome::skipped(format!("package {WHOLE_PRODUCT} is not there, or has no tests")));
    }
    let mut cargo = checkout.cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]).env("ACCREDIT_BINARY", binary);
    for name in names {
        cargo.args(["--test", name]);
    }
    Ok(follow(&mut cargo)?.outcome())
}

fn test_targets<'m>(packages: impl Iterator<Item = &'m Package>) -> BTreeSet<&'m str> {
    let targets = packages.flat_map(|package| &package.targets);
    targets.filter(|target| target.kinds.iter().any(|kind| kind == "test")).map(|target| target.name.as_str()).collect()
}

/// Runs cargo with both its streams in one, prints what is not noise, and counts.
fn follow(cargo: &mut Command) -> Result<Tally, Fault> {
    let broken = |error| Fault::new(format!("test output cannot be read: {error}"));
    let (reader, writer) = io::pipe().map_err(broken)?;
    cargo.stdout(writer.try_clone().map_err(broken)?).stderr(writer);
    let mut child = cargo.spawn().map_err(|error| run::not_started(cargo, &error))?;
    // The command keeps the writing ends; without them the pipe ends when cargo does.
    cargo.stdout(std::process::Stdio::inherit()).stderr(std::process::Stdio::inherit());

    let mut tally = Tally::default();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).map_err(broken)? > 0 {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        tally.line(text);
        if !is_noise(text) {
            println!("{text}");
        }
        line.clear();
    }
    let status = child.wait().map_err(broken)?;
    if !status.success() && tally.counts.failed == 0 {
        tally.counts.failed = 1;
        tally.notes.push(format!("cargo test ended with {status} though no test failed"));
    }
    Ok(tally)
}

/// What only says that all is well.
fn is_noise(line: &str) -> bool {
    line.is_empty()
        || line.starts_with("test ") && line.ends_with(" ... ok")
        || line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test"))
        || line.starts_with("test result: ok.")
}

/// Counts over the lists of tests that cargo runs one after the other.
#[derive(Default)]
struct Tally {
    counts: Counts,
    notes: Vec<String>,
    /// The list that runs, unless it may be empty.
    list: Option<String>,
}

impl Tally {
    /// Reads a line of cargo's output.
    fn line(&mut self, line: &str) {
        if let Some(list) = line.trim_start().strip_prefix("Running ") {
            // A program's own file may leave everything to libraries; a library, or a file of tests, may not.
            self.list = (!list.starts_with("unittests src/main.rs ")).then(|| list.to_owned());
        } else if line.trim_start().starts_with("Doc-tests ") {
            self.list = None;
        } else if let Some(counts) = line.strip_prefix("test result: ").and_then(counts) {
            if counts.passed + counts.failed == 0
                && let Some(list) = self.list.take()
            {
                self.counts.failed += 1;
                self.notes.push(format!("no test ran in {list}"));
            }
            self.counts += counts;
        }
    }

    fn add(&mut self, other: Self) {
        self.counts += other.counts;
        self.notes.extend(other.notes);
    }

    fn outcome(mut self) -> Outcome {
        if self.counts.passed + self.counts.failed == 0 {
            self.counts.failed = 1;
            self.notes.push("no test ran".to_owned());
        }
        Outcome::tests(self.counts, self.notes)
    }
}

/// Reads `ok. 3 passed; 0 failed; 1 ignored; 0 measured; ...`.
fn counts(result: &str) -> Option<Counts> {
    let (_, numbers) = result.split_once(". ")?;
    let number = |what: &str| {
        let part = numbers.split(';').find_map(|part| part.trim().strip_suffix(what))?;
        part.trim().parse().ok()
    };
    Some(Counts { passed: number("passed")?, failed: number("failed")?, skipped: number("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome_of(output: &str) -> Outcome {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.line(line));
        tally.outcome()
    }

    fn result(passed: u64, failed: u64, ignored: u64) -> String {
        let word = if failed == 0 { "ok" } else { "FAILED" };
        format!(
            "test result: {word}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; 0 filtered out; finished in 0.01s\n"
        )
    }

    const LIBRARY: &str = "     Running unittests src/lib.rs (target/debug/deps/accredit_id-0f)\n";

    #[test]
    fn lists_add_up() {
        let output =
            format!("{LIBRARY}running 3 tests\n{}   Doc-tests accredit_id\n{}", result(2, 1, 1), result(4, 0, 0));
        let expected = Counts { passed: 6, failed: 1, skipped: 1 };
        assert_eq!(outcome_of(&output), Outcome::tests(expected, Vec::new()));
    }

    #[test]
    fn an_empty_list_is_a_failure_unless_it_may_be_empty() {
        let program = "     Running unittests src/main.rs (target/debug/deps/accredit-0f)\n";
        let documentation = "   Doc-tests accredit_api\n";
        let test_file = "     Running tests/vectors.rs (target/debug/deps/vectors-0f)\n";
        let full = format!("{LIBRARY}{}", result(1, 0, 0));
        for (list, failed) in [(program, 0), (documentation, 0), (LIBRARY, 1), (test_file, 1)] {
            assert_eq!(outcome_of(&format!("{full}{list}{}", result(0, 0, 0))).counts.failed, failed, "{list}");
            assert_eq!(outcome_of(&format!("{full}{list}{}", result(0, 0, 2))).counts.failed, failed, "{list}");
        }
        assert_eq!(outcome_of("").notes, ["no test ran"]);
        assert_eq!(outcome_of(&format!("{documentation}{}", result(0, 0, 0))).counts.failed, 1);
    }

    #[test]
    fn only_good_news_is_noise() {
        let noise = ["", "test a::b ... ok", "running 1 test", "running 20 tests", "test result: ok. 1 passed"];
        let news = [
            "test a::b ... FAILED",
            "test a::b ... ignored, no node",
            "test result: FAILED. 0 passed",
            "running away",
            "warning: unused",
        ];
        assert!(noise.into_iter().all(is_noise));
        assert!(!news.into_iter().any(is_noise));
    }
}
