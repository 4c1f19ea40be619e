//! What a program answers, and why it may have no answer.

use std::fmt;

use accredit_id::shown::Shown;

/// What a condition says about one set of claims. Only [`Outcome::True`] is a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The condition holds.
    True,
    /// The condition does not hold.
    False,
    /// The condition has no answer, which is never a match.
    Error(EvalFault),
}

/// Why a program has no answer for one set of claims. Meant for the operator: it names claims, and so has no `Display`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvalFault {
    /// A claim or member that is not there.
    NoSuchKey {
        /// Its name.
        key: Box<str>,
    },
    /// An index outside a list or string.
    IndexOutOfRange {
        /// The index.
        index: i64,
        /// The length of what was indexed.
        length: usize,
    },
    /// An operator or function that does not take values of these types.
    NoSuchOverload {
        /// The operator or function.
        operation: &'static str,
        /// The type of the first value.
        first: Kind,
        /// The type of the second value.
        second: Option<Kind>,
    },
    /// An integer that does not fit 64 bits.
    Overflow {
        /// The operator or function.
        operation: &'static str,
    },
    /// Division or remainder by zero.
    DivisionByZero,
    /// A value that has no counterpart in the type asked for, such as `int("x")`.
    InvalidConversion {
        /// The type of the value.
        from: Kind,
        /// The type asked for.
        to: Kind,
    },
    /// A map literal that names a key twice.
    DuplicateKey,
    /// A text, bytes value or list that would be larger than is allowed: 16 KiB, 1,000 entries, 1 KiB for `matches`.
    ValueTooLarge {
        /// The operator or function.
        operation: &'static str,
    },
    /// More steps than one evaluation may take.
    FuelExhausted,
    /// A condition whose value is not a truth value.
    NotBoolean {
        /// The type of the value.
        kind: Kind,
    },
    /// An attribute whose value is not a string, truth value or number.
    NotScalar {
        /// The type of the value.
        kind: Kind,
    },
    /// An attribute whose value is infinite or not a number.
    NotFinite,
    /// An attribute whose text is longer than 1024 bytes. It is never cut.
    AttributeTooLong {
        /// Bytes of the text.
        bytes: usize,
    },
}

/// The type of a value, by its name in CEL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `null_type`.
    Null,
    /// `bool`.
    Bool,
    /// `int`.
    Int,
    /// `uint`.
    UInt,
    /// `double`.
    Double,
    /// `string`.
    String,
    /// `bytes`.
    Bytes,
    /// `list`.
    List,
    /// `map`.
    Map,
    /// `type`.
    Type,
}

// === impl EvalFault ===

impl EvalFault {
    /// The stable name of this fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSuchKey { .. } => "cel-no-such-key",
            Self::IndexOutOfRange { .. } => "cel-index-out-of-range",
            Self::NoSuchOverload { .. } => "cel-no-such-overload",
            Self::Overflow { .. } => "cel-overflow",
            Self::DivisionByZero => "cel-division-by-zero",
            Self::InvalidConversion { .. } => "cel-invalid-conversion",
            Self::DuplicateKey => "cel-duplicate-key",
            Self::ValueTooLarge { .. } => "cel-value-too-large",
            Self::FuelExhausted => "cel-fuel-exhausted",
            Self::NotBoolean { .. } => "cel-not-boolean",
            Self::NotScalar { .. } => "cel-not-scalar",
            Self::NotFinite => "cel-not-finite",
            Self::AttributeTooLong { .. } => "cel-attribute-too-long",
        }
    }

    /// What happened, for the operator's eyes.
    #[must_use]
    pub fn operator_text(&self) -> String {
        match self {
            Self::NoSuchKey { key } => format!("key `{}` is not in the claims", Shown::of(key)),
            Self::IndexOutOfRange { index, length } => format!("index {index} is outside of a length of {length}"),
            Self::NoSuchOverload { operation, first, second: None } => format!("`{operation}` does not take a {first}"),
            Self::NoSuchOverload { operation, first, second: Some(second) } => {
                format!("`{operation}` does not take a {first} and a {second}")
            }
            Self::Overflow { operation } => format!("result of `{operation}` does not fit 64 bits"),
            Self::DivisionByZero => "divisor is zero".to_owned(),
            Self::InvalidConversion { from, to } => format!("value of type {from} is not a valid {to}"),
            Self::DuplicateKey => "map has the same key twice".to_owned(),
            Self::ValueTooLarge { operation } => format!("value is too large for `{operation}`"),
            Self::FuelExhausted => "evaluation took too many steps".to_owned(),
            Self::NotBoolean { kind } => format!("result is a {kind}, expected a bool"),
            Self::NotScalar { kind } => format!("result is a {kind}, expected a string, bool or number"),
            Self::NotFinite => "result is not a finite number".to_owned(),
            Self::AttributeTooLong { bytes } => format!("result has {bytes} bytes, at most 1024 are allowed"),
        }
    }

    /// What the writer of the expression can do about it, when there is one thing to do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoSuchKey { .. } => Some("ask first with `has(assertion.NAME)` if the claim is optional"),
            Self::NoSuchOverload { .. } => Some("convert one side with `string()` or `int()`"),
            Self::IndexOutOfRange { .. } => Some("ask first with `size()`"),
            _ => None,
        }
    }
}

// === impl Kind ===

impl Kind {
    /// The type's name in CEL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::UInt => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::List => "list",
            Self::Map => "map",
            Self::Type => "type",
        }
    }

    /// The type that an expression means by `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        const ALL: [Kind; 10] = [
            Kind::Null,
            Kind::Bool,
            Kind::Int,
            Kind::UInt,
            Kind::Double,
            Kind::String,
            Kind::Bytes,
            Kind::List,
            Kind::Map,
            Kind::Type,
        ];
        ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
