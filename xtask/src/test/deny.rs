//! The supply chain: `deny.toml`, judged by a pinned cargo-deny that the run installs itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::background::Background;
use super::report::Outcome;
use crate::checkout::Checkout;
use crate::fault::Fault;
use crate::run;

const VERSION: &str = "0.20.2";

/// What can be judged without the advisory database, which is fetched from a git host.
const CHECKS: &[&str] = &["bans", "licenses", "sources"];

/// Begins to install cargo-deny, unless the cache holds it.
pub(super) fn begin(checkout: &Checkout, cache: &Path, scratch: &Path) -> Result<Option<Background>, Fault> {
    if is_installed(&program(cache)) {
        return Ok(None);
    }
    let home = home(cache);
    let mut cargo = checkout.cargo();
    cargo
        .args(["install", "cargo-deny", "--locked", "--version", VERSION, "--root"])
        .arg(&home)
        // It runs for seconds, once per run: building it quickly is worth more than its speed.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        // Apart from the checkout's build folder, whose lock the build beside it holds.
        .env("CARGO_TARGET_DIR", home.join("build"));
    Background::begin(cargo, scratch.join("cargo-deny.log")).map(Some)
}

/// Waits for the installation, then judges the tree.
pub(super) fn run(checkout: &Checkout, cache: &Path, installing: Option<Background>) -> Result<Outcome, Fault> {
    if let Some(installing) = installing {
        if let Err(fault) = installing.finish() {
            println!("{fault}");
            return Ok(Outcome::skipped(format!("cargo-deny {VERSION} cannot be installed")));
        }
        let _ = fs::remove_dir_all(home(cache).join("build"));
    }
    let mut deny = Command::new(program(cache));
    deny.current_dir(checkout.root()).args(["--workspace", "check", "--hide-inclusion-graph"]).args(CHECKS);
    run::aloud(&mut deny).map(|()| Outcome::holds())
}

fn home(cache: &Path) -> PathBuf {
    cache.join(format!("cargo-deny-{VERSION}"))
}

fn program(cache: &Path) -> PathBuf {
    home(cache).join("bin/cargo-deny")
}

fn is_installed(program: &Path) -> bool {
    let version = Command::new(program).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    version.is_ok_and(|output| output.status.success() && output.stdout.ends_with(format!(" {VERSION}\n").as_bytes()))
}
