//! The strings extension. Positions are code points, never bytes, and a position outside the text is an error.

use super::super::fuel::{Fuel, check_list, check_text};
use super::super::outcome::EvalFault;
use super::super::value::{Lent, Value};
use super::Function;

type Text<'v> = Lent<'v, str>;

/// Calls `function`; `None` when it does not take these values.
pub(super) fn apply<'v>(
    fuel: &mut Fuel,
    function: Function,
    values: &[Value<'v>],
) -> Option<Result<Value<'v>, EvalFault>> {
    let Some((Value::String(text), arguments)) = values.split_first() else { return None };
    if let Err(fault) = fuel.spend_bytes(text.len()) {
        return Some(Err(fault));
    }
    let result = match (function, arguments) {
        (Function::Contains, [Value::String(part)]) => Ok(Value::Bool(text.contains(&**part))),
        (Function::StartsWith, [Value::String(part)]) => Ok(Value::Bool(text.starts_with(&**part))),
        (Function::EndsWith, [Value::String(part)]) => Ok(Value::Bool(text.ends_with(&**part))),
        (Function::Split, [Value::String(separator)]) => split(fuel, text, separator, -1),
        (Function::Split, [Value::String(separator), Value::Int(limit)]) => split(fuel, text, separator, *limit),
        (Function::Replace, [Value::String(from), Value::String(to)]) => replace(fuel, text, from, to, -1),
        (Function::Replace, [Value::String(from), Value::String(to), Value::Int(limit)]) => {
            replace(fuel, text, from, to, *limit)
        }
        (Function::Substring, [Value::Int(start)]) => substring(text, *start, None),
        (Function::Substring, [Value::Int(start), Value::Int(end)]) => substring(text, *start, Some(*end)),
        (Function::LowerAscii, []) => Ok(cased(text, u8::is_ascii_uppercase, str::to_ascii_lowercase)),
        (Function::UpperAscii, []) => Ok(cased(text, u8::is_ascii_lowercase, str::to_ascii_uppercase)),
        (Function::Trim, []) => Ok(trim(text)),
        (Function::IndexOf, [Value::String(part)]) => index_of(text, part, 0),
        (Function::IndexOf, [Value::String(part), Value::Int(from)]) => index_of(text, part, *from),
        (Function::LastIndexOf, [Value::String(part)]) => last_index_of(text, part, None),
        (Function::LastIndexOf, [Value::String(part), Value::Int(from)]) => last_index_of(text, part, Some(*from)),
        (Function::CharAt, [Value::Int(index)]) => char_at(text, *index),
        _ => return None,
    };
    Some(result)
}

/// At most `limit` parts, the last one holding the rest; all of them when it is negative.
fn split<'v>(fuel: &mut Fuel, text: &Text<'v>, separator: &str, limit: i64) -> Result<Value<'v>, EvalFault> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut start = 0;
    while parts.len() + 1 < limit {
        let rest = text.get(start..).unwrap_or_default();
        // An empty separator parts the characters.
        let found = if separator.is_empty() {
            rest.chars().next().map(char::len_utf8).filter(|length| *length < rest.len())
        } else {
            rest.find(separator)
        };
        let Some(length) = found else { break };
        parts.push(Value::String(text.part(start, start + length)));
        start += length + separator.len();
        fuel.spend_bytes(length)?;
        check_list("split", parts.len() + 1)?;
    }
    if limit > 0 && !(separator.is_empty() && text.is_empty()) {
        parts.push(Value::String(text.part(start, text.len())));
    }
    Ok(Value::list(parts))
}

fn replace<'v>(fuel: &mut Fuel, text: &Text<'v>, from: &str, to: &str, limit: i64) -> Result<Value<'v>, EvalFault> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut replaced = String::new();
    let mut copied = 0;
    for (at, _) in text.match_indices(from).take(limit) {
        replaced.push_str(text.get(copied..at).unwrap_or_default());
        replaced.push_str(to);
        copied = at + from.len();
        fuel.spend_bytes(to.len())?;
    }
    replaced.push_str(text.get(copied..).unwrap_or_default());
    check_text("replace", replaced.len())?;
    Ok(Value::text(&replaced))
}

/// The characters `start..end`, or all from `start` on.
fn substring<'v>(text: &Text<'v>, start: i64, end: Option<i64>) -> Result<Value<'v>, EvalFault> {
    let from = offset(text, start)?;
    let to = end.map_or(Ok(text.len()), |end| offset(text, end))?;
    if from > to {
        return Err(EvalFault::IndexOutOfRange { index: start, length: text.chars().count() });
    }
    Ok(Value::String(text.part(from, to)))
}

fn cased<'v>(text: &Text<'v>, changes: fn(&u8) -> bool, change: fn(&str) -> String) -> Value<'v> {
    if text.as_bytes().iter().any(changes) { Value::text(&change(text)) } else { Value::String(text.clone()) }
}

fn trim<'v>(text: &Text<'v>) -> Value<'v> {
    let start = text.len() - text.trim_start().len();
    Value::String(text.part(start, start + text.trim().len()))
}

/// The first place of `part` at or after the character `from`, -1 when there is none.
fn index_of<'v>(text: &Text<'v>, part: &str, from: i64) -> Result<Value<'v>, EvalFault> {
    let start = offset(text, from)?;
    let found = text.get(start..).unwrap_or_default().find(part);
    Ok(Value::Int(found.map_or(-1, |found| position(text, start + found))))
}

/// The last place of `part` at or before the character `from`, -1 when there is none.
fn last_index_of<'v>(text: &Text<'v>, part: &str, from: Option<i64>) -> Result<Value<'v>, EvalFault> {
    let start = from.map_or(Ok(text.len()), |from| offset(text, from))?;
    // Whatever starts at or before `start` ends here at the latest.
    let end = text.floor_char_boundary(start + part.len());
    let found = text.get(..end).unwrap_or_default().rfind(part);
    Ok(Value::Int(found.map_or(-1, |found| position(text, found))))
}

/// The character at `index`; nothing at the end of the text.
fn char_at<'v>(text: &Text<'v>, index: i64) -> Result<Value<'v>, EvalFault> {
    let start = offset(text, index)?;
    let length = text.get(start..).unwrap_or_default().chars().next().map_or(0, char::len_utf8);
    Ok(Value::String(text.part(start, start + length)))
}

/// The byte at which the character `index` starts; the end of the text is one, too.
fn offset(text: &str, index: i64) -> Result<usize, EvalFault> {
    let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let found = usize::try_from(index).ok().and_then(|index| starts.into_iter().nth(index));
    found.ok_or_else(|| EvalFault::IndexOutOfRange { index, length: text.chars().count() })
}

/// How many characters are before the byte `offset`.
fn position(text: &str, offset: usize) -> i64 {
    let count = text.get(..offset).unwrap_or_default().chars().count();
    i64::try_from(count).unwrap_or(i64::MAX)
}
