//! Text from outside, made harmless for whoever reads it on a terminal.
//!
//! A claim may hold escape sequences that repaint the screen, or bidirectional controls that make `main` read as
//! something else. Every text that came from a token, a server or a file passes through here before it is shown.

use std::fmt::{self, Display, Write};

use accredit_id::shown::is_deceptive;

/// Shows a text on one line with every control, invisible and direction-changing character escaped.
///
/// ```
/// use accredit_client::inert::Inert;
/// assert_eq!(Inert("main\u{202e}\u{1b}[2J\n").to_string(), r"main\u{202e}\u{1b}[2J\n");
/// ```
pub struct Inert<'t>(pub &'t str);

/// Like [`Inert`], but line feeds stay: for texts of several lines that were put together here.
pub struct InertLines<'t>(pub &'t str);

/// Escapes the same characters in JSON text, as JSON escapes them, so that it stays the same JSON.
///
/// Line feeds stay: in JSON text they only stand between tokens.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\n' || !is_deceptive(character) {
            out.push(character);
            continue;
        }
        // Raw, these are white space between values: no string of JSON holds them (RFC 8259 section 7).
        if matches!(character, '\t' | '\r') {
            out.push(' ');
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

impl Display for Inert<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| write_inert(f, character))
    }
}

impl Display for InertLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\n' => f.write_char('\n'),
            other => write_inert(f, other),
        })
    }
}

fn write_inert(f: &mut fmt::Formatter<'_>, character: char) -> fmt::Result {
    match character {
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        hostile if is_deceptive(hostile) => write!(f, "\\u{{{:x}}}", u32::from(hostile)),
        plain => f.write_char(plain),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// L24, E09: what a hostile issuer would put into a claim.
    const NASTY: &[(&str, &str)] = &[
        ("plain refs/heads/main", "plain refs/heads/main"),
        ("größe 東京 \\ <img onerror>", "größe 東京 \\ <img onerror>"),
        ("\u{1b}]0;title\u{7}", r"\u{1b}]0;title\u{7}"),
        ("a\r\nerror: forged", r"a\r\nerror: forged"),
        ("\u{9b}31m", r"\u{9b}31m"),
        ("main\u{202e}niam", r"main\u{202e}niam"),
        ("a\u{2066}b\u{2069}", r"a\u{2066}b\u{2069}"),
        ("zero\u{200b}width\u{feff}", r"zero\u{200b}width\u{feff}"),
        ("tag\u{e0041}", r"tag\u{e0041}"),
        ("del\u{7f}", r"del\u{7f}"),
        ("line\u{2028}para\u{2029}", r"line\u{2028}para\u{2029}"),
    ];

    #[test]
    fn hostile_characters_are_escaped() {
        for (text, shown) in NASTY {
            assert_eq!(Inert(text).to_string(), *shown);
        }
        assert_eq!(InertLines("a\nb\u{1b}\r\n").to_string(), "a\nb\\u{1b}\\r\n");
    }

    #[test]
    fn json_keeps_its_value() {
        for (text, _) in NASTY {
            let written = json(&serde_json::to_string(text).unwrap());
            assert!(!written.chars().any(is_deceptive), "{written}");
            assert_eq!(&serde_json::from_str::<String>(&written).unwrap(), text);
        }
        assert_eq!(json("{\t\"a\": \"\\t\"}\r\n"), "{ \"a\": \"\\t\"} \n");
    }
}
