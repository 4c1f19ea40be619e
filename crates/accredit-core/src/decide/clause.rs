//! One clause against one claim.

use accredit_id::json::{Json, Number};

use crate::facts::{Facts, Seen};
use crate::model::{Clause, Expected, Scalar};

/// Whether a clause holds. Absent never matches, types are strict, an array is matched only by `any` and `all`.
pub(crate) fn holds<S>(clause: &Clause, facts: &Facts<'_, S>) -> bool {
    is_expected(&clause.expected, facts.seen(&clause.claim))
}

/// Whether what was seen is what is expected of it.
pub(crate) fn is_expected(expected: &Expected, seen: Seen<'_>) -> bool {
    match seen {
        Seen::Absent | Seen::Fault(_) => false,
        Seen::Text(text) => match expected {
            Expected::OneOf(values) => values.iter().any(|value| is_text(value, text)),
            Expected::Any(_) | Expected::All(_) => false,
        },
        Seen::Raw(Json::Array(items)) => match expected {
            Expected::OneOf(_) => false,
            Expected::Any(values) => values.iter().any(|value| items.iter().any(|item| is(value, item))),
            Expected::All(values) => values.iter().all(|value| items.iter().any(|item| is(value, item))),
        },
        Seen::Raw(json) => match expected {
            Expected::OneOf(values) => values.iter().any(|value| is(value, json)),
            Expected::Any(_) | Expected::All(_) => false,
        },
    }
}

fn is(expected: &Scalar, seen: &Json<'_>) -> bool {
    match (expected, seen) {
        (Scalar::Bool(expected), Json::Bool(seen)) => expected == seen,
        (Scalar::Int(expected), Json::Number(Number::Int(seen))) => expected == seen,
        (_, Json::String(seen)) => is_text(expected, seen),
        _ => false,
    }
}

fn is_text(expected: &Scalar, seen: &str) -> bool {
    match expected {
        Scalar::Bool(_) | Scalar::Int(_) => false,
        Scalar::Prefix(prefix) => seen.len() > prefix.len() && seen.starts_with(&**prefix),
        Scalar::Text(text) => **text == *seen,
    }
}
