//! The words of an expression, found without a parser.
//!
//! Two users: the guard counts depth on them before the parser sees the text, and explanations cut the text at its
//! outermost `&&`. Whatever is not a word of CEL is refused here, so that the parser never has to recover from an error
//! of ours.

use accredit_id::shown::is_deceptive;

use super::fault::{ExprFault, Place};

/// One word of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Byte offsets into the source; it is at most 2 KiB long.
    pub(super) start: u16,
    pub(super) end: u16,
}

/// What a word is to somebody who only counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name, a literal: something that has a value.
    Operand,
    Open(Bracket),
    Close(Bracket),
    Comma,
    Dot,
    Question,
    Colon,
    And,
    Or,
    /// `==`, `+`, `in` and their like; a minus before an operand, too, which puts as much above it.
    Binary,
    /// `!`.
    Not,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bracket {
    Round,
    Square,
    Curly,
}

/// Splits `source` into words; comments and white space are dropped.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, ExprFault> {
    let mut scanner = Scanner { source, at: 0, tokens: Vec::new() };
    scanner.run()?;
    Ok(scanner.tokens)
}

struct Scanner<'s> {
    source: &'s str,
    at: usize,
    tokens: Vec<Token>,
}

impl<'s> Scanner<'s> {
    fn run(&mut self) -> Result<(), ExprFault> {
        while let Some(byte) = self.byte(0) {
            let start = self.at;
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                b'/' if self.byte(1) == Some(b'/') => self.comment()?,
                b'"' | b'\'' => self.text(start, false)?,
                b'0'..=b'9' => self.number(start),
                b'.' if self.byte(1).is_some_and(|next| next.is_ascii_digit()) => self.number(start),
                b'_' | b'a'..=b'z' | b'A'..=b'Z' => self.word(start)?,
                b'`' => return Err(ExprFault::Unsupported { what: "a name in back-ticks".into() }),
                _ => self.sign(byte)?,
            }
        }
        Ok(())
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.source.as_bytes().get(self.at + ahead).copied()
    }

    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        let place = |offset: usize| u16::try_from(offset).unwrap_or(u16::MAX);
        self.tokens.push(Token { kind, start: place(start), end: place(self.at) });
    }

    fn fault(&self, at: usize, problem: impl Into<Box<str>>) -> ExprFault {
        ExprFault::Syntax { place: Place::of(self.source, at), problem: problem.into() }
    }

    /// Steps over `c` unless it deceives.
    fn step(&mut self, c: char) -> Result<(), ExprFault> {
        // It must be written as an escape, so that a reviewer reads what the machine compares.
        if is_deceptive(c) {
            let code = u32::from(c);
            return Err(self.fault(self.at, format!("invisible character U+{code:04X}; write it as an escape")));
        }
        self.at += c.len_utf8();
        Ok(())
    }

    fn comment(&mut self) -> Result<(), ExprFault> {
        for c in self.rest().chars() {
            match c {
                '\n' => break,
                '\t' | '\r' => self.at += 1,
                c => self.step(c)?,
            }
        }
        Ok(())
    }

    fn word(&mut self, start: usize) -> Result<(), ExprFault> {
        let is_part = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
        while self.byte(0).is_some_and(is_part) {
            self.at += 1;
        }
        let word = self.source.get(start..self.at).unwrap_or_default();
        if matches!(self.byte(0), Some(b'"' | b'\'')) {
            match word.to_ascii_lowercase().as_str() {
                "b" => return self.text(start, false),
                "r" | "br" | "rb" => return self.text(start, true),
                _ => {}
            }
        }
        self.push(if word == "in" { TokenKind::Binary } else { TokenKind::Operand }, start);
        Ok(())
    }

    fn number(&mut self, start: usize) {
        let hexadecimal = matches!(self.byte(1), Some(b'x' | b'X'));
        // Wider than CEL's numbers; what is too wide the parser refuses.
        while let Some(byte) = self.byte(0) {
            let before_digit = self.byte(1).is_some_and(|next| next.is_ascii_digit());
            let after_exponent = matches!(self.source.as_bytes().get(..self.at), Some([.., b'e' | b'E']));
            let part = match byte {
                b'.' => before_digit,
                b'+' | b'-' => before_digit && after_exponent && !hexadecimal,
                _ => byte.is_ascii_alphanumeric(),
            };
            if !part {
                break;
            }
            self.at += 1;
        }
        self.push(TokenKind::Operand, start);
    }

    /// A string or bytes literal whose first quote is at `self.at` and whose prefix starts at `start`.
    fn text(&mut self, start: usize, raw: bool) -> Result<(), ExprFault> {
        let quote = if self.byte(0) == Some(b'"') { '"' } else { '\'' };
        let triple: String = [quote; 3].iter().collect();
        let long = self.rest().starts_with(&triple);
        let end = if long { triple.as_str() } else { triple.get(..1).unwrap_or_default() };
        self.at += end.len();
        loop {
            let rest = self.rest();
            if rest.starts_with(end) {
                self.at += end.len();
                self.push(TokenKind::Operand, start);
                return Ok(());
            }
            let mut following = rest.chars();
            match following.next() {
                None => return Err(self.fault(start, "text has no closing quote")),
                Some('\\') if !raw => {
                    self.at += 1;
                    // What follows a backslash cannot close the text.
                    match following.next() {
                        None => return Err(self.fault(start, "text has no closing quote")),
                        Some(escaped) => self.step(escaped)?,
                    }
                }
                Some('\n' | '\r') if long => self.at += 1,
                Some('\n' | '\r') => return Err(self.fault(start, "text has no closing quote on its line")),
                Some('\t') => self.at += 1,
                Some(c) => self.step(c)?,
            }
        }
    }

    fn sign(&mut self, byte: u8) -> Result<(), ExprFault> {
        let start = self.at;
        let next = self.byte(1);
        let (kind, length) = match (byte, next) {
            (b'&', Some(b'&')) => (TokenKind::And, 2),
            (b'|', Some(b'|')) => (TokenKind::Or, 2),
            (b'=' | b'!' | b'<' | b'>', Some(b'=')) => (TokenKind::Binary, 2),
            (b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b'%', _) => (TokenKind::Binary, 1),
            (b'!', _) => (TokenKind::Not, 1),
            (b'(', _) => (TokenKind::Open(Bracket::Round), 1),
            (b')', _) => (TokenKind::Close(Bracket::Round), 1),
            (b'[', _) => (TokenKind::Open(Bracket::Square), 1),
            (b']', _) => (TokenKind::Close(Bracket::Square), 1),
            (b'{', _) => (TokenKind::Open(Bracket::Curly), 1),
            (b'}', _) => (TokenKind::Close(Bracket::Curly), 1),
            (b',', _) => (TokenKind::Comma, 1),
            (b'.', _) => (TokenKind::Dot, 1),
            (b'?', _) => (TokenKind::Question, 1),
            (b':', _) => (TokenKind::Colon, 1),
            _ => {
                let c = self.rest().chars().next().unwrap_or_default();
                return Err(self.fault(start, format!("unexpected character `{}`", c.escape_default())));
            }
        };
        self.at += length;
        self.push(kind, start);
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_where_the_parser_cuts() {
        for (source, expected) in [
            ("a.b", vec!["a", ".", "b"]),
            ("1.5e+3+0xe+1-2.c", vec!["1.5e+3", "+", "0xe", "+", "1", "-", "2", ".", "c"]),
            ("1e+e+.5", vec!["1e", "+", "e", "+", ".5"]),
            ("r'\\' b\"x\" rB'y' in x'z'", vec!["r'\\'", "b\"x\"", "rB'y'", "in", "x", "'z'"]),
            ("'a\\'b' '' '''c'd''' \"\"\"\"\"\"", vec!["'a\\'b'", "''", "'''c'd'''", "\"\"\"\"\"\""]),
            ("a//b\n&&!c||d<=e?f:[g]", vec!["a", "&&", "!", "c", "||", "d", "<=", "e", "?", "f", ":", "[", "g", "]"]),
        ] {
            let words: Vec<&str> =
                tokens(source).unwrap().iter().map(|t| &source[usize::from(t.start)..usize::from(t.end)]).collect();
            assert_eq!(words, expected, "{source}");
        }
    }
}
