//! What a run found: steps as they end, and one line of counts as the last word.

use std::fmt;
use std::ops::AddAssign;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::fault::Fault;

/// How many tests or checks passed, failed, or were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

/// How a step ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) counts: Counts,
    /// Why something failed or was skipped, one line each, told again at the end.
    pub(super) notes: Vec<String>,
}

/// The steps of a run, so far.
pub(super) struct Report {
    begun: Instant,
    steps: Vec<(&'static str, Outcome, Duration)>,
}

// === impl Counts ===

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

// === impl Outcome ===

impl Outcome {
    /// A check, which counts as one test, held.
    pub(super) fn holds() -> Self {
        Self { counts: Counts { passed: 1, ..Counts::default() }, notes: Vec::new() }
    }

    /// The binary was built; where it is goes to those who start it.
    pub(super) fn built(path: PathBuf, binary: &mut Option<PathBuf>) -> Self {
        *binary = Some(path);
        Self::holds()
    }

    /// A part cannot be had here.
    pub(super) fn skipped(why: impl Into<String>) -> Self {
        Self { counts: Counts { skipped: 1, ..Counts::default() }, notes: vec![why.into()] }
    }

    /// The counts of tests, with failures that no test of its own shows.
    pub(super) fn tests(counts: Counts, notes: Vec<String>) -> Self {
        Self { counts, notes }
    }

    fn failed(fault: &Fault) -> Self {
        Self { counts: Counts { failed: 1, ..Counts::default() }, notes: vec![fault.to_string()] }
    }
}

// === impl Report ===

impl Report {
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), steps: Vec::new() }
    }

    /// Runs a step and says how it went. A failure does not keep the next step from running.
    pub(super) fn step(&mut self, name: &'static str, run: impl FnOnce() -> Result<Outcome, Fault>) {
        println!("== {name}");
        let begun = Instant::now();
        let outcome = run().unwrap_or_else(|fault| Outcome::failed(&fault));
        let took = begun.elapsed();
        for note in &outcome.notes {
            println!("{name}: {note}");
        }
        println!("== {name}: {}, {:.1} s\n", outcome.counts, took.as_secs_f64());
        self.steps.push((name, outcome, took));
    }

    /// Prints the summary, whose last line is the counts and nothing else. A skip is a failure where `nothing_missing`.
    pub(super) fn end(self, nothing_missing: bool) -> ExitCode {
        for (name, outcome, took) in &self.steps {
            println!("{name:<10} {:<38} {:>7.1} s", outcome.counts.to_string(), took.as_secs_f64());
        }
        println!("{:<49} {:>7.1} s\n", "wall clock", self.begun.elapsed().as_secs_f64());
        for (name, outcome, _) in &self.steps {
            for note in &outcome.notes {
                println!("{name}: {note}");
            }
        }
        let (total, verdict) = judge(self.steps.iter().map(|(_, outcome, _)| outcome.counts), nothing_missing);
        if let Err(why) = verdict {
            println!("failed: {why}");
        }
        println!("{total}");
        if verdict.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn judge(steps: impl Iterator<Item = Counts>, nothing_missing: bool) -> (Counts, Result<(), &'static str>) {
    let mut total = Counts::default();
    steps.for_each(|counts| total += counts);
    let verdict = match total {
        Counts { failed: 1.., .. } => Err("not everything holds"),
        Counts { skipped: 1.., .. } if nothing_missing => Err("CI=true lets nothing be skipped"),
        Counts { passed: 0, .. } => Err("nothing ran"),
        _ => Ok(()),
    };
    (total, verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_fails_for_a_failure_for_nothing_and_in_ci_for_a_skip() {
        let counts = |passed, failed, skipped| Counts { passed, failed, skipped };
        let verdicts = [
            (counts(3, 0, 0), true, Ok(())),
            (counts(3, 0, 2), false, Ok(())),
            (counts(3, 0, 2), true, Err("CI=true lets nothing be skipped")),
            (counts(3, 1, 2), false, Err("not everything holds")),
            (counts(0, 0, 0), false, Err("nothing ran")),
            (counts(0, 0, 4), false, Err("nothing ran")),
        ];
        for (step, nothing_missing, expected) in verdicts {
            assert_eq!(judge([Counts::default(), step].into_iter(), nothing_missing), (step, expected));
        }
        assert_eq!(counts(3, 1, 2).to_string(), "3 passed, 1 failed, 2 skipped");
    }
}
