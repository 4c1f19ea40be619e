//! JSON as evidence: read strictly, kept exactly.
//!
//! Two readers that disagree about one document are a hole (RFC 8725 section 2.4, RFC 8259 section 4), so what is
//! ambiguous is refused here once for all: a member that appears twice, text after the end, a byte order mark, broken
//! UTF-8, half a surrogate pair. Numbers keep what they were: integers are integers, and a fraction never becomes
//! one.

mod convert;
mod read;

use std::borrow::Cow;

pub use read::{JsonFault, Limits, object};

/// A JSON value that borrows from the text that it was read from, wherever that text holds no escapes.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// A JSON number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// An integer that fits.
    Int(i64),
    /// An integer above `i64::MAX`, and only such.
    UInt(u64),
    /// Whatever was written with a fraction or an exponent, and integers beyond 64 bits; finite.
    Float(f64),
}

/// A JSON object: members in the order of the text, no name twice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object<'a> {
    // INVARIANT: names differ pairwise. The reader refuses doubles, `insert` replaces.
    members: Vec<(Cow<'a, str>, Json<'a>)>,
}

// === impl Json ===

impl<'a> Json<'a> {
    /// The string, when it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, when it is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The items, when it is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Json<'a>]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The object, when it is one.
    #[must_use]
    pub const fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The value's type for a sentence: `a string`, `null`, `an array`.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// A copy that borrows from nothing.
    #[must_use]
    pub fn to_static(&self) -> Json<'static> {
        match self {
            Self::Null => Json::Null,
            Self::Bool(truth) => Json::Bool(*truth),
            Self::Number(number) => Json::Number(*number),
            Self::String(text) => Json::String(Cow::Owned(text.as_ref().to_owned())),
            Self::Array(items) => Json::Array(items.iter().map(Json::to_static).collect()),
            Self::Object(object) => Json::Object(object.to_static()),
        }
    }
}

// === impl Object ===

impl<'a> Object<'a> {
    /// An object without members.
    #[must_use]
    pub const fn new() -> Self {
        Self { members: Vec::new() }
    }

    /// The value of the member `name`, compared byte for byte.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.members.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value)
    }

    /// Sets the member `name`, in its old place when it exists, else at the end.
    pub fn insert(&mut self, name: impl Into<Cow<'a, str>>, value: Json<'a>) {
        let name = name.into();
        match self.members.iter_mut().find(|(candidate, _)| *candidate == name) {
            Some((_, old)) => *old = value,
            None => self.members.push((name, value)),
        }
    }

    /// Takes the member `name` out, if it is there.
    pub fn remove(&mut self, name: &str) {
        self.members.retain(|(candidate, _)| candidate != name);
    }

    /// The members in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Json<'a>)> {
        self.members.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// How many members there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// A copy that borrows from nothing.
    #[must_use]
    pub fn to_static(&self) -> Object<'static> {
        let own = |(name, value): &(Cow<'_, str>, Json<'_>)| (Cow::Owned(name.as_ref().to_owned()), value.to_static());
        Object { members: self.members.iter().map(own).collect() }
    }
}
