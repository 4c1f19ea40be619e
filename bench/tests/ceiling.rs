//! The whole of a run, with the bare server alone: processes, tokens, load, report.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::process::{Command, Output};

use serde_json::Value;

#[test]
fn a_short_run_measures_both_ceilings_with_both_algorithms() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let output = bench(
        &["--rounds", "2", "--seconds", "0.1", "--connections", "1,4", "--json", json.to_str().unwrap()],
        &folder,
    );
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    for line in ["RS256 to ES256", "ES256 to ES256", "ceiling, yield ", "one fdatasync of 4 KiB"] {
        assert!(printed.contains(line), "{line}: {printed}");
    }

    let report: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let cells = report["exchange"].as_array().unwrap();
    assert_eq!(cells.len(), 2 * 2 * 2);
    for cell in cells {
        assert_eq!(cell["rounds"].as_array().unwrap().len(), 2);
        for figure in ["per_second", "cpu_us", "p50_us", "p99_us"] {
            assert!(cell[figure].as_f64().unwrap() > 0.0, "{figure}: {cell}");
        }
    }
    assert!(report["servers"][0]["resident_bytes"].as_u64().unwrap() > 1_000_000);
    std::fs::remove_file(&json).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something was left behind");
}

#[test]
fn settings_that_cannot_be_measured_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [["--rounds", "0"], ["--connections", "0"], ["--seconds", "0"], ["--many", "5"], ["--spread", "7"]]
    {
        let output = bench(&arguments, &folder);
        assert!(
            !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("settings: expected"),
            "{arguments:?}"
        );
    }
}

fn bench(arguments: &[&str], folder: &tempfile::TempDir) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accredit-bench"));
    command.args(["exchange", "--ceiling-only", "--quick", "--folder"]).arg(folder.path()).args(arguments);
    command.output().unwrap()
}
