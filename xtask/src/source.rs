//! Rust source, line by line: which lines hold code, and which belong to tests.
//!
//! A scanner, not a parser: it knows comments, strings, character literals and the extent of an item, which is all
//! that counting lines and finding tests ask for.

use std::iter;

/// A file, read.
pub(crate) struct Source<'t> {
    pub(crate) lines: Vec<Line<'t>>,
    /// Modules of other files that exist for tests alone (`#[cfg(test)] mod NAME;`).
    pub(crate) test_modules: Vec<String>,
}

/// A line of a file.
pub(crate) struct Line<'t> {
    pub(crate) text: &'t str,
    /// Neither blank nor comment alone.
    pub(crate) is_code: bool,
    /// Inside an item under `#[cfg(test)]`.
    pub(crate) is_test: bool,
}

impl<'t> Source<'t> {
    pub(crate) fn read(text: &'t str) -> Self {
        let masked = mask(text);
        let mut test_modules = Vec::new();
        let mut is_test = vec![false; masked.lines().count()];
        for (start, end) in test_items(&masked) {
            let first = masked[..start].matches('\n').count();
            let last = masked[..end].matches('\n').count();
            for line in is_test.iter_mut().take(last + 1).skip(first) {
                *line = true;
            }
            test_modules.extend(module_elsewhere(&masked[start..end]));
        }
        let lines = iter::zip(text.lines(), masked.lines())
            .zip(is_test)
            .map(|((text, masked), is_test)| Line { text, is_code: !masked.trim().is_empty(), is_test })
            .collect();
        Self { lines, test_modules }
    }

    /// Lines of code outside tests.
    pub(crate) fn code_lines(&self) -> usize {
        self.lines.iter().filter(|line| line.is_code && !line.is_test).count()
    }
}

/// The text with comments blanked and the inside of every literal replaced by `~`; line breaks stay where they are.
fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '/' if rest.starts_with("//") => {
                let length = rest.find('\n').unwrap_or(rest.len());
                blank(&mut out, &rest[..length], ' ');
                length
            }
            '/' if rest.starts_with("/*") => {
                let length = block_comment(rest);
                blank(&mut out, &rest[..length], ' ');
                length
            }
            '"' | '\'' | 'r' | 'b' | 'c' if !inside_word(&out) => match literal(rest) {
                Some(length) => {
                    blank(&mut out, &rest[..length], '~');
                    length
                }
                None => {
                    out.push(next);
                    next.len_utf8()
                }
            },
            _ => {
                out.push(next);
                next.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    out
}

fn blank(out: &mut String, text: &str, with: char) {
    out.extend(text.chars().map(|c| if c == '\n' { '\n' } else { with }));
}

fn inside_word(before: &str) -> bool {
    before.chars().next_back().is_some_and(is_word)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Length of the block comment at the start; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Length of the string or character literal at the start, if one starts here (a lifetime does not).
fn literal(text: &str) -> Option<usize> {
    let body = text.strip_prefix(['b', 'c']).unwrap_or(text);
    let prefix = text.len() - body.len();
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let inside = raw[hashes..].strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        let length = inside.find(&close).map_or(inside.len(), |end| end + close.len());
        return Some(prefix + 1 + hashes + 1 + length);
    }
    if let Some(inside) = body.strip_prefix('"') {
        return Some(prefix + 1 + closing(inside, '"'));
    }
    let inside = body.strip_prefix('\'')?;
    let mut after = inside.chars();
    let is_character = after.next()? == '\\' || after.next() == Some('\'');
    is_character.then(|| prefix + 1 + closing(inside, '\''))
}

/// Length up to and with the quote that closes, escapes skipped.
fn closing(inside: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + 1;
        }
    }
    inside.len()
}

/// Byte ranges of the items under `#[cfg(test)]`; the whole file for an inner attribute.
fn test_items(masked: &str) -> Vec<(usize, usize)> {
    if masked.contains("#![cfg(test)]") {
        return vec![(0, masked.len().saturating_sub(1))];
    }
    let mut items = Vec::new();
    let mut from = 0;
    while let Some(found) = ["#[cfg(test)]", "#[cfg(all(test,"].iter().filter_map(|a| masked[from..].find(a)).min() {
        let start = from + found;
        let end = start + item(&masked[start..]);
        items.push((start, end));
        from = end;
    }
    items
}

/// Length of the item at the start, its attributes included: up to its `;` or its closing brace.
fn item(masked: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in masked.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    masked.len()
}

/// The name in `mod NAME;`, when that is what the item is.
fn module_elsewhere(item: &str) -> Option<String> {
    let before = item.strip_suffix(';')?;
    let mut words = before.split_whitespace().rev();
    let name = words.next()?;
    (words.next() == Some("mod")).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_neither_blank_nor_comment_nor_test() {
        let nasty = [
            ("", 0),
            ("\n\n", 0),
            ("// a\n/// b\n//! c\n", 0),
            ("fn a() {} // b\n", 1),
            ("/* one\n two /* nested */\n */ fn a() {}\n", 1),
            ("let a = \"// not a comment\";\n", 1),
            ("let a = \"two\n// lines\";\n", 2),
            ("let a = r#\"}\" // \"#; // b\nlet b = 1;\n", 2),
            ("let a = '\"'; // \"\nlet b = '\\''; // '\n", 2),
            ("/* one /* nested */\n still a comment */\n", 0),
            ("fn a(b: &'static str) {\n}\n// '\n", 2),
            ("let r#type = b'\"'; let c = br\"\\\"; // d\n", 1),
            ("#[cfg(test)]\nmod tests {\n    fn a() {}\n}\nfn b() {}\n", 1),
            ("#[cfg(test)]\n#[expect(clippy::panic, reason = \"}\")]\nmod tests {\n}\nfn b() {}\n", 1),
            ("#[cfg(test)]\nuse a::{b, c};\nfn b() {}\n", 1),
            ("fn a() {}\n#[cfg(all(test, unix))]\nfn b(c: [u8; 2]) -> u8 {\n    1\n}\n", 1),
            ("#![cfg(test)]\nfn a() {}\n", 0),
            ("// #[cfg(test)]\nfn a() {}\n", 1),
            ("const A: &str = \"#[cfg(test)]\";\nfn a() {}\n", 2),
        ];
        for (text, expected) in nasty {
            assert_eq!(Source::read(text).code_lines(), expected, "{text}");
        }
    }

    #[test]
    fn a_test_module_in_another_file_is_named() {
        let source = Source::read("#[cfg(test)]\nmod tests;\n#[cfg(test)]\npub(crate) mod vectors;\nmod code;\n");
        assert_eq!(source.test_modules, ["tests", "vectors"]);
        assert_eq!(source.code_lines(), 1);
    }
}
