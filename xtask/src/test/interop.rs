//! Clients and issuers that others wrote, against the built binary: `tests/interop/run.py`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::background::Background;
use super::report::{Counts, Outcome};
use crate::checkout::Checkout;
use crate::fault::Fault;
use crate::files;
use crate::run;

/// What installing came to.
pub(super) enum Installing {
    Begun(Box<Background>),
    /// Why these tests cannot run here.
    Missing(&'static str),
}

/// Begins to install what the clients need.
pub(super) fn begin(checkout: &Checkout, cache: &Path, scratch: &Path) -> Result<Installing, Fault> {
    if !script(checkout).exists() {
        return Ok(Installing::Missing("tests/interop/run.py is not there"));
    }
    let python = Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !python.is_ok_and(|status| status.success()) {
        return Ok(Installing::Missing("python3 is not there"));
    }
    let mut install = python_script(checkout, cache);
    install.arg("--install-only");
    Background::begin(install, scratch.join("interop-install.log")).map(|begun| Installing::Begun(Box::new(begun)))
}

/// Waits for the installation, then runs the clients. What could not be installed they skip or fail themselves.
pub(super) fn run(
    checkout: &Checkout,
    cache: &Path,
    scratch: &Path,
    installing: Installing,
    binary: &Path,
) -> Result<Outcome, Fault> {
    match installing {
        Installing::Missing(why) => return Ok(Outcome::skipped(why)),
        Installing::Begun(background) => {
            if let Err(fault) = background.finish() {
                println!("{fault}");
            }
        }
    }
    let results = scratch.join("interop.json");
    let _ = std::fs::remove_file(&results);
    let mut clients = python_script(checkout, cache);
    clients.arg("--binary").arg(binary).arg("--json").arg(&results);
    let ended = run::aloud(&mut clients);
    let mut outcome = match (files::text(&results), &ended) {
        (Ok(text), _) => outcome(&text)?,
        (Err(_), Err(_)) => Outcome::default(),
        (Err(fault), Ok(())) => return Err(fault),
    };
    if let Err(fault) = ended
        && outcome.counts.failed == 0
    {
        outcome.counts.failed = 1;
        outcome.notes.push(fault.to_string());
    }
    Ok(outcome)
}

fn script(checkout: &Checkout) -> PathBuf {
    checkout.root().join("tests/interop/run.py")
}

fn python_script(checkout: &Checkout, cache: &Path) -> Command {
    let mut python = Command::new("python3");
    python.current_dir(checkout.root()).arg(script(checkout)).arg("--cache").arg(cache.join("interop"));
    python
}

/// Reads `{"passed": n, "failed": n, "skipped": n, "skips": ["why"]}`.
fn outcome(json: &str) -> Result<Outcome, Fault> {
    let results: Value = serde_json::from_str(json).map_err(|error| Fault::new(format!("interop results: {error}")))?;
    let count = |name: &str| {
        results[name].as_u64().ok_or_else(|| Fault::new(format!("interop results: `{name}` is not a count")))
    };
    let counts = Counts { passed: count("passed")?, failed: count("failed")?, skipped: count("skipped")? };
    if counts == Counts::default() {
        return Err(Fault::new("no client ran"));
    }
    let skips = results["skips"].as_array().into_iter().flatten();
    Ok(Outcome::tests(counts, skips.filter_map(Value::as_str).map(|why| format!("skipped: {why}")).collect()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn results_are_counts_and_reasons() {
        let read = outcome(r#"{"passed": 4, "failed": 1, "skipped": 1, "skips": ["no node"]}"#).unwrap();
        let expected = Counts { passed: 4, failed: 1, skipped: 1 };
        assert_eq!(read, Outcome::tests(expected, vec!["skipped: no node".to_owned()]));
    }

    #[test]
    fn results_that_are_empty_or_malformed_are_faults() {
        let said = |json: &str| outcome(json).unwrap_err().to_string();
        assert_eq!(said(r#"{"passed": 0, "failed": 0, "skipped": 0}"#), "no client ran");
        assert_eq!(said(r#"{"passed": "4", "failed": 0, "skipped": 0}"#), "interop results: `passed` is not a count");
        assert!(said("").starts_with("interop results: "));
    }
}
