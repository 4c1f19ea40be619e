//! The strict reader against the usual one.

use std::fmt;

use accredit_id::json::{Json, Limits, Object, object};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::seeds;

/// What is accepted means the same to the usual parser, has no member twice (A09), and keeps its limits (A08).
pub(crate) fn json(input: &[u8]) {
    for limits in [Limits::TOKEN, Limits::DOCUMENT, Limits { depth: 3, members: 8, string_bytes: 16 }] {
        let read = match object(input, &limits) {
            Ok(read) => read,
            Err(fault) => {
                assert!(fault.to_string().len() < 2048, "a fault repeats too much");
                continue;
            }
        };
        let value: Value = serde_json::from_slice(input).unwrap_or_default();
        assert_eq!(serde_json::to_value(&read).unwrap_or_default(), value, "another parser reads something else");
        let tally: Tally = serde_json::from_slice(input).unwrap_or_default();
        assert_eq!(tally.entries, entries(&Json::Object(read.to_static())), "a member stands twice");
        assert!(tally.depth <= limits.depth && tally.entries <= limits.members && tally.longest <= limits.string_bytes);
        let written = serde_json::to_vec(&read).unwrap_or_default();
        match object(&written, &limits) {
            Err(fault) => panic!("what was written is refused: {fault}"),
            Ok(again) => {
                let again = serde_json::to_value(&again).unwrap_or_default();
                assert!(is_same(&again, &value), "{again} was {value}");
            }
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let texts = seeds::fields("jwt", &["header", "payload", "claims"]).into_iter();
    texts.chain(seeds::fields("cel", &["claims"])).map(String::into_bytes).collect()
}

/// Equal, but that a fraction may lose its last bit on its way through a text: the parser below rounds it twice. Whole numbers
/// never do (F02).
fn is_same(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(one), Value::Number(two)) if one.is_f64() && two.is_f64() => {
            let (one, two) = (one.as_f64().unwrap_or_default(), two.as_f64().unwrap_or_default());
            (one - two).abs() <= one.abs() * 2.0 * f64::EPSILON
        }
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| is_same(one, two))
        }
        (Value::Object(one), Value::Object(two)) => {
            let inside = |(name, one): (&String, &Value)| two.get(name).is_some_and(|two| is_same(one, two));
            one.len() == two.len() && one.iter().all(inside)
        }
        _ => one == two,
    }
}

fn entries(json: &Json<'_>) -> usize {
    match json {
        Json::Array(items) => items.len() + items.iter().map(entries).sum::<usize>(),
        Json::Object(object) => of_object(object),
        _ => 0,
    }
}

fn of_object(object: &Object<'_>) -> usize {
    object.len() + object.iter().map(|(_, value)| entries(value)).sum::<usize>()
}

/// What the text holds, members that stand twice counted twice.
#[derive(Default)]
struct Tally {
    entries: usize,
    depth: usize,
    longest: usize,
}

impl Tally {
    fn with(&mut self, inner: &Tally) {
        self.entries += 1 + inner.entries;
        self.depth = self.depth.max(inner.depth + 1);
        self.longest = self.longest.max(inner.longest);
    }
}

impl<'de> Deserialize<'de> for Tally {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Counting)
    }
}

struct Counting;

impl<'de> Visitor<'de> for Counting {
    type Value = Tally;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tally, E> {
        Ok(Tally::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tally, E> {
        Ok(Tally::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tally, E> {
        Ok(Tally::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tally, E> {
        Ok(Tally::default())
    }

    fn visit_unit<E>(self) -> Result<Tally, E> {
        Ok(Tally::default())
    }

    fn visit_str<E>(self, text: &str) -> Result<Tally, E> {
        Ok(Tally { longest: text.len(), ..Tally::default() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tally, A::Error> {
        let mut tally = Tally { depth: 1, ..Tally::default() };
        while let Some(item) = items.next_element::<Tally>()? {
            tally.with(&item);
        }
        Ok(tally)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tally, A::Error> {
        let mut tally = Tally { depth: 1, ..Tally::default() };
        while let Some(name) = members.next_key::<String>()? {
            tally.longest = tally.longest.max(name.len());
            tally.with(&members.next_value()?);
        }
        Ok(tally)
    }
}
