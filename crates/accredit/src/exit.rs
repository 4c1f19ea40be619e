//! How a command ends: its exit code, and what it says when it did not do what was asked.

use accredit_client::inert::Inert;

/// The exit codes, the same for every verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// 0: what was asked is done.
    Done = 0,
    /// 1: it could not be done.
    Failed = 1,
    /// 2: the command line makes no sense; nothing was tried.
    Misused = 2,
    /// 3: it was refused: by policy, or for want of a right.
    Denied = 3,
    /// 4: nobody answers; the same command may succeed later.
    Unavailable = 4,
}

/// Why a command did not do what was asked: an exit code and one complaint for each thing that is wrong.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    complaints: Vec<Complaint>,
}

/// One `error:` line with at most one `hint:` line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// Noun first, lower case, no full stop, seen and expected.
    pub(crate) message: String,
    /// An action.
    pub(crate) hint: Option<String>,
}

// === impl Failure ===

impl Failure {
    /// Exit 1.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::of(Exit::Failed, message)
    }

    /// Exit 1, with the fault's name behind it where it has one: what the pages and logs call it.
    pub(crate) fn named(message: impl std::fmt::Display, code: Option<&str>) -> Self {
        Self::failed(code.map_or_else(|| message.to_string(), |code| format!("{message} [{code}]")))
    }

    /// Exit 2.
    pub(crate) fn misused(message: impl Into<String>) -> Self {
        Self::of(Exit::Misused, message)
    }

    /// Exit 4.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::of(Exit::Unavailable, message)
    }

    /// Several complaints at once.
    pub(crate) fn many(exit: Exit, complaints: Vec<Complaint>) -> Self {
        Self { exit, complaints }
    }

    /// The same with a hint below its last line.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(complaint) = self.complaints.last_mut() {
            complaint.hint = Some(hint.into());
        }
        self
    }

    /// The code to exit with.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// What stands on stderr.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for Complaint { message, hint } in self.complaints.iter().take(SHOWN) {
            text.push_str(&format!("error: {}\n", Inert(message)));
            if let Some(hint) = hint {
                text.push_str(&format!("hint: {}\n", Inert(hint)));
            }
        }
        if self.complaints.len() > SHOWN {
            text.push_str(&format!("error: {} more like these\n", self.complaints.len() - SHOWN));
        }
        text
    }

    fn of(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, complaints: vec![Complaint { message: message.into(), hint: None }] }
    }
}

/// How many complaints are printed before the rest is only counted.
const SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_stays_on_its_line() {
        let failure = Failure::failed("name `a\nerror: forged\u{1b}[2J`").hint("do\r\nnot");
        assert_eq!(failure.text(), "error: name `a\\nerror: forged\\u{1b}[2J`\nhint: do\\r\\nnot\n");
    }

    #[test]
    fn a_flood_of_faults_is_counted() {
        let complaint = |number: usize| Complaint { message: format!("fault {number}"), hint: None };
        let failure = Failure::many(Exit::Failed, (0..25).map(complaint).collect());
        assert!(failure.text().ends_with("error: fault 19\nerror: 5 more like these\n"));
    }
}
