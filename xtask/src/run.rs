//! Running other programs, and what they said.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::fault::Fault;

/// Runs with this terminal's streams; a non-zero end is a fault that names the program.
pub(crate) fn aloud(command: &mut Command) -> Result<(), Fault> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() { Ok(()) } else { Err(Fault::new(format!("`{}` ended with {status}", shown(command)))) }
}

/// Runs and returns what went to standard output; what goes to standard error is seen on the terminal.
pub(crate) fn stdout_of(command: &mut Command) -> Result<String, Fault> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| not_started(command, &error))?;
    if !output.status.success() {
        return Err(Fault::new(format!("`{}` ended with {}", shown(command), output.status)));
    }
    String::from_utf8(output.stdout).map_err(|_| Fault::new(format!("`{}` did not print UTF-8", shown(command))))
}

/// The fault of a program that could not be started at all.
pub(crate) fn not_started(command: &Command, error: &std::io::Error) -> Fault {
    Fault::new(format!("`{}` cannot be started: {error}", command.get_program().display()))
}

/// The command line, the program by its name alone.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
