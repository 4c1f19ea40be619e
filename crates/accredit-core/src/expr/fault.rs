//! Why an expression is refused when it is written.

use std::fmt;

/// Why a text is not a [`Program`](super::Program). Meant for the person who wrote the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExprFault {
    /// Longer than 2 KiB.
    #[error("expression has {bytes} bytes, at most {limit} are allowed")]
    TooLong {
        /// Bytes of the text.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Brackets or chains (`a.b.c`, `1 + 1 + 1`, `f().g()`) that are too deep to be walked safely.
    #[error("expression is nested or chained more than {limit} deep")]
    TooDeep {
        /// The limit that was passed.
        limit: usize,
    },
    /// Not CEL.
    #[error("expression is not CEL at {place}: {problem}")]
    Syntax {
        /// Where.
        place: Place,
        /// What is wrong there.
        problem: Box<str>,
    },
    /// CEL that this server leaves out, named.
    #[error("expression uses {what}, which is not supported")]
    Unsupported {
        /// What it is, for example ``function `sets.contains` ``.
        what: Box<str>,
    },
    /// A name that nothing is bound to.
    #[error("variable `{name}` does not exist, the only one is `assertion`")]
    UnknownVariable {
        /// The name.
        name: Box<str>,
    },
    /// The pattern of `matches` or the template of `extract`.
    #[error("{function} cannot use `{text}`: {problem}")]
    BadPattern {
        /// `matches` or `extract`.
        function: &'static str,
        /// The pattern or template as written, capped.
        text: Box<str>,
        /// What is wrong with it.
        problem: Box<str>,
    },
    /// Comprehensions inside comprehensions, too many patterns, or constants that take too long to compute.
    #[error("expression costs too much: {problem}")]
    TooCostly {
        /// What costs.
        problem: &'static str,
    },
    /// The same answer whatever the token says.
    #[error("expression does not depend on any claim")]
    ConstantCondition,
    /// The parser could not be started, or broke.
    #[error("parser failed on this expression")]
    ParserFailed,
}

/// Where in a text, both counted from 1; a column is a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u16,
    /// The character in the line.
    pub column: u16,
}

// === impl ExprFault ===

impl ExprFault {
    /// The stable name of this fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "cel-too-long",
            Self::TooDeep { .. } => "cel-too-deep",
            Self::Syntax { .. } => "cel-syntax",
            Self::Unsupported { .. } => "cel-unsupported",
            Self::UnknownVariable { .. } => "cel-unknown-variable",
            Self::BadPattern { .. } => "cel-bad-pattern",
            Self::TooCostly { .. } => "cel-too-costly",
            Self::ConstantCondition => "constant-condition",
            Self::ParserFailed => "cel-parser-failed",
        }
    }

    /// What the writer can do about it, when there is one thing to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::TooLong { .. } | Self::TooDeep { .. } => {
                Some("split it into several mappings, or test membership with `in [...]`".to_owned())
            }
            Self::UnknownVariable { name } if is_plain_name(name) => Some(format!("write `assertion.{name}`")),
            Self::ConstantCondition => {
                Some("test a claim, for example `assertion.repository_id == \"1234\"`".to_owned())
            }
            Self::Syntax { .. }
            | Self::Unsupported { .. }
            | Self::UnknownVariable { .. }
            | Self::BadPattern { .. }
            | Self::TooCostly { .. }
            | Self::ParserFailed => None,
        }
    }
}

// === impl Place ===

impl Place {
    /// The place of the byte `offset` of `source`.
    pub(super) fn of(source: &str, offset: usize) -> Self {
        let before = source.get(..offset).unwrap_or(source);
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let number = |count: usize| u16::try_from(count.saturating_add(1)).unwrap_or(u16::MAX);
        Self { line: number(line), column: number(column) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Whether `name` can be written after a dot.
pub(super) fn is_plain_name(name: &str) -> bool {
    let is_start = |byte: u8| byte == b'_' || byte.is_ascii_alphabetic();
    name.bytes().next().is_some_and(is_start) && name.bytes().all(|byte| is_start(byte) || byte.is_ascii_digit())
}
