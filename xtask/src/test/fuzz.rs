//! A short look of the engine at every target: the seeds and what it makes of them, the same each time.

use super::report::{Counts, Outcome};
use crate::checkout::Checkout;
use crate::fault::Fault;
use crate::fuzz::{Ended, Run, Targets};

/// Runs every target on [`SHORT`] inputs.
pub(super) fn run(checkout: &Checkout) -> Result<Outcome, Fault> {
    if !Targets::can_be_built() {
        return Ok(Outcome::skipped("no C++ compiler, so the fuzzing engine cannot be built"));
    }
    let ended = Targets::build(checkout)?.run(Run::Inputs(SHORT))?;
    println!("{} targets, {} inputs", ended.len(), ended.iter().map(|ended| ended.inputs).sum::<u64>());
    Ok(judged(&ended))
}

fn judged(ended: &[Ended]) -> Outcome {
    let failures = ended.iter().filter_map(|ended| Some(format!("{} {}", ended.name, ended.failure.as_ref()?)));
    let idle = ended.iter().filter(|ended| ended.failure.is_none() && ended.inputs == 0);
    let idle = idle.map(|ended| format!("{}: no input was tried", ended.name));
    let notes: Vec<String> = failures.chain(idle).collect();
    let failed = notes.len() as u64;
    Outcome::tests(Counts { passed: ended.len() as u64 - failed, failed, skipped: 0 }, notes)
}

/// Inputs for each target.
const SHORT: u64 = 5000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_fails_by_what_it_found_and_by_doing_nothing() {
        let ended = |name: &str, inputs, failure: Option<&str>| Ended {
            name: name.to_owned(),
            inputs,
            failure: failure.map(str::to_owned),
        };
        let outcome = judged(&[ended("a", 5, None), ended("b", 5, Some("does not hold")), ended("c", 0, None)]);
        let notes = vec!["b does not hold".to_owned(), "c: no input was tried".to_owned()];
        assert_eq!(outcome, Outcome::tests(Counts { passed: 1, failed: 2, skipped: 0 }, notes));
    }
}
