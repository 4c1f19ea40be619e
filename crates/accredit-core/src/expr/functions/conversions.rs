//! `bool`, `int`, `uint`, `double`, `string`, `bytes`, `type` (cel-spec, "Conversions"). Nothing converts by itself.

use std::sync::Arc;

use super::super::fuel::Fuel;
use super::super::outcome::{EvalFault, Kind};
use super::super::value::{Lent, Value};
use super::Function;

/// 2^63 and 2^64 as doubles.
const INT_LIMIT: f64 = 9_223_372_036_854_775_808.0;
const UINT_LIMIT: f64 = 18_446_744_073_709_551_616.0;

/// Calls `function`; `None` when it does not take such a value.
pub(super) fn apply<'v>(
    fuel: &mut Fuel,
    function: Function,
    values: &[Value<'v>],
) -> Option<Result<Value<'v>, EvalFault>> {
    let [value] = values else { return None };
    if let Value::String(text) = value
        && let Err(fault) = fuel.spend_bytes(text.len())
    {
        return Some(Err(fault));
    }
    let converted = match function {
        Function::Bool => to_bool(value)?,
        Function::Int => to_int(value)?,
        Function::UInt => to_uint(value)?,
        Function::Double => to_double(value)?,
        Function::String => to_string(value)?,
        Function::Bytes => to_bytes(value)?,
        _ => Some(Value::Type(value.kind())),
    };
    let invalid = || EvalFault::InvalidConversion { from: value.kind(), to: target(function) };
    Some(converted.ok_or_else(invalid))
}

/// A double as its shortest decimal text, in the form that JavaScript and JSON writers give it.
pub(in super::super) fn double_text(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 {
        "0".to_owned()
    } else if !number.is_finite() || (1e-6..1e21).contains(&size) {
        number.to_string()
    } else {
        let text = format!("{number:e}");
        if size >= 1.0 { text.replace('e', "e+") } else { text }
    }
}

// Each of these: `None` when the type has no such conversion, `Some(None)` when this value has no counterpart.

fn to_bool<'v>(value: &Value<'v>) -> Option<Option<Value<'v>>> {
    Some(match value {
        Value::Bool(_) => Some(value.clone()),
        Value::String(text) => match &**text {
            "1" | "t" | "true" | "TRUE" | "True" => Some(Value::Bool(true)),
            "0" | "f" | "false" | "FALSE" | "False" => Some(Value::Bool(false)),
            _ => None,
        },
        _ => return None,
    })
}

fn to_int<'v>(value: &Value<'v>) -> Option<Option<Value<'v>>> {
    Some(match value {
        Value::Int(_) => Some(value.clone()),
        Value::UInt(number) => i64::try_from(*number).ok().map(Value::Int),
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked, the fraction is to be dropped")]
        Value::Double(number) if *number > -INT_LIMIT && *number < INT_LIMIT => Some(Value::Int(*number as i64)),
        Value::Double(_) => None,
        Value::String(text) => text.parse().ok().map(Value::Int),
        _ => return None,
    })
}

fn to_uint<'v>(value: &Value<'v>) -> Option<Option<Value<'v>>> {
    Some(match value {
        Value::UInt(_) => Some(value.clone()),
        Value::Int(number) => u64::try_from(*number).ok().map(Value::UInt),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range is checked, the fraction is to be dropped"
        )]
        Value::Double(number) if *number >= 0.0 && *number < UINT_LIMIT => Some(Value::UInt(*number as u64)),
        Value::Double(_) => None,
        Value::String(text) => text.parse().ok().map(Value::UInt),
        _ => return None,
    })
}

#[expect(clippy::cast_precision_loss, reason = "CEL rounds to the nearest double")]
fn to_double<'v>(value: &Value<'v>) -> Option<Option<Value<'v>>> {
    Some(match value {
        Value::Double(_) => Some(value.clone()),
        Value::Int(number) => Some(Value::Double(*number as f64)),
        Value::UInt(number) => Some(Value::Double(*number as f64)),
        Value::String(text) => text.parse().ok().map(Value::Double),
        _ => return None,
    })
}

fn to_string<'v>(value: &Value<'v>) -> Option<Option<Value<'v>>> {
    Some(match value {
        Value::String(_) => Some(value.clone()),
        Value::Bool(truth) => Some(Value::text(if *truth { "true" } else { "false" })),
        Value::Int(number) => Some(Value::text(&number.to_string())),
        Value::UInt(number) => Some(Value::text(&number.to_string())),
        Value::Double(number) => Some(Value::text(&double_text(*number))),
        Value::Bytes(bytes) => std::str::from_utf8(bytes).ok().map(Value::text),
        _ => return None,
    })
}

fn to_bytes<'v>(value: &Value<'v>) -> Option<Option<Value<'v>>> {
    Some(match value {
        Value::Bytes(_) => Some(value.clone()),
        Value::String(text) => Some(Value::Bytes(match text {
            Lent::From(text) => Lent::From(text.as_bytes()),
            Lent::Made(text) => Lent::Made(Arc::from(text.as_bytes())),
        })),
        _ => return None,
    })
}

const fn target(function: Function) -> Kind {
    match function {
        Function::Bool => Kind::Bool,
        Function::Int => Kind::Int,
        Function::UInt => Kind::UInt,
        Function::Double => Kind::Double,
        Function::Bytes => Kind::Bytes,
        Function::Type => Kind::Type,
        _ => Kind::String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_short() {
        for (number, text) in [
            (12.0, "12"),
            (-0.0, "0"),
            (1.9, "1.9"),
            (1_234_567.0, "1234567"),
            (123.456, "123.456"),
            (-0.0045, "-0.0045"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (6.02214e23, "6.02214e+23"),
            (-1e21, "-1e+21"),
            (1e20, "100000000000000000000"),
        ] {
            assert_eq!(double_text(number), text);
        }
    }
}
