//! Why a measurement could not be made: one sentence, for whoever started it.

use std::fmt;

/// A sentence that says what failed and where; nothing recovers from one.
pub(crate) struct Fault(String);

/// Says what was being done when something failed.
pub(crate) trait Because<T> {
    /// Turns the failure into a [`Fault`] that begins with `what`.
    fn because(self, what: impl FnOnce() -> String) -> Result<T, Fault>;
}

impl Fault {
    /// A fault of this sentence.
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As displayed, so that a failed test reads well.
impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<T, E: fmt::Display> Because<T> for Result<T, E> {
    fn because(self, what: impl FnOnce() -> String) -> Result<T, Fault> {
        self.map_err(|cause| Fault(format!("{}: {cause}", what())))
    }
}
