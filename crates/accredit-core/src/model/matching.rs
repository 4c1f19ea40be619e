//! What a mapping expects of one claim.
//!
//! Comparison is byte-exact and strict about types: the number 12 is not the string `12`, absent is not empty, an
//! array is not its only element. One `*` at the end of a text, after something, means any continuation.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use compact_str::CompactString;
use serde::de::Error as _;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use smallvec::{SmallVec, smallvec};

/// Which claim a clause reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// A top-level claim of the token, by its exact name; dots and slashes mean nothing.
    Raw(Arc<str>),
    /// An attribute that the provider derives, written `x.NAME`. Never a raw claim, even if one is called so.
    Derived(Arc<str>),
}

/// One expected value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scalar {
    /// This truth value.
    Bool(bool),
    /// This whole number.
    Int(i64),
    /// Any text that begins so; written with a `*` at the end.
    Prefix(CompactString),
    /// This text.
    Text(CompactString),
}

/// The values that a clause names; nearly always one, which then lies in the clause itself.
pub type Values = SmallVec<[Scalar; 1]>;

/// What a clause expects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expected {
    /// The claim is an array and holds each of these; written `{all: [...]}`.
    All(Values),
    /// The claim is an array and holds one of these; written `{any: [...]}`.
    Any(Values),
    /// The claim is one of these; written as a value or a list.
    OneOf(Values),
}

/// Why a value cannot be expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueFault(String);

/// `spec.match` of a mapping.
pub type Match = BTreeMap<String, Expected>;

// === impl Claim ===

impl Claim {
    /// Reads a key of `spec.match`.
    pub fn named(key: &str) -> Self {
        match key.strip_prefix("x.") {
            Some(name) => Claim::Derived(name.into()),
            None => Claim::Raw(key.into()),
        }
    }

    /// Whether a key of `spec.match` names this claim.
    pub fn is_called(&self, key: &str) -> bool {
        match self {
            Claim::Raw(name) => **name == *key && !key.starts_with("x."),
            Claim::Derived(name) => key.strip_prefix("x.") == Some(name),
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Claim::Raw(name) => f.write_str(name),
            Claim::Derived(name) => write!(f, "x.{name}"),
        }
    }
}

// === impl Scalar ===

impl Scalar {
    fn parse(value: &Value) -> Result<Self, ValueFault> {
        match value {
            Value::Bool(truth) => Ok(Scalar::Bool(*truth)),
            Value::Number(number) => number.as_i64().map(Scalar::Int).ok_or_else(|| {
                ValueFault(format!(
                    "`{number}` is not a whole number of 64 bits; match it through an attribute or a condition"
                ))
            }),
            Value::String(text) => Self::text(text),
            Value::Null => Err(ValueFault("null is nothing to expect; absent claims never match".to_owned())),
            Value::Array(_) => {
                Err(ValueFault("a list inside a list, expected a text, a number or a truth value".to_owned()))
            }
            Value::Object(_) => {
                Err(ValueFault("an object inside a list, expected a text, a number or a truth value".to_owned()))
            }
        }
    }

    fn text(text: &str) -> Result<Self, ValueFault> {
        let fault = |why: &str| Err(ValueFault(format!("`{}` {why}", text.escape_debug())));
        match text.find('*') {
            None if text.is_empty() => fault("is empty, expected a value"),
            None => Ok(Scalar::Text(text.into())),
            Some(0) => fault("would match anything, expected something before the `*`"),
            Some(place) if place + 1 == text.len() => Ok(Scalar::Prefix(text[..place].into())),
            Some(_) => fault("has a `*` that is not at its end"),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Scalar::Bool(truth) => Value::from(*truth),
            Scalar::Int(number) => Value::from(*number),
            Scalar::Prefix(_) | Scalar::Text(_) => Value::from(self.to_string()),
        }
    }

    /// Whether some value is expected by both.
    pub fn meets(&self, other: &Scalar) -> bool {
        match (self, other) {
            (Scalar::Prefix(one), Scalar::Prefix(two)) => one.starts_with(&**two) || two.starts_with(&**one),
            (Scalar::Prefix(prefix), Scalar::Text(text)) | (Scalar::Text(text), Scalar::Prefix(prefix)) => {
                text.starts_with(&**prefix)
            }
            _ => self == other,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(truth) => write!(f, "{truth}"),
            Scalar::Int(number) => write!(f, "{number}"),
            Scalar::Prefix(prefix) => write!(f, "{prefix}*"),
            Scalar::Text(text) => f.write_str(text),
        }
    }
}

// === impl Expected ===

impl Expected {
    /// Expects exactly this text.
    pub fn text(text: &str) -> Self {
        Expected::OneOf(smallvec![Scalar::Text(text.into())])
    }

    /// The values named.
    pub fn values(&self) -> &[Scalar] {
        match self {
            Expected::All(values) | Expected::Any(values) | Expected::OneOf(values) => values,
        }
    }

    /// The values, when the claim must be exactly one of them: no prefixes, no arrays.
    pub fn exact(&self) -> Option<&[Scalar]> {
        match self {
            Expected::OneOf(values) if values.iter().all(|value| !matches!(value, Scalar::Prefix(_))) => Some(values),
            _ => None,
        }
    }

    /// Whether some claim could satisfy both.
    pub fn meets(&self, other: &Expected) -> bool {
        match (self, other) {
            (Expected::OneOf(one), Expected::OneOf(two)) => one.iter().any(|a| two.iter().any(|b| a.meets(b))),
            (Expected::OneOf(_), _) | (_, Expected::OneOf(_)) => false,
            _ => true,
        }
    }

    fn parse(value: &Value) -> Result<Self, ValueFault> {
        match value {
            Value::Object(members) => {
                let mut members_iter = members.iter();
                match (members_iter.next(), members_iter.next()) {
                    (Some((quantifier, list)), None) if quantifier == "any" => Ok(Expected::Any(list_of(list)?)),
                    (Some((quantifier, list)), None) if quantifier == "all" => Ok(Expected::All(list_of(list)?)),
                    _ => Err(ValueFault(
                        "an object, expected {any: [...]} or {all: [...]} for a claim that is an array".to_owned(),
                    )),
                }
            }
            Value::Array(_) => Ok(Expected::OneOf(list_of(value)?)),
            scalar => Ok(Expected::OneOf(smallvec![Scalar::parse(scalar)?])),
        }
    }
}

fn list_of(value: &Value) -> Result<Values, ValueFault> {
    match value {
        Value::Array(values) if values.is_empty() => {
            Err(ValueFault("an empty list, which nothing satisfies".to_owned()))
        }
        Value::Array(values) if values.len() > MAX_VALUES => {
            Err(ValueFault(format!("{} values, at most {MAX_VALUES} are allowed", values.len())))
        }
        Value::Array(values) => values.iter().map(Scalar::parse).collect(),
        scalar => Ok(smallvec![Scalar::parse(scalar)?]),
    }
}

/// Reads as people say it: `a`, `a or b`, `all of a, b`.
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, between) = match self {
            Expected::All(_) => ("all of ", ", "),
            Expected::Any(_) => ("an array with ", " or "),
            Expected::OneOf(_) => ("", " or "),
        };
        f.write_str(before)?;
        for (place, value) in self.values().iter().enumerate() {
            if place > 0 {
                f.write_str(between)?;
            }
            write!(f, "{value}")?;
        }
        Ok(())
    }
}

impl Serialize for Expected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let list = || self.values().iter().map(Scalar::to_value).collect::<Vec<_>>();
        let quantified = |quantifier: &str, serializer: S| {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(quantifier, &list())?;
            map.end()
        };
        match self {
            Expected::All(_) => quantified("all", serializer),
            Expected::Any(_) => quantified("any", serializer),
            Expected::OneOf(values) if values.len() == 1 => values[0].to_value().serialize(serializer),
            Expected::OneOf(_) => list().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Expected::parse(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A clause with more values than this is a list somebody should keep elsewhere.
pub(super) const MAX_VALUES: usize = 256;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    /// F08, F09: wildcards that say too much are refused when they are written.
    #[test]
    fn only_one_star_at_the_end_after_something() {
        for value in [
            json!("*"),
            json!("**"),
            json!("a*b"),
            json!("a/*/b"),
            json!("a**"),
            json!(""),
            json!([]),
            json!(null),
            json!([["a"]]),
            json!({"none": ["a"]}),
            json!(1.5),
        ] {
            assert!(serde_json::from_value::<Expected>(value.clone()).is_err(), "{value}");
        }
        for value in [
            json!("a*"),
            json!("a"),
            json!(["a", "b*"]),
            json!(12),
            json!(true),
            json!({"any": ["a"]}),
            json!({"all": ["a", "b"]}),
        ] {
            let read: Expected = serde_json::from_value(value.clone()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), value);
        }
    }

    #[test]
    fn overlap_is_seen() {
        let expected = |value| serde_json::from_value::<Expected>(value).unwrap();
        assert!(expected(json!("refs/heads/*")).meets(&expected(json!(["refs/tags/a", "refs/heads/main"]))));
        assert!(expected(json!("a*")).meets(&expected(json!("ab*"))));
        assert!(!expected(json!("a")).meets(&expected(json!("b"))));
        assert!(!expected(json!("12")).meets(&expected(json!(12))));
    }
}
