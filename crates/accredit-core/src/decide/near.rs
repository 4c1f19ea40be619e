//! Near misses: differences that a person would overlook.

use accredit_id::json::{Json, Number};

use super::trace::Near;
use crate::model::{Expected, Scalar};
use crate::providers::ProviderKind;

/// Looks for the one thing that makes a value differ from what was expected.
pub(super) fn near(claim: &str, seen: &Json<'_>, expected: &Expected, kind: &ProviderKind) -> Option<Near> {
    match (seen, expected) {
        (Json::Array(items), Expected::Any(values) | Expected::All(values)) => {
            items.iter().find_map(|item| values.iter().find_map(|value| miss(claim, item, value, kind)))
        }
        // A list where one value is expected, or the reverse: no spelling mends that.
        (Json::Array(_), Expected::OneOf(_)) | (_, Expected::Any(_) | Expected::All(_)) => None,
        (seen, Expected::OneOf(values)) => values.iter().find_map(|value| miss(claim, seen, value, kind)),
    }
}

fn miss(claim: &str, seen: &Json<'_>, expected: &Scalar, kind: &ProviderKind) -> Option<Near> {
    let text = match (seen, expected) {
        (Json::String(text), Scalar::Text(_) | Scalar::Prefix(_)) => text,
        (Json::String(text), Scalar::Int(_) | Scalar::Bool(_)) => {
            return (**text == expected.to_string()).then_some(Near::Type);
        }
        (Json::Number(Number::Int(number)), Scalar::Text(wanted)) => {
            return (number.to_string() == **wanted).then_some(Near::Type);
        }
        (Json::Bool(truth), Scalar::Text(wanted)) => return (truth.to_string() == **wanted).then_some(Near::Type),
        _ => return None,
    };
    let (wanted, part): (&str, &str) = match expected {
        Scalar::Prefix(prefix) => (prefix, text.get(..prefix.len()).unwrap_or(text)),
        Scalar::Text(wanted) => (wanted, text),
        Scalar::Bool(_) | Scalar::Int(_) => return None,
    };
    if part == wanted {
        return None;
    }
    if part.eq_ignore_ascii_case(wanted) {
        return Some(Near::Case);
    }
    if part.trim_end_matches('/') == wanted.trim_end_matches('/') {
        return Some(Near::TrailingSlash);
    }
    if part.trim() == wanted.trim() {
        return Some(Near::WhiteSpace);
    }
    let other_format = claim == "sub" && kind.subject_format(text) != kind.subject_format(wanted);
    let named = |subject: &str| (kind.subject.without_ids)(subject);
    let same_names = match (named(text), named(wanted)) {
        (Some(seen), Some(named)) if matches!(expected, Scalar::Prefix(_)) => seen.starts_with(&named),
        (Some(seen), Some(named)) => seen == named,
        _ => false,
    };
    (other_format && same_names).then_some(Near::SubjectFormat)
}
