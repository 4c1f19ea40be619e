//! The binary and what it says.

use std::env;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// The binary: what `ACCREDIT_BINARY` names, else the one that cargo built beside this test.
///
/// # Panics
/// There is none.
pub fn binary() -> PathBuf {
    let named = env::var_os("ACCREDIT_BINARY").map(PathBuf::from);
    let binary = named.unwrap_or_else(|| {
        let test = env::current_exe().unwrap();
        let built = test.ancestors().nth(2).unwrap();
        built.join("accredit")
    });
    let shown = binary.display();
    assert!(
        binary.is_file(),
        "`{shown}` is missing: build it with `cargo build -p accredit`, or name it in `ACCREDIT_BINARY`"
    );
    binary
}

/// The binary with nothing of this process' environment but the search path.
pub fn accredit() -> Command {
    let mut command = Command::new(binary());
    command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

/// Runs a command to its end, with this on its standard input.
///
/// # Panics
/// It cannot be started.
pub fn run(command: &mut Command, stdin: &str) -> Ran {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that does not read closes the pipe; that is its right.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Whether a program of that name answers to `--version` or `version`.
pub fn exists(program: impl AsRef<OsStr>, version: &str) -> bool {
    let quiet = |stdio: fn() -> Stdio| stdio();
    Command::new(program).arg(version).stdout(quiet(Stdio::null)).stderr(quiet(Stdio::null)).status().is_ok()
}

// === impl Ran ===

impl Ran {
    /// The same, if the command ended with this code.
    ///
    /// # Panics
    /// It ended otherwise.
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// It is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|fault| panic!("{fault} in:\n{}\n{}", self.stdout, self.stderr))
    }
}
