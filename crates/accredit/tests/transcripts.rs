//! The command line as it is met without a server: every transcript in `tests/transcripts/`, against the real binary.

mod harness;

use std::path::{Path, PathBuf};

use harness::Stage;

#[test]
fn every_transcript_comes_out_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut transcripts: Vec<PathBuf> = std::fs::read_dir(&folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    transcripts.sort();
    let mut differences = Vec::new();
    let mut played = 0;
    for transcript in &transcripts {
        match stage().and_then(|(_home, stage)| stage.play(transcript)) {
            Ok(steps) => played += steps,
            Err(difference) => differences.push(difference),
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    assert!(played >= 40, "only {played} steps were played");
}

/// A folder of its own for each transcript; nobody listens below it.
fn stage() -> Result<(tempfile::TempDir, Stage), String> {
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let stage = Stage {
        binary: env!("CARGO_BIN_EXE_accredit").into(),
        folder: home.path().to_owned(),
        environment: vec![("HOME".to_owned(), home.path().display().to_string())],
    };
    Ok((home, stage))
}
