//! The strict reader.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::{Json, Number, Object};
use crate::shown::Shown;

/// How much of a document is read before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Objects and arrays inside one another, the outermost counted.
    pub depth: usize,
    /// Members of objects and items of arrays, all together.
    pub members: usize,
    /// Bytes of one string or member name, unescaped.
    pub string_bytes: usize,
}

/// Why a text is not the JSON object that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Bytes that are not UTF-8.
    #[error("text is not UTF-8 from byte {offset} on")]
    NotUtf8 {
        /// How many bytes are.
        offset: usize,
    },
    /// Not JSON; a half surrogate pair, a byte order mark and text after the end included.
    #[error("text is not JSON: {problem}")]
    Syntax {
        /// What the parser says, with line and column; it repeats nothing of the text.
        problem: String,
    },
    /// JSON, but not an object.
    #[error("JSON is {seen}, expected an object")]
    NotAnObject {
        /// The type seen.
        seen: &'static str,
    },
    /// One object names a member twice, escapes undone.
    #[error("member `{name}` appears twice")]
    DuplicateMember {
        /// The member.
        name: Shown,
    },
    /// Deeper than [`Limits::depth`].
    #[error("JSON is nested more than {limit} deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// More than [`Limits::members`].
    #[error("JSON has more than {limit} members and items")]
    TooManyMembers {
        /// The limit.
        limit: usize,
    },
    /// A string beyond [`Limits::string_bytes`].
    #[error("JSON has a string of {bytes} bytes, expected at most {limit}")]
    StringTooLong {
        /// The length seen.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

/// Reads `bytes` as one JSON object (RFC 8259, I-JSON's rule on names: RFC 7493 section 2.3).
///
/// The caller caps the size of `bytes`; memory used is proportional to it.
///
/// # Errors
/// The first [`JsonFault`] met.
pub fn object<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Object<'a>, JsonFault> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonFault::NotUtf8 { offset: error.valid_up_to() })?;
    let reader = Reader { limits, members_left: Cell::new(limits.members), fault: RefCell::new(None) };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let seed = Value { reader: &reader, depth: 0 };
    let read = seed.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    match read {
        Ok(Json::Object(object)) => Ok(object),
        Ok(other) => Err(JsonFault::NotAnObject { seen: other.type_name() }),
        Err(error) => {
            Err(reader.fault.into_inner().unwrap_or_else(|| JsonFault::Syntax { problem: error.to_string() }))
        }
    }
}

// === impl Limits ===

impl Limits {
    /// For a token's header and payload.
    pub const TOKEN: Self = Self { depth: 16, members: 1024, string_bytes: 16 * 1024 };

    /// For key sets and discovery documents.
    pub const DOCUMENT: Self = Self { depth: 32, members: 16 * 1024, string_bytes: 64 * 1024 };
}

// === impl JsonFault ===

impl JsonFault {
    /// A stable name of the fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotUtf8 { .. } => "json-not-utf8",
            Self::Syntax { .. } => "json-syntax",
            Self::NotAnObject { .. } => "json-not-an-object",
            Self::DuplicateMember { .. } => "json-duplicate-member",
            Self::TooDeep { .. } => "json-too-deep",
            Self::TooManyMembers { .. } => "json-too-many-members",
            Self::StringTooLong { .. } => "json-string-too-long",
        }
    }
}

/// What is shared by all values of one document. serde's errors carry text only, so the fault waits here.
struct Reader<'l> {
    limits: &'l Limits,
    members_left: Cell<usize>,
    fault: RefCell<Option<JsonFault>>,
}

impl Reader<'_> {
    fn refuse<E: serde::de::Error>(&self, fault: JsonFault) -> E {
        *self.fault.borrow_mut() = Some(fault);
        E::custom("refused")
    }

    fn spend_member<E: serde::de::Error>(&self) -> Result<(), E> {
        match self.members_left.get().checked_sub(1) {
            Some(left) => self.members_left.set(left),
            None => return Err(self.refuse(JsonFault::TooManyMembers { limit: self.limits.members })),
        }
        Ok(())
    }

    fn check_length<E: serde::de::Error>(&self, text: &str) -> Result<(), E> {
        if text.len() > self.limits.string_bytes {
            let fault = JsonFault::StringTooLong { bytes: text.len(), limit: self.limits.string_bytes };
            return Err(self.refuse(fault));
        }
        Ok(())
    }
}

/// A value at some depth, about to be read.
#[derive(Clone, Copy)]
struct Value<'r> {
    reader: &'r Reader<'r>,
    depth: usize,
}

impl Value<'_> {
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == self.reader.limits.depth {
            return Err(self.reader.refuse(JsonFault::TooDeep { limit: self.depth }));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Json<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Number::Int(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Number::Float(number)))
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Json<'de>, E> {
        self.reader.check_length(text)?;
        Ok(Json::String(Cow::Borrowed(text)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Json<'de>, E> {
        self.reader.check_length(text)?;
        Ok(Json::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let item = self.inside()?;
        let mut array = Vec::new();
        while let Some(value) = items.next_element_seed(item)? {
            self.reader.spend_member()?;
            array.push(value);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let value = self.inside()?;
        let mut members = Vec::with_capacity(if self.depth == 0 { TYPICAL_MEMBERS } else { 4 });
        let mut names = SeenNames::default();
        while let Some(name) = entries.next_key_seed(Name(self.reader))? {
            self.reader.spend_member()?;
            if names.met_before(&name, &members) {
                return Err(self.reader.refuse(JsonFault::DuplicateMember { name: Shown::of(&name) }));
            }
            members.push((name, entries.next_value_seed(value)?));
        }
        if let Some(name) = names.met_twice(&members) {
            return Err(self.reader.refuse(JsonFault::DuplicateMember { name: Shown::of(name) }));
        }
        Ok(Json::Object(Object { members }))
    }
}

/// A member's name, about to be read.
struct Name<'r>(&'r Reader<'r>);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name<'_> {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        self.0.check_length(name)?;
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Cow<'de, str>, E> {
        self.0.check_length(name)?;
        Ok(Cow::Owned(name.to_owned()))
    }
}

type Members<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

/// Which names an object has had. Small objects are searched as they grow, large ones sorted once at their end, so
/// that an object made to be slow costs no more than n log n.
#[derive(Default)]
struct SeenNames {
    /// One bit a name, chosen by its length and ends: a clear bit says "new" without a search.
    marks: u64,
}

impl SeenNames {
    const SEARCHED: usize = 64;

    fn met_before(&mut self, name: &str, members: &Members<'_>) -> bool {
        if members.len() >= Self::SEARCHED {
            return false;
        }
        let bytes = name.as_bytes();
        let ends =
            bytes.first().zip(bytes.last()).map_or(0, |(first, last)| usize::from(*first) * 5 + usize::from(*last) * 3);
        let mark = 1 << ((bytes.len() * 11 + ends) % 64);
        let new = self.marks & mark == 0;
        self.marks |= mark;
        !new && members.iter().any(|(known, _)| known == name)
    }

    fn met_twice<'m>(&self, members: &'m Members<'_>) -> Option<&'m str> {
        if members.len() <= Self::SEARCHED {
            return None;
        }
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}

/// Room for the claims of a usual token, so that reading one allocates once.
const TYPICAL_MEMBERS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    /// A09: a double is found wherever it stands and however large the object is.
    #[test]
    fn finds_every_double() {
        for size in [1, 2, 3, 40, 63, 64, 65, 66, 130, 1_000] {
            let names: Vec<String> = (0..size).map(|index| format!("\"n{index}\":0")).collect();
            let whole = |names: &[String]| format!("{{{}}}", names.join(","));
            assert!(object(whole(&names).as_bytes(), &Limits::TOKEN).is_ok(), "{size}");
            for index in [0, size / 2, size - 1] {
                for place in [0, size / 3, size] {
                    let mut names = names.clone();
                    names.insert(place, format!("\"\\u006e{index}\":1"));
                    let name = Shown::of(&format!("n{index}"));
                    assert_eq!(
                        object(whole(&names).as_bytes(), &Limits::TOKEN),
                        Err(JsonFault::DuplicateMember { name })
                    );
                }
            }
        }
    }

    #[test]
    fn limits_are_exact() {
        let limits = Limits { depth: 2, members: 3, string_bytes: 4 };
        for (text, fault) in [
            (r#"{"abcd":"efgh","b":[1]}"#, None),
            (r#"{"a":[[]]}"#, Some("json-too-deep")),
            (r#"{"a":{"b":{}}}"#, Some("json-too-deep")),
            (r#"{"a":1,"b":[1,2]}"#, Some("json-too-many-members")),
            (r#"{"a":"bcdef"}"#, Some("json-string-too-long")),
            (r#"{"abcde":1}"#, Some("json-string-too-long")),
            (r#"{"a":"\u00e9\u00e9\u00e9"}"#, Some("json-string-too-long")),
        ] {
            assert_eq!(object(text.as_bytes(), &limits).err().map(|fault| fault.code()), fault, "{text}");
        }
    }

    /// A10 and A11: what two readers could read differently is not read at all.
    #[test]
    fn refuses_what_is_not_plain_json() {
        for text in [
            "",
            " ",
            "{",
            "{}x",
            "{},",
            "{}{}",
            "\u{feff}{}",
            "{'a':1}",
            "{a:1}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "{\"a\":+1}",
            "{\"a\":.5}",
            "{\"a\":1.}",
            "{\"a\":0x1}",
            "{\"a\":NaN}",
            "{\"a\":Infinity}",
            "{\"a\":1e999}",
            "{\"a\":\"\t\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\\udc00\\ud800\"}",
            "{\"a\":undefined}",
            "{\"a\"}",
            "{\"a\":}",
            "{/**/}",
            "{\"a\":\u{a0}1}",
        ] {
            assert_eq!(
                object(text.as_bytes(), &Limits::TOKEN).err().map(|fault| fault.code()),
                Some("json-syntax"),
                "{text:?}"
            );
        }
        assert!(object(b" \t\r\n{ \"a\" : 1 } ", &Limits::TOKEN).is_ok());
    }
}
