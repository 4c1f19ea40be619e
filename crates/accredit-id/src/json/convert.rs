//! Between [`Json`] and the rest of the world: serde out, `serde_json::Value` in.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::{Json, Number, Object};

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Number(Number::Int(number)) => serializer.serialize_i64(*number),
            Self::Number(Number::UInt(number)) => serializer.serialize_u64(*number),
            Self::Number(Number::Float(number)) => serializer.serialize_f64(*number),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl From<serde_json::Value> for Json<'static> {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(truth) => Self::Bool(truth),
            serde_json::Value::Number(number) => Self::Number(exact(&number)),
            serde_json::Value::String(text) => Self::String(Cow::Owned(text)),
            serde_json::Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            serde_json::Value::Object(members) => Self::Object(members.into()),
        }
    }
}

impl From<serde_json::Map<String, serde_json::Value>> for Object<'static> {
    fn from(map: serde_json::Map<String, serde_json::Value>) -> Self {
        Self { members: map.into_iter().map(|(name, value)| (Cow::Owned(name), value.into())).collect() }
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Self::UInt(number), Self::Int)
    }
}

fn exact(number: &serde_json::Number) -> Number {
    if let Some(number) = number.as_i64() {
        return Number::Int(number);
    }
    if let Some(number) = number.as_u64() {
        return Number::UInt(number);
    }
    Number::Float(number.as_f64().unwrap_or(f64::NAN))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::super::{Limits, object};
    use super::*;

    /// F02 at its root: numbers survive reading and writing, digit for digit.
    #[test]
    fn numbers_are_exact_both_ways() {
        let text = r#"{"a":9007199254740993,"b":-9223372036854775808,"c":18446744073709551615,"d":1.9,"e":12.0,"f":[null,true,"x\n"]}"#;
        let read = object(text.as_bytes(), &Limits::TOKEN).unwrap();
        assert_eq!(read.get("a"), Some(&Json::Number(Number::Int(9_007_199_254_740_993))));
        assert_eq!(read.get("c"), Some(&Json::Number(Number::UInt(u64::MAX))));
        assert_eq!(read.get("e"), Some(&Json::Number(Number::Float(12.0))));
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let converted = Json::from(value);
        for (name, seen) in converted.as_object().unwrap().iter() {
            assert_eq!(Some(seen), read.get(name), "{name}");
        }
    }

    #[test]
    fn inserting_replaces_in_place() {
        let mut object = Object::new();
        object.insert("a", Json::Bool(true));
        object.insert("b", Json::Null);
        object.insert("a", Json::Bool(false));
        assert_eq!(serde_json::to_string(&object.to_static()).unwrap(), r#"{"a":false,"b":null}"#);
    }
}
