//! JSON values as YAML that reads back to the same values, whoever reads it.
//!
//! A string is written without quotes only where YAML 1.1 and 1.2 readers agree that it is a string. Block style, except
//! for short lists of scalars. The order of members is the value's own.

use accredit_id::shown::is_deceptive;
use serde_json::{Map, Value};

/// Writes one document, without the `---` line, with a line feed at the end.
pub(crate) fn document(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => block_members(&mut out, members, 0),
        Value::Array(items) if !items.is_empty() && flow_list(items).is_none() => block_items(&mut out, items, 0),
        other => {
            out.push_str(&inline(other));
            out.push('\n');
        }
    }
    out
}

/// Writes a value on one line, in flow style, however long it is.
pub(crate) fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{}: {}", key(name), inline(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) if is_plain(text, Style::Flow) => text.clone(),
        Value::String(text) => quoted(text),
        scalar => scalar.to_string(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Block,
    Flow,
}

fn block_members(out: &mut String, members: &Map<String, Value>, indent: usize) {
    for (place, (name, value)) in members.iter().enumerate() {
        // The first member of a list item follows its dash.
        if place > 0 || out.ends_with('\n') || out.is_empty() {
            push_indent(out, indent);
        }
        out.push_str(&key(name));
        out.push(':');
        push_value(out, value, indent);
    }
}

fn block_items(out: &mut String, items: &[Value], indent: usize) {
    for item in items {
        push_indent(out, indent);
        out.push('-');
        match item {
            Value::Object(members) if !members.is_empty() => {
                out.push(' ');
                block_members(out, members, indent + STEP);
            }
            other => push_value(out, other, indent),
        }
    }
}

/// Writes what follows `name:` or `-`, the line feed included.
fn push_value(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            out.push('\n');
            block_members(out, members, indent + STEP);
        }
        Value::Array(items) if !items.is_empty() && flow_list(items).is_none() => {
            out.push('\n');
            block_items(out, items, indent + STEP);
        }
        Value::String(text) if is_literal(text) => {
            out.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
            for line in text.lines() {
                if !line.is_empty() {
                    push_indent(out, indent + STEP);
                    out.push_str(line);
                }
                out.push('\n');
            }
        }
        Value::String(text) if is_plain(text, Style::Block) => {
            out.push(' ');
            out.push_str(text);
            out.push('\n');
        }
        other => {
            out.push(' ');
            out.push_str(&inline(other));
            out.push('\n');
        }
    }
}

/// A list of scalars on one line, unless it is long.
fn flow_list(items: &[Value]) -> Option<String> {
    if items.iter().any(|item| item.is_array() || item.is_object()) {
        return None;
    }
    let line = format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "));
    (line.len() <= FLOW_WIDTH).then_some(line)
}

fn key(name: &str) -> String {
    match is_plain(name, Style::Flow) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

/// Whether a text may stand without quotes: it begins with a letter or a slash (or is a length of time), is printable
/// ASCII, has nothing that ends a plain scalar, and is no word that a reader takes for another type.
fn is_plain(text: &str, style: Style) -> bool {
    let bytes = text.as_bytes();
    let begins_well = bytes.first().is_some_and(|&first| first.is_ascii_alphabetic() || first == b'/');
    let printable = bytes.iter().all(|byte| (0x20..0x7f).contains(byte));
    let ends_early = text.contains(": ") || text.contains(" #") || text.ends_with([':', ' ']);
    let in_the_way = style == Style::Flow && text.contains(['[', ']', '{', '}', ',', '"', '\'']);
    let reserved = RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word));
    (begins_well || is_length_of_time(text)) && printable && !ends_early && !in_the_way && !reserved
}

/// `15m`, which no reader takes for a number, and which people write without quotes.
fn is_length_of_time(text: &str) -> bool {
    let digits = text.trim_end_matches(['s', 'm', 'h', 'd']);
    digits.len() + 1 == text.len() && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text of several lines can be a literal block, which people can read: nothing in it would be lost there.
fn is_literal(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    text.contains('\n')
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n')
        && !body.is_empty()
        && body.split('\n').all(|line| !line.ends_with([' ', '\t']) && !line.starts_with('\t'))
        && body.chars().all(|character| character == '\n' || !is_deceptive(character))
}

/// A double-quoted scalar. What is hostile to a terminal is written as an escape (YAML 1.2.2 section 5.7).
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            hostile if is_deceptive(hostile) => match u32::from(hostile) {
                code @ 0..=0xff => out.push_str(&format!("\\x{code:02x}")),
                code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
                code => out.push_str(&format!("\\U{code:08x}")),
            },
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}

fn push_indent(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Words that YAML 1.1 or 1.2 takes for a truth value, a number or nothing.
const RESERVED: &[&str] = &["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity"];
const STEP: usize = 2;
const FLOW_WIDTH: usize = 80;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mapping_reads_as_people_write_it() {
        let mapping = json!({
            "kind": "Mapping",
            "name": "ci/web-main",
            "spec": {
                "condition": "assertion.runner_environment == \"github-hosted\"",
                "lifetime": "15m",
                "match": {"ref": ["refs/heads/main", "refs/tags/v*"], "repository_id": "123"},
                "keys": {"discovery": {}},
                "nested": [{"section": "A", "list": [[1, 2], []]}, "text"],
                "text": "first\n  second\nthird",
            },
        });
        assert_eq!(
            document(&mapping),
            r#"kind: Mapping
name: ci/web-main
spec:
  condition: assertion.runner_environment == "github-hosted"
  keys:
    discovery: {}
  lifetime: 15m
  match:
    ref: [refs/heads/main, refs/tags/v*]
    repository_id: "123"
  nested:
    - list:
        - [1, 2]
        - []
      section: A
    - text
  text: |-
    first
      second
    third
"#
        );
    }

    #[test]
    fn every_string_stays_a_string() {
        let nasty = [
            "",
            " ",
            "~",
            "null",
            "Null",
            "true",
            "FALSE",
            "yes",
            "No",
            "on",
            "y",
            "N",
            "nan",
            ".nan",
            ".inf",
            "Inf",
            "123",
            "-1",
            "+1",
            "1.5",
            ".5",
            "1.",
            "1e5",
            "0x1f",
            "0o17",
            "0b1",
            "1_000",
            "_1",
            "12:30:45",
            "190:20:30",
            "2001-01-01",
            "2001-01-01T00:00:00Z",
            "9007199254740993",
            "15m",
            "15mm",
            "m",
            "15",
            "1h30m",
            "a: b",
            "a:",
            "a #b",
            "a#b",
            "# a",
            "- a",
            "-",
            "---",
            "...",
            "? a",
            ":",
            "a:b",
            "https://x/y?z=1#f",
            "[a]",
            "{a}",
            "a, b",
            "a]b",
            "&a",
            "*a",
            "!a",
            "|",
            ">",
            "%a",
            "@a",
            "`a",
            "\"a\"",
            "'a'",
            "a'b",
            "a\"b",
            "=",
            "<<",
            "a\\b",
            "\\",
            "tab\there",
            "cr\rhere",
            "line\nfeed",
            "line\nfeed\n",
            "two\n\n",
            "\nlead",
            " lead\nspace",
            "trail \nspace",
            "a\n\tb",
            "mid\n\nblank",
            "\n",
            "\n\n",
            "größe",
            "東京",
            "🦀",
            "\u{0}",
            "\u{1b}[2J",
            "\u{7f}",
            "\u{85}",
            "\u{a0}",
            "\u{ad}",
            "\u{202e}x",
            "\u{2028}",
            "\u{feff}",
            "\u{e0041}",
            "\u{fffd}",
            "a\n# b",
            "a\n---\nb",
            "key: |\n  x",
            "refs/heads/main",
            "refs/tags/v*",
            "/{{cluster.name}}/x",
        ];
        for text in nasty {
            for value in [
                json!({ "key": text }),
                json!({ text: 1 }),
                json!({ "list": [text, text] }),
                json!({ "list": [[text], { "a": text, text: text }] }),
                json!([{ "a": { "b": [text, {}] } }]),
                json!(text),
            ] {
                for written in [document(&value), inline(&value)] {
                    let back = serde_saphyr::from_str::<Value>(&written).map_err(|error| error.to_string());
                    assert_eq!(back.as_ref(), Ok(&value), "{text:?} was written as\n{written}");
                    assert!(!written.chars().any(|character| character != '\n' && is_deceptive(character)), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn numbers_stay_exact() {
        for value in [
            json!(0),
            json!(-1),
            json!(9_007_199_254_740_993_i64),
            json!(u64::MAX),
            json!(1.5),
            json!(null),
            json!(true),
        ] {
            let back: Value = serde_saphyr::from_str(&document(&json!({ "a": value }))).unwrap();
            assert_eq!(back, json!({ "a": value }));
        }
    }
}
