//! `+ - * / %` and the minus sign (cel-spec, "Numeric Values" and "Overflow"). Types are never mixed: `1 + 1.0` is an
//! error.

use std::sync::Arc;

use super::fuel::{Fuel, check_list, check_text};
use super::outcome::EvalFault;
use super::tree::Operator;
use super::value::{Lent, List, Value};

/// The result of an arithmetic `operator`.
pub(super) fn calculate<'v>(
    fuel: &mut Fuel,
    operator: Operator,
    a: &Value<'v>,
    b: &Value<'v>,
) -> Result<Value<'v>, EvalFault> {
    let operation = operator.as_str();
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => integers(operator, *a, *b).map(Value::Int),
        (Value::UInt(a), Value::UInt(b)) => unsigned(operator, *a, *b).map(Value::UInt),
        (Value::Double(a), Value::Double(b)) if operator != Operator::Modulo => {
            Ok(Value::Double(doubles(operator, *a, *b)))
        }
        (Value::String(a), Value::String(b)) if operator == Operator::Add => {
            let bytes = a.len() + b.len();
            check_text(operation, bytes)?;
            fuel.spend_bytes(bytes)?;
            let mut text = String::with_capacity(bytes);
            text.push_str(a);
            text.push_str(b);
            Ok(Value::text(&text))
        }
        (Value::Bytes(a), Value::Bytes(b)) if operator == Operator::Add => {
            check_text(operation, a.len() + b.len())?;
            fuel.spend_bytes(a.len() + b.len())?;
            Ok(Value::Bytes(Lent::Made(Arc::from([&**a, &**b].concat()))))
        }
        (Value::List(a), Value::List(b)) if operator == Operator::Add => join(fuel, a, b),
        _ => Err(EvalFault::NoSuchOverload { operation, first: a.kind(), second: Some(b.kind()) }),
    }
}

/// The value with its sign turned.
pub(super) fn negate<'v>(value: &Value<'v>) -> Result<Value<'v>, EvalFault> {
    match value {
        Value::Int(number) => number.checked_neg().map(Value::Int).ok_or(EvalFault::Overflow { operation: "-" }),
        Value::Double(number) => Ok(Value::Double(-number)),
        _ => Err(EvalFault::NoSuchOverload { operation: "-", first: value.kind(), second: None }),
    }
}

fn integers(operator: Operator, a: i64, b: i64) -> Result<i64, EvalFault> {
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide | Operator::Modulo if b == 0 => return Err(EvalFault::DivisionByZero),
        Operator::Divide => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    result.ok_or(EvalFault::Overflow { operation: operator.as_str() })
}

fn unsigned(operator: Operator, a: u64, b: u64) -> Result<u64, EvalFault> {
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide | Operator::Modulo if b == 0 => return Err(EvalFault::DivisionByZero),
        Operator::Divide => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    result.ok_or(EvalFault::Overflow { operation: operator.as_str() })
}

/// IEEE 754: division by zero is an infinity or NaN, which no attribute accepts.
fn doubles(operator: Operator, a: f64, b: f64) -> f64 {
    match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        _ => a / b,
    }
}

fn join<'v>(fuel: &mut Fuel, a: &List<'v>, b: &List<'v>) -> Result<Value<'v>, EvalFault> {
    let items = a.len() + b.len();
    check_list(Operator::Add.as_str(), items)?;
    fuel.spend(1 + items)?;
    let all = (0..a.len()).map(|index| a.at(index)).chain((0..b.len()).map(|index| b.at(index)));
    Ok(Value::list(all.flatten().collect()))
}
