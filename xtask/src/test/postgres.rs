//! PostgreSQL, servers of which the tests of the store and of the whole product start for themselves: installed where it is
//! missing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::background::Background;
use super::report::Outcome;
use crate::fault::Fault;

/// What is to be done for it.
pub(super) enum Installing {
    /// It is there.
    Present,
    Begun(Box<Background>),
    /// Why it cannot be had here.
    Missing(&'static str),
}

/// Begins to install it, unless it is there.
pub(super) fn begin(scratch: &Path) -> Result<Installing, Fault> {
    if is_installed() {
        return Ok(Installing::Present);
    }
    let user = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    if !user.is_ok_and(|user| user.stdout == b"0\n") {
        return Ok(Installing::Missing("PostgreSQL is not there; install package `postgresql`"));
    }
    let mut install = Command::new("sh");
    install.args(["-c", INSTALL]).env("DEBIAN_FRONTEND", "noninteractive");
    let log = scratch.join("postgres-install.log");
    Background::begin(install, log).map(|begun| Installing::Begun(Box::new(begun)))
}

/// Waits for the installation. Tests that need it skip themselves where it is missing, and fail in CI.
pub(super) fn finish(installing: Installing) -> Result<Outcome, Fault> {
    match installing {
        Installing::Present => Ok(Outcome::holds()),
        Installing::Missing(why) => Ok(Outcome::skipped(why)),
        Installing::Begun(background) => match background.finish() {
            Ok(()) if is_installed() => Ok(Outcome::holds()),
            Ok(()) => Ok(Outcome::skipped("PostgreSQL was installed and is not where it was expected")),
            Err(fault) => Ok(Outcome::skipped(format!("PostgreSQL cannot be installed: {fault}"))),
        },
    }
}

fn is_installed() -> bool {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    versions.into_iter().any(|version| version.path().join("bin/initdb").exists())
}

/// The interop clients may be installing something at the same time.
const INSTALL: &str = "\
apt-get update -q -o DPkg::Lock::Timeout=300 && \
apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 postgresql";
