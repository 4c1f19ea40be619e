//! Values while a program runs. Claims are lent, never converted: a list or map of claims is a pointer to the JSON.

use std::ops::Deref;
use std::sync::Arc;

use accredit_id::json::{Json, Number, Object};

use super::outcome::Kind;

/// A CEL value that may borrow from the claims or from the program.
#[derive(Debug, Clone)]
pub(super) enum Value<'v> {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Double(f64),
    String(Lent<'v, str>),
    Bytes(Lent<'v, [u8]>),
    List(List<'v>),
    Map(Map<'v>),
    Type(Kind),
}

/// Something lent, or made by the program and then shared, so that a copy costs the same however large it is.
#[derive(Debug)]
pub(super) enum Lent<'v, T: ?Sized> {
    From(&'v T),
    Made(Arc<T>),
}

/// A list.
#[derive(Debug, Clone)]
pub(super) enum List<'v> {
    Claims(&'v [Json<'v>]),
    Values(Lent<'v, [Value<'v>]>),
}

/// A map; made ones are small, so they are searched from the start.
#[derive(Debug, Clone)]
pub(super) enum Map<'v> {
    Claims(&'v Object<'v>),
    Entries(Lent<'v, [(Value<'v>, Value<'v>)]>),
}

// === impl Value ===

impl<'v> Value<'v> {
    /// A claim as a value. Integers are `int`, or `uint` above `i64::MAX`; everything else is a `double`.
    pub(super) fn of(claim: &'v Json<'v>) -> Self {
        match claim {
            Json::Null => Self::Null,
            Json::Bool(truth) => Self::Bool(*truth),
            Json::Number(Number::Int(number)) => Self::Int(*number),
            Json::Number(Number::UInt(number)) => Self::UInt(*number),
            Json::Number(Number::Float(number)) => Self::Double(*number),
            Json::String(text) => Self::String(Lent::From(text)),
            Json::Array(items) => Self::List(List::Claims(items)),
            Json::Object(object) => Self::Map(Map::Claims(object)),
        }
    }

    /// A text made by the program.
    pub(super) fn text(text: &str) -> Self {
        Self::String(Lent::Made(Arc::from(text)))
    }

    /// A list made by the program.
    pub(super) fn list(items: Vec<Value<'v>>) -> Self {
        Self::List(List::Values(Lent::Made(Arc::from(items))))
    }

    /// The value's type.
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::UInt(_) => Kind::UInt,
            Self::Double(_) => Kind::Double,
            Self::String(_) => Kind::String,
            Self::Bytes(_) => Kind::Bytes,
            Self::List(_) => Kind::List,
            Self::Map(_) => Kind::Map,
            Self::Type(_) => Kind::Type,
        }
    }

    /// The same value, lent from this one: no count of owners is touched.
    pub(super) fn lend(&'v self) -> Self {
        match self {
            Self::Null => Self::Null,
            Self::Bool(truth) => Self::Bool(*truth),
            Self::Int(number) => Self::Int(*number),
            Self::UInt(number) => Self::UInt(*number),
            Self::Double(number) => Self::Double(*number),
            Self::String(text) => Self::String(Lent::From(text)),
            Self::Bytes(bytes) => Self::Bytes(Lent::From(bytes)),
            Self::List(List::Claims(items)) => Self::List(List::Claims(items)),
            Self::List(List::Values(items)) => Self::List(List::Values(Lent::From(items))),
            Self::Map(Map::Claims(object)) => Self::Map(Map::Claims(object)),
            Self::Map(Map::Entries(entries)) => Self::Map(Map::Entries(Lent::From(entries))),
            Self::Type(kind) => Self::Type(*kind),
        }
    }

    /// The value as a key in a sentence.
    pub(super) fn shown(&self) -> Box<str> {
        match self {
            Self::Null => "null".into(),
            Self::Bool(truth) => truth.to_string().into(),
            Self::Int(number) => number.to_string().into(),
            Self::UInt(number) => number.to_string().into(),
            Self::Double(number) => number.to_string().into(),
            Self::String(text) => (**text).into(),
            Self::Type(kind) => kind.as_str().into(),
            Self::Bytes(_) | Self::List(_) | Self::Map(_) => format!("a {}", self.kind()).into(),
        }
    }

    /// A copy that borrows from nothing, when it fits what is left of `bytes`. Claims are not copied.
    pub(super) fn to_static(&self, bytes: &mut usize) -> Option<Value<'static>> {
        let own = size_of::<Self>()
            + match self {
                Self::String(text) => text.len(),
                Self::Bytes(bytes) => bytes.len(),
                _ => 0,
            };
        *bytes = bytes.checked_sub(own)?;
        Some(match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Int(number) => Value::Int(*number),
            Self::UInt(number) => Value::UInt(*number),
            Self::Double(number) => Value::Double(*number),
            Self::String(text) => Value::text(text),
            Self::Bytes(bytes) => Value::Bytes(Lent::Made(Arc::from(&**bytes))),
            Self::List(List::Values(items)) => {
                let items: Option<Vec<_>> = items.iter().map(|item| item.to_static(bytes)).collect();
                Value::list(items?)
            }
            Self::Map(Map::Entries(entries)) => {
                let entry =
                    |(key, value): &(Value<'v>, Value<'v>)| Some((key.to_static(bytes)?, value.to_static(bytes)?));
                Value::Map(Map::Entries(Lent::Made(entries.iter().map(entry).collect::<Option<_>>()?)))
            }
            Self::List(List::Claims(_)) | Self::Map(Map::Claims(_)) => return None,
            Self::Type(kind) => Value::Type(*kind),
        })
    }
}

// === impl List ===

impl<'v> List<'v> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Claims(items) => items.len(),
            Self::Values(items) => items.len(),
        }
    }

    pub(super) fn at(&self, index: usize) -> Option<Value<'v>> {
        match self {
            Self::Claims(items) => items.get(index).map(Value::of),
            Self::Values(items) => items.get(index).cloned(),
        }
    }
}

// === impl Map ===

impl<'v> Map<'v> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Claims(object) => object.len(),
            Self::Entries(entries) => entries.len(),
        }
    }

    /// The value of the key `name`.
    pub(super) fn member(&self, name: &str) -> Option<Value<'v>> {
        match self {
            Self::Claims(object) => object.get(name).map(Value::of),
            Self::Entries(entries) => {
                let is_it = |key: &Value<'v>| matches!(key, Value::String(text) if &**text == name);
                entries.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value.clone())
            }
        }
    }

    /// The keys, in order.
    pub(super) fn keys(&self) -> List<'v> {
        let keys: Vec<Value<'v>> = match self {
            Self::Claims(object) => object.iter().map(|(name, _)| Value::String(Lent::From(name))).collect(),
            Self::Entries(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
        };
        List::Values(Lent::Made(Arc::from(keys)))
    }
}

// === impl Lent ===

impl<T: ?Sized> Deref for Lent<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::From(lent) => lent,
            Self::Made(made) => made,
        }
    }
}

impl<T: ?Sized> Clone for Lent<'_, T> {
    fn clone(&self) -> Self {
        match self {
            Self::From(lent) => Self::From(lent),
            Self::Made(made) => Self::Made(Arc::clone(made)),
        }
    }
}

impl<'v> Lent<'v, str> {
    /// The bytes `start..end` of the text, which are character boundaries; lent when the text is.
    pub(super) fn part(&self, start: usize, end: usize) -> Self {
        match self {
            Self::From(text) => Self::From(text.get(start..end).unwrap_or_default()),
            Self::Made(text) => Self::Made(Arc::from(text.get(start..end).unwrap_or_default())),
        }
    }
}
