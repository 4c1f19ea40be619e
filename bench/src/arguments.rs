//! What every contest is told: what to measure, where, how long, and what to do with the outcome.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tempfile::TempDir;

use crate::fault::{Because as _, Fault};
use crate::targets::Verdict;

/// What every contest is told.
#[derive(clap::Args)]
pub(crate) struct Common {
    /// The `accredit` to measure, built with the profile `dist` [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub(crate) binary: Option<PathBuf>,
    /// Also write everything, unrounded, to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A minute or so instead of many: fewer and shorter rounds, smaller worlds; no verdict to rely on
    #[arg(long)]
    pub(crate) quick: bool,
    /// Exit with 1 when a promise is broken
    #[arg(long)]
    check: bool,
    /// Where stores and everything else are made, in a temporary folder; must be on a disk [default: beside this program]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Rounds; every server or load is measured once in each
    #[arg(long)]
    pub(crate) rounds: Option<usize>,
    /// Seconds that count in each measurement
    #[arg(long)]
    pub(crate) seconds: Option<f64>,
}

// === impl Common ===

impl Common {
    /// The program to measure.
    pub(crate) fn binary(&self) -> Result<PathBuf, Fault> {
        let path = self.binary.clone().map_or_else(|| Ok(own_folder()?.join("accredit")), Ok)?;
        if path.is_file() {
            return Ok(path);
        }
        let hint = "build it with `cargo build --profile dist --package accredit`, or name it with --binary";
        Err(Fault::new(format!("binary `{}` does not exist\nhint: {hint}", path.display())))
    }

    /// A folder that goes when it is dropped.
    pub(crate) fn make_folder(&self) -> Result<TempDir, Fault> {
        let parent = self.folder.clone().map_or_else(own_folder, Ok)?;
        // Absolute, since servers are told of files in it; short, since a socket's path must fit into 108 bytes.
        let parent = parent.canonicalize().because(|| parent.display().to_string())?;
        tempfile::Builder::new().prefix("b-").tempdir_in(&parent).because(|| parent.display().to_string())
    }

    /// Writes the JSON where it is wanted.
    pub(crate) fn write_json(&self, json: impl FnOnce() -> serde_json::Value) -> Result<(), Fault> {
        let Some(path) = &self.json else { return Ok(()) };
        std::fs::write(path, format!("{:#}\n", json())).because(|| path.display().to_string())
    }

    /// How the program ends.
    pub(crate) fn exit_code(&self, verdicts: &[Verdict]) -> ExitCode {
        let broken = verdicts.iter().any(|verdict| !verdict.kept);
        if self.check && broken { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

/// Where this program lies.
fn own_folder() -> Result<PathBuf, Fault> {
    let program = std::env::current_exe().because(|| "this program".to_owned())?;
    Ok(program.parent().unwrap_or(Path::new(".")).to_owned())
}
