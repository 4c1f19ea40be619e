//! Where a command reads and writes: results go to stdout, everything else to stderr.

use std::borrow::Cow;
use std::io::{ErrorKind, IsTerminal, Read, Write};

use accredit_client::inert::InertLines;
use accredit_id::shown::is_deceptive;

use crate::exit::Failure;
use crate::paths;

/// The streams of one command.
///
/// INVARIANT: nothing reaches a stream but through [`Terminal::show`] and [`Terminal::say`], which escape what could
/// drive a terminal or deceive its reader. Renderers may forget; this gate does not.
pub(crate) struct Terminal<'t> {
    out: &'t mut dyn Write,
    err: &'t mut dyn Write,
    input: &'t mut dyn Read,
    width: usize,
    closed: bool,
}

// === impl Terminal ===

impl<'t> Terminal<'t> {
    /// Over these streams; lines are laid out for `width` columns.
    pub(crate) fn new(out: &'t mut dyn Write, err: &'t mut dyn Write, input: &'t mut dyn Read, width: usize) -> Self {
        Self { out, err, input, width, closed: false }
    }

    /// How many columns a line should keep to.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Writes a result to stdout. A reader that went away (`| head`) is no failure: the rest is not written.
    ///
    /// # Errors
    /// When the result cannot be written, as on a full disk.
    pub(crate) fn show(&mut self, text: &str) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        let written = self.out.write_all(inert(text).as_bytes()).and_then(|()| self.out.flush());
        match written {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => Err(Failure::failed(format!("result cannot be written to stdout: {error}"))),
        }
    }

    /// Writes a remark to stderr. When nobody can be told, nobody is.
    pub(crate) fn say(&mut self, text: &str) {
        let _ = self.err.write_all(inert(text).as_bytes()).and_then(|()| self.err.flush());
    }

    /// Reads stdin to its end, at most `cap` bytes.
    ///
    /// # Errors
    /// When it cannot be read or is longer.
    pub(crate) fn read(&mut self, cap: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(cap).unwrap_or(u64::MAX).saturating_add(1);
        (&mut self.input)
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::failed(format!("stdin cannot be read: {error}")))?;
        match bytes.len() > cap {
            true => Err(Failure::failed(format!("stdin holds more than {cap} bytes"))),
            false => Ok(bytes),
        }
    }
}

/// The columns of stdout: `COLUMNS` where it is set, else the window's, else enough for a line in a log.
pub(crate) fn columns() -> usize {
    let window = || {
        let stdout = std::io::stdout();
        let size = stdout.is_terminal().then(|| rustix::termios::tcgetwinsize(&stdout).ok())??;
        Some(usize::from(size.ws_col))
    };
    paths::columns().or_else(window).filter(|columns| *columns > 0).unwrap_or(120)
}

/// Most texts have nothing to escape, and an export may be long.
fn inert(text: &str) -> Cow<'_, str> {
    match text.chars().any(|character| character != '\n' && is_deceptive(character)) {
        true => InertLines(text).to_string().into(),
        false => text.into(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::io;

    use super::*;
    use crate::exit::Exit;

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// L24: whatever a renderer forgot, the stream does not carry it.
    #[test]
    fn nothing_hostile_passes() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut input = io::empty();
        let mut terminal = Terminal::new(&mut out, &mut err, &mut input, 80);
        terminal.show("ref \u{202e}\u{1b}[2J\n").unwrap();
        terminal.say("\u{9b}31m\r\n");
        assert_eq!(out, b"ref \\u{202e}\\u{1b}[2J\n");
        assert_eq!(err, b"\\u{9b}31m\\r\n");
    }

    #[test]
    fn a_reader_that_left_is_quiet_and_a_full_disk_is_not() {
        let (mut err, mut input) = (Vec::new(), io::empty());
        let mut out = Broken(ErrorKind::BrokenPipe);
        let mut terminal = Terminal::new(&mut out, &mut err, &mut input, 80);
        assert!(terminal.show("a\n").is_ok() && terminal.show("b\n").is_ok());

        let mut out = Broken(ErrorKind::StorageFull);
        let mut terminal = Terminal::new(&mut out, &mut err, &mut input, 80);
        assert_eq!(terminal.show("a\n").unwrap_err().exit(), Exit::Failed);
    }

    #[test]
    fn stdin_is_capped() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut input: &[u8] = b"12345";
        assert_eq!(Terminal::new(&mut out, &mut err, &mut input, 80).read(5).unwrap(), b"12345");
        let mut input: &[u8] = b"123456";
        assert!(Terminal::new(&mut out, &mut err, &mut input, 80).read(5).is_err());
    }
}
