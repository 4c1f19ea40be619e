//! Programs that run beside the build: installing what later steps need.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::fault::Fault;
use crate::run;

/// Memory that must be free before something is built beside the build.
const ENOUGH_MEMORY_KIB: u64 = 3 * 1024 * 1024;

/// A program that was begun, or is held back until it is waited for.
pub(super) struct Background {
    command: Command,
    log: PathBuf,
    /// Absent while memory is short: one thing after the other.
    child: Option<Child>,
}

impl Background {
    /// Begins the program, its output in `log`.
    pub(super) fn begin(mut command: Command, log: PathBuf) -> Result<Self, Fault> {
        let memory = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available_kib(&text));
        let is_short = memory.is_some_and(|free| free < ENOUGH_MEMORY_KIB);
        let child = if is_short { None } else { Some(spawn(&mut command, &log)?) };
        Ok(Self { command, log, child })
    }

    /// Waits for its end. A failure shows what it wrote.
    pub(super) fn finish(mut self) -> Result<(), Fault> {
        let mut child = match self.child.take() {
            Some(child) => child,
            None => spawn(&mut self.command, &self.log)?,
        };
        let status = child.wait().map_err(|error| Fault::new(format!("program cannot be waited for: {error}")))?;
        if status.success() {
            return Ok(());
        }
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        Err(Fault::new(format!("{}\nended with {status}", said.trim_end())))
    }
}

/// A program nobody waits for any more is ended.
impl Drop for Background {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn spawn(command: &mut Command, log: &Path) -> Result<Child, Fault> {
    let unwritable = |error| Fault::new(format!("`{}` cannot be written: {error}", log.display()));
    let out = File::create(log).map_err(unwritable)?;
    let err = out.try_clone().map_err(unwritable)?;
    let spawned = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
    spawned.map_err(|error| run::not_started(command, &error))
}

/// `MemAvailable` of `/proc/meminfo`.
fn available_kib(meminfo: &str) -> Option<u64> {
    let value = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::{env, process};

    use super::*;

    fn shell(script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        shell
    }

    fn log(name: &str) -> PathBuf {
        env::temp_dir().join(format!("xtask-background-{name}-{}", process::id()))
    }

    #[test]
    fn a_failure_shows_what_was_written() {
        let log = log("failure");
        let fault =
            Background::begin(shell("echo one; echo two >&2; exit 3"), log.clone()).unwrap().finish().unwrap_err();
        fs::remove_file(log).unwrap();
        assert_eq!(fault.to_string(), "one\ntwo\nended with exit status: 3");
    }

    #[test]
    fn what_was_held_back_runs_when_it_is_waited_for() {
        let log = log("held");
        Background { command: shell("echo late"), log: log.clone(), child: None }.finish().unwrap();
        assert_eq!(fs::read_to_string(&log).unwrap(), "late\n");
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn free_memory_is_read() {
        assert_eq!(available_kib("MemTotal: 5 kB\nMemAvailable:   24016 kB\n"), Some(24016));
        assert_eq!(available_kib("MemTotal: 5 kB\n"), None);
    }
}
