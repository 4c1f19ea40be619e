//! Why a command failed: one text for the person who typed it.

use std::fmt;

/// A failure, worded for the terminal: noun first, lower case, no full stop; an optional hint on its own line.
#[derive(Debug)]
pub(crate) struct Fault(String);

impl Fault {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Adds the one action that mends it.
    pub(crate) fn hint(self, action: &str) -> Self {
        Self(format!("{}\nhint: {action}", self.0))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
