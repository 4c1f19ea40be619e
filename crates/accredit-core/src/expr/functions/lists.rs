//! `size` and `join`.

use super::super::fuel::{Fuel, check_text};
use super::super::outcome::EvalFault;
use super::super::value::Value;

/// How many code points, bytes, elements or entries; `None` for what has no size.
pub(super) fn size<'v>(fuel: &mut Fuel, values: &[Value<'v>]) -> Option<Result<Value<'v>, EvalFault>> {
    let [value] = values else { return None };
    let size = match value {
        Value::String(text) => {
            if let Err(fault) = fuel.spend_bytes(text.len()) {
                return Some(Err(fault));
            }
            text.chars().count()
        }
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        _ => return None,
    };
    Some(Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX))))
}

/// One text of a list of texts; `None` when something else is in it.
pub(super) fn join<'v>(fuel: &mut Fuel, values: &[Value<'v>]) -> Option<Result<Value<'v>, EvalFault>> {
    let (list, separator) = match values {
        [Value::List(list)] => (list, ""),
        [Value::List(list), Value::String(separator)] => (list, &**separator),
        _ => return None,
    };
    let mut joined = String::new();
    for index in 0..list.len() {
        let Some(Value::String(item)) = list.at(index) else { return None };
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&item);
        let spent = fuel.spend_bytes(separator.len() + item.len()).and_then(|()| check_text("join", joined.len()));
        if let Err(fault) = spent {
            return Some(Err(fault));
        }
    }
    Some(Ok(Value::text(&joined)))
}
