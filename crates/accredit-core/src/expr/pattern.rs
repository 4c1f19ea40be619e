//! `matches`: a pattern in RE2's syntax that is searched for anywhere in the text (cel-spec, "Regular Expressions").
//!
//! The engine takes time linear in the text. It differs from RE2 where `\d`, `\w`, `\s` and `\b` would mean all of
//! Unicode, and where brackets would hold set operations; such places are rewritten, so that `\d+` does not accept
//! digits which no platform writes. What has no counterpart in RE2 is refused.

use accredit_id::shown::Shown;
use regex::{Regex, RegexBuilder};

use super::fault::ExprFault;
use super::fuel::Fuel;
use super::outcome::EvalFault;
use super::value::Value;

/// The largest compiled pattern, in bytes. What a pattern costs for a text grows with it, and the engine falls back to
/// simulating the automaton when what it remembers is full, so that a hostile pattern costs microseconds a byte.
/// INVARIANT: with the two below and the steps of one evaluation, all searches together take about ten milliseconds at
/// worst.
const MAX_COMPILED_BYTES: usize = 16 * 1024;

/// The longest text that is searched, in bytes.
const MAX_SUBJECT_BYTES: usize = 1024;

const STEPS_A_BYTE: usize = 2;

/// What the engine may remember while it searches, in bytes, for each thread that does.
const MAX_CACHE_BYTES: usize = 64 * 1024;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    source: Box<str>,
    regex: Regex,
}

impl Pattern {
    /// Compiles `source`.
    pub(super) fn compile(source: &str) -> Result<Self, ExprFault> {
        let fault = |problem: &str| ExprFault::BadPattern {
            function: "matches",
            text: Shown::of(source).as_str().into(),
            problem: problem.into(),
        };
        let translated = translate(source).map_err(|problem| fault(&problem))?;
        let regex = RegexBuilder::new(&translated)
            .size_limit(MAX_COMPILED_BYTES)
            .dfa_size_limit(MAX_CACHE_BYTES)
            .nest_limit(32)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => fault("it is too large"),
                _ => fault("it is not a regular expression in RE2's syntax"),
            })?;
        Ok(Self { source: source.into(), regex })
    }

    /// Whether the pattern is found in `subject`.
    pub(super) fn is_match(&self, fuel: &mut Fuel, subject: &Value<'_>) -> Result<bool, EvalFault> {
        let Value::String(text) = subject else {
            return Err(EvalFault::NoSuchOverload { operation: "matches", first: subject.kind(), second: None });
        };
        if text.len() > MAX_SUBJECT_BYTES {
            return Err(EvalFault::ValueTooLarge { operation: "matches" });
        }
        fuel.spend(1 + text.len() * STEPS_A_BYTE)?;
        Ok(self.regex.is_match(text))
    }

    /// The pattern as it was written.
    pub(super) fn source(&self) -> &str {
        &self.source
    }
}

/// `source` in the engine's syntax with RE2's meaning.
fn translate(source: &str) -> Result<String, String> {
    let mut translated = String::with_capacity(source.len() + 16);
    let mut rest = source.chars().peekable();
    // Whether a bracket is open, and what was read in it so far.
    let mut class: Option<usize> = None;
    while let Some(c) = rest.next() {
        match (c, class) {
            ('\\', _) => {
                let escaped = rest.next().ok_or("it ends in a backslash")?;
                translated.push_str(&escape(escaped, class.is_some())?);
                if let Some(read) = &mut class {
                    *read += 1;
                }
            }
            ('[', None) => {
                translated.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    translated.push('^');
                }
                class = Some(0);
            }
            // A bracket that comes first is one of the characters.
            (']', Some(0)) => {
                translated.push_str("\\]");
                class = Some(1);
            }
            (']', Some(_)) => {
                translated.push(']');
                class = None;
            }
            ('[', Some(read)) => {
                if rest.peek() == Some(&':') {
                    translated.push('[');
                    for c in rest.by_ref() {
                        translated.push(c);
                        if c == ']' {
                            break;
                        }
                    }
                } else {
                    translated.push_str("\\[");
                }
                class = Some(read + 1);
            }
            // Set operations of the engine, plain characters for RE2.
            ('&' | '~', Some(read)) => {
                translated.extend(['\\', c]);
                class = Some(read + 1);
            }
            ('-', Some(_)) if rest.peek() == Some(&'-') => {
                return Err("a range that starts or ends with `-` must be escaped".to_owned());
            }
            (c, Some(read)) => {
                translated.push(c);
                class = Some(read + 1);
            }
            ('(', None) if rest.peek() == Some(&'?') => {
                rest.next();
                translated.push_str("(?");
                group(&mut rest, &mut translated)?;
            }
            (c, None) => translated.push(c),
        }
    }
    Ok(translated)
}

/// What `\` and `escaped` are in the engine's syntax.
fn escape(escaped: char, in_class: bool) -> Result<String, String> {
    Ok(match (escaped, in_class) {
        ('d', false) => "[0-9]".to_owned(),
        ('d', true) => "0-9".to_owned(),
        ('D', _) => "[^0-9]".to_owned(),
        ('w', false) => "[0-9A-Za-z_]".to_owned(),
        ('w', true) => "0-9A-Za-z_".to_owned(),
        ('W', _) => "[^0-9A-Za-z_]".to_owned(),
        ('s', false) => "[\\t\\n\\x0C\\r ]".to_owned(),
        ('s', true) => "\\t\\n\\x0C\\r ".to_owned(),
        ('S', _) => "[^\\t\\n\\x0C\\r ]".to_owned(),
        ('b', false) => "(?-u:\\b)".to_owned(),
        ('a' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' | 'p' | 'P', _) | ('A' | 'z', false) => format!("\\{escaped}"),
        // Escaped, the engine takes these two for the ends of a word.
        ('<' | '>', _) => escaped.to_string(),
        (c, _) if c.is_ascii_punctuation() => format!("\\{c}"),
        (c, _) => return Err(format!("`\\{}` has no meaning here", c.escape_default())),
    })
}

/// Copies what follows `(?`: a name or flags that RE2 has.
fn group(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, translated: &mut String) -> Result<(), String> {
    while let Some(c) = rest.next() {
        translated.push(c);
        match c {
            'P' | '<' => {
                if c == 'P' && rest.peek() != Some(&'<') {
                    return Err("`(?P` is followed by something else than a name".to_owned());
                }
                // The engine checks the name.
                return Ok(());
            }
            'i' | 'm' | 's' | 'U' | '-' => {}
            ':' | ')' => return Ok(()),
            _ => return Err(format!("`(?{}` is not one of its groups", c.escape_default())),
        }
    }
    Err("a group is not closed".to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn finds(pattern: &str, text: &str) -> bool {
        Pattern::compile(pattern).unwrap().regex.is_match(text)
    }

    /// F10: classes are ASCII as in RE2, `$` is the end of the text and not a place before a newline.
    #[test]
    fn patterns_mean_what_re2_means() {
        for (pattern, text, expected) in [
            (r"^\d+$", "123", true),
            (r"^\d+$", "\u{661}\u{662}", false),
            (r"^[\d-]+$", "1-2", true),
            (r"^[^\d]$", "\u{661}", true),
            (r"^\D$", "\u{661}", true),
            (r"^\w+$", "a_1", true),
            (r"^\w+$", "\u{e9}", false),
            (r"^[\W]$", "\u{e9}", true),
            (r"^\s$", "\u{a0}", false),
            (r"^\s$", "\u{b}", false),
            (r"\bmain\b", "refs/main", true),
            (r"^main$", "main\n", false),
            (r"(?m)^main$", "x\nmain\ny", true),
            (r"(?i)^MAIN$", "main", true),
            (r"a.c", "a\nc", false),
            (r"(?s)a.c", "a\nc", true),
            (r"^[a&&b]+$", "a&b", true),
            (r"^[[a]$", "[", true),
            (r"^[]a]$", "]", true),
            (r"^[[:alpha:]_]+$", "ab_", true),
            (r"^[[:alpha:]]+$", "\u{e9}", false),
            (r"^.$", "\u{1f431}", true),
            (r"^\<a\>$", "<a>", true),
            (r"^a\.b$", "axb", false),
            (r"^(?P<name>a)(?:b)$", "ab", true),
            (r"^a|b$", "ax", true),
            (r"", "anything", true),
            (r"^\p{Greek}$", "\u{3b1}", true),
            (r"^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false),
        ] {
            assert_eq!(finds(pattern, text), expected, "{pattern} on {text:?}");
        }
    }

    /// G03: what RE2 does not have and what would be large is refused.
    #[test]
    fn patterns_are_refused() {
        for pattern in [
            r"(?=a)",
            r"(a)\1",
            r"(?x)a b",
            r"(?u)a",
            r"\u0041",
            r"\Bx",
            r"[",
            r"(",
            r"a{2,1}",
            r"\",
            r"(\w{100}){100}",
            r"\pL+",
            r"(?",
            r"[a--]",
        ] {
            assert!(matches!(Pattern::compile(pattern), Err(ExprFault::BadPattern { .. })), "{pattern}");
        }
    }
}
