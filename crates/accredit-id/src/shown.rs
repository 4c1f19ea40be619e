//! Foreign text made safe to show.

use std::fmt::{self, Write as _};

/// Text that came from outside, capped and escaped, so that it can stand in a log line, a terminal or a page.
///
/// At most [`Shown::LIMIT`] characters are kept. Control characters, line separators, invisible and
/// direction-changing characters are written as `\u{...}`, a backslash and a back-tick as `\\` and `` \` ``, so that
/// the reader sees what is there and back-ticks around it cannot be broken out of. Made for people: to compare, use
/// the original.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Shown(Box<str>);

// === impl Shown ===

impl Shown {
    /// How many characters of the original are kept.
    pub const LIMIT: usize = 200;

    /// What may be shown of `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut shown = String::with_capacity(text.len().min(Self::LIMIT));
        let mut rest = text.char_indices();
        for (_, c) in rest.by_ref().take(Self::LIMIT) {
            push_escaped(&mut shown, c);
        }
        if let Some((kept, _)) = rest.next() {
            let _ = write!(shown, "... ({} bytes more)", text.len() - kept);
        }
        Self(shown.into_boxed_str())
    }

    /// The safe text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

fn push_escaped(shown: &mut String, c: char) {
    match c {
        '\\' | '`' => shown.extend(['\\', c]),
        c if is_deceptive(c) => shown.extend(c.escape_unicode()),
        c => shown.push(c),
    }
}

/// Whether a reader would not see a character, or would see its neighbours elsewhere than they are.
///
/// Controls (Unicode category Cc), line and paragraph separators, and what is invisible or changes direction: the
/// format characters (Cf), the fillers that fonts draw as nothing, the tag characters.
pub fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{70f}' | '\u{8e2}' | '\u{feff}' | '\u{3164}' | '\u{ffa0}'
            | '\u{600}'..='\u{605}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_plain() {
        for text in ["", "repo:acme/app:ref:refs/heads/main", "h\u{e9}llo \u{4e16}\u{754c}", "a b"] {
            assert_eq!(Shown::of(text).as_str(), text);
        }
    }

    /// E09: control characters and bidirectional overrides are seen, not obeyed.
    #[test]
    fn escapes_what_deceives() {
        for (text, shown) in [
            ("a\nb\r\t\0\u{1b}[31m", r"a\u{a}b\u{d}\u{9}\u{0}\u{1b}[31m"),
            ("\u{202e}nimda\u{2066}", r"\u{202e}nimda\u{2066}"),
            ("a\u{200b}b\u{feff}\u{85}\u{2028}", r"a\u{200b}b\u{feff}\u{85}\u{2028}"),
            (r"a`b\u{a}", r"a\`b\\u{a}"),
        ] {
            assert_eq!(Shown::of(text).as_str(), shown);
        }
    }

    #[test]
    fn is_capped_by_characters() {
        let exact = "\u{e9}".repeat(Shown::LIMIT);
        assert_eq!(Shown::of(&exact).as_str(), exact);
        assert_eq!(Shown::of(&format!("{exact}xyz")).as_str(), format!("{exact}... (3 bytes more)"));
        assert!(Shown::of(&"\n".repeat(1 << 20)).as_str().len() < 2_000);
    }
}
