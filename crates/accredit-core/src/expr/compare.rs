//! Equality, order and membership (cel-spec, "Equality" and "Ordering").
//!
//! Numbers are compared by their mathematical value across `int`, `uint` and `double`; no rounding, so that
//! 9007199254740993 is not 9007199254740992.0. Other types are never equal across types: `"12"` is not `12`, an absent
//! claim is an error and not `""`, `null` is not `false`.

use std::cmp::Ordering;

use super::fuel::Fuel;
use super::outcome::{EvalFault, Kind};
use super::tree::Operator;
use super::value::{List, Map, Value};

/// Whether two values are equal.
pub(super) fn equal(fuel: &mut Fuel, a: &Value<'_>, b: &Value<'_>) -> Result<bool, EvalFault> {
    Ok(match (a, b) {
        (Value::String(a), Value::String(b)) => {
            a.len() == b.len() && {
                fuel.spend(a.len() / 64)?;
                **a == **b
            }
        }
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => {
            fuel.spend(a.len() / 64)?;
            **a == **b
        }
        (Value::Type(a), Value::Type(b)) => a == b,
        (Value::List(a), Value::List(b)) => equal_lists(fuel, a, b)?,
        (Value::Map(a), Value::Map(b)) => equal_maps(fuel, a, b)?,
        (a, b) => order_numbers(a, b) == Some(Ordering::Equal),
    })
}

/// The order of two values for `operator`, `None` when one of them is not a number (NaN).
pub(super) fn order(
    fuel: &mut Fuel,
    operator: Operator,
    a: &Value<'_>,
    b: &Value<'_>,
) -> Result<Option<Ordering>, EvalFault> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => {
            fuel.spend(a.len().min(b.len()) / 64)?;
            // The order of UTF-8 bytes is the order of code points.
            Ok(Some(a.as_bytes().cmp(b.as_bytes())))
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            fuel.spend(a.len().min(b.len()) / 64)?;
            Ok(Some(a.cmp(b)))
        }
        (Value::Bool(a), Value::Bool(b)) => Ok(Some(a.cmp(b))),
        (Value::Int(_) | Value::UInt(_) | Value::Double(_), Value::Int(_) | Value::UInt(_) | Value::Double(_)) => {
            Ok(order_numbers(a, b))
        }
        _ => Err(EvalFault::NoSuchOverload { operation: operator.as_str(), first: a.kind(), second: Some(b.kind()) }),
    }
}

/// `needle in haystack`: an element of a list, a key of a map.
pub(super) fn is_in(fuel: &mut Fuel, needle: &Value<'_>, haystack: &Value<'_>) -> Result<bool, EvalFault> {
    match haystack {
        Value::List(list) => {
            fuel.spend(1 + list.len() / 2)?;
            for index in 0..list.len() {
                if let Some(item) = list.at(index)
                    && equal(fuel, needle, &item)?
                {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Map(map) => Ok(entry(fuel, Operator::In.as_str(), map, needle)?.is_some()),
        _ => Err(EvalFault::NoSuchOverload {
            operation: Operator::In.as_str(),
            first: needle.kind(),
            second: Some(haystack.kind()),
        }),
    }
}

/// The value of `key` in `map` for `operation`; numeric keys are found by their value. What can be no key is an error
/// and not absent, so that `!(null in assertion.m)` matches nothing.
pub(super) fn entry<'v>(
    fuel: &mut Fuel,
    operation: &'static str,
    map: &Map<'v>,
    key: &Value<'_>,
) -> Result<Option<Value<'v>>, EvalFault> {
    fuel.spend(1 + map.len() / 16)?;
    match (map, key) {
        (_, Value::String(name)) => Ok(map.member(name)),
        (_, Value::Null | Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Type(_)) => {
            Err(EvalFault::NoSuchOverload { operation, first: Kind::Map, second: Some(key.kind()) })
        }
        (Map::Claims(_), _) => Ok(None),
        (Map::Entries(entries), _) => {
            for (candidate, value) in entries.iter() {
                if equal(fuel, candidate, key)? {
                    return Ok(Some(value.clone()));
                }
            }
            Ok(None)
        }
    }
}

fn equal_lists(fuel: &mut Fuel, a: &List<'_>, b: &List<'_>) -> Result<bool, EvalFault> {
    if a.len() != b.len() {
        return Ok(false);
    }
    fuel.spend(1 + a.len())?;
    for index in 0..a.len() {
        let same = match (a.at(index), b.at(index)) {
            (Some(a), Some(b)) => equal(fuel, &a, &b)?,
            _ => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_maps(fuel: &mut Fuel, a: &Map<'_>, b: &Map<'_>) -> Result<bool, EvalFault> {
    if a.len() != b.len() {
        return Ok(false);
    }
    fuel.spend(1 + a.len())?;
    let keys = a.keys();
    for index in 0..keys.len() {
        let Some(key) = keys.at(index) else { return Ok(false) };
        let same = match (entry(fuel, "==", a, &key)?, entry(fuel, "==", b, &key)?) {
            (Some(a), Some(b)) => equal(fuel, &a, &b)?,
            _ => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The order of two numbers by value; `None` when one is NaN, or no number at all.
fn order_numbers(a: &Value<'_>, b: &Value<'_>) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::UInt(a), Value::UInt(b)) => Some(a.cmp(b)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Int(a), Value::UInt(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Value::UInt(a), Value::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Value::Int(a), Value::Double(b)) => order_exact(i128::from(*a), *b),
        (Value::UInt(a), Value::Double(b)) => order_exact(i128::from(*a), *b),
        (Value::Double(a), Value::Int(b)) => order_exact(i128::from(*b), *a).map(Ordering::reverse),
        (Value::Double(a), Value::UInt(b)) => order_exact(i128::from(*b), *a).map(Ordering::reverse),
        _ => None,
    }
}

/// The order of a 64 bit integer and a double, without rounding the integer.
fn order_exact(integer: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // The cast saturates far outside of what 64 bits hold, and is exact inside.
    #[expect(clippy::cast_possible_truncation, reason = "saturating is what is wanted")]
    let whole = double.trunc() as i128;
    let fraction = if double.is_finite() { double.fract() } else { 0.0 };
    Some(integer.cmp(&whole).then_with(|| 0.0_f64.partial_cmp(&fraction).unwrap_or(Ordering::Equal)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F02: neither side of a comparison is rounded.
    #[test]
    fn numbers_are_ordered_without_rounding() {
        let order = |a: Value<'_>, b: Value<'_>| order_numbers(&a, &b);
        let less = [
            (Value::Int(9_007_199_254_740_992), Value::Double(9_007_199_254_740_994.0)),
            (Value::Double(9_007_199_254_740_992.0), Value::Int(9_007_199_254_740_993)),
            (Value::Int(i64::MAX), Value::Double(9_223_372_036_854_775_808.0)),
            (Value::UInt(u64::MAX), Value::Double(18_446_744_073_709_551_616.0)),
            (Value::Int(-1), Value::UInt(0)),
            (Value::Int(1), Value::Double(1.9)),
            (Value::Double(-1.5), Value::Int(-1)),
            (Value::Double(f64::NEG_INFINITY), Value::Int(i64::MIN)),
            (Value::UInt(u64::MAX), Value::Double(f64::INFINITY)),
        ];
        for (a, b) in less {
            assert_eq!(order(a.clone(), b.clone()), Some(Ordering::Less), "{a:?} {b:?}");
            assert_eq!(order(b.clone(), a.clone()), Some(Ordering::Greater), "{b:?} {a:?}");
        }
        assert_eq!(order(Value::Int(12), Value::Double(12.0)), Some(Ordering::Equal));
        assert_eq!(order(Value::Int(0), Value::Double(f64::NAN)), None);
    }
}
