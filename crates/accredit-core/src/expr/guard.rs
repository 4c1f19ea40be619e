//! What stands between a stranger's text and the parser.
//!
//! The parser recurses once per bracket, and its tree once per link of a flat chain (`1+1+1`, `.a.a.a`), which it
//! neither counts nor bounds: two kilobytes of text overflow a stack, and an overflow ends the process. So the text's
//! length is capped, the depth of the tree to come is counted on the bare words, and the parser runs on a stack of its
//! own.

use std::thread;

use cel::IdedExpr;
use cel::parser::{ParseErrors, PrattParser};

use super::fault::{ExprFault, Place};
use super::scan::{Bracket, Token, TokenKind};

/// The longest expression in bytes.
pub(super) const MAX_SOURCE_BYTES: usize = 2048;

/// The most brackets inside one another.
pub(super) const MAX_NESTING: usize = 32;

/// The deepest tree that an expression may have, as counted by [`check_shape`].
/// INVARIANT: every walk over a tree (the parser's, the conversion, the evaluation, the drop) fits a 2 MiB stack in a
/// debug build at this depth; `vectors/cel/abuse.toml` is run on such a stack.
pub(super) const MAX_DEPTH: usize = 64;

const PARSER_STACK_BYTES: usize = 8 * 1024 * 1024;

/// The longest part of the parser's own words that is repeated.
const MAX_PROBLEM_CHARS: usize = 120;

/// Refuses text that is too long or has nothing in it.
pub(super) fn check_length(source: &str) -> Result<(), ExprFault> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(ExprFault::TooLong { bytes: source.len(), limit: MAX_SOURCE_BYTES });
    }
    if source.trim().is_empty() {
        return Err(ExprFault::Syntax { place: Place::of(source, 0), problem: "expression is empty".into() });
    }
    Ok(())
}

/// Refuses brackets that do not match, and words whose tree would be too deep; gives an upper bound of the tree's
/// depth.
pub(super) fn check_shape(source: &str, tokens: &[Token]) -> Result<usize, ExprFault> {
    let mut levels = vec![Level::default()];
    let mut open: Vec<(Bracket, u16)> = Vec::new();
    for token in tokens {
        match token.kind {
            TokenKind::Open(bracket) => {
                open.push((bracket, token.start));
                levels.push(Level::default());
                if open.len() > MAX_NESTING {
                    return Err(ExprFault::TooDeep { limit: MAX_NESTING });
                }
            }
            TokenKind::Close(bracket) => {
                let inner = levels.pop().unwrap_or_default();
                if open.pop().map(|(opened, _)| opened) != Some(bracket) {
                    return Err(unmatched(source, token.start));
                }
                if let Some(level) = levels.last_mut() {
                    level.operand = level.operand.max(inner.depth()) + 1;
                }
            }
            other => {
                if let Some(level) = levels.last_mut() {
                    level.count(other);
                }
            }
        }
        if levels.last().is_some_and(|level| level.depth() > MAX_DEPTH) {
            return Err(ExprFault::TooDeep { limit: MAX_DEPTH });
        }
    }
    match open.last() {
        Some((_, start)) => Err(unmatched(source, *start)),
        None => Ok(levels.last().map_or(0, Level::depth)),
    }
}

/// Parses `source`, which has passed the checks above, and hands the tree to `read` while it lives.
pub(super) fn parse<T: Send>(
    source: &str,
    read: impl FnOnce(&IdedExpr) -> Result<T, ExprFault> + Send,
) -> Result<T, ExprFault> {
    let work = || match PrattParser::new().parse(source) {
        Ok(tree) => read(&tree),
        Err(errors) => Err(first_problem(source, &errors)),
    };
    thread::scope(|scope| {
        let parser = thread::Builder::new().name("cel-parser".to_owned()).stack_size(PARSER_STACK_BYTES);
        let parser = parser.spawn_scoped(scope, work).map_err(|_| ExprFault::ParserFailed)?;
        parser.join().unwrap_or(Err(ExprFault::ParserFailed))
    })
}

fn unmatched(source: &str, at: u16) -> ExprFault {
    ExprFault::Syntax { place: Place::of(source, usize::from(at)), problem: "bracket has no partner".into() }
}

/// The parser's first error in our words. Its `Display` is never used: that pads by column, and panics when the column
/// does not fit sixteen bits.
fn first_problem(source: &str, errors: &ParseErrors) -> ExprFault {
    let Some(error) = errors.errors.first() else { return ExprFault::ParserFailed };
    // Both count from one, the column in bytes.
    let (line, column) = error.pos;
    let number = |one_based: isize| usize::try_from(one_based.saturating_sub(1)).unwrap_or(0);
    let line_start: usize = source.split_inclusive('\n').take(number(line)).map(str::len).sum();
    let place = Place::of(source, line_start + number(column));
    let text = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
    // Nothing invisible has come past the scan but line breaks in long texts.
    let problem = text.chars().take(MAX_PROBLEM_CHARS).map(|c| if c.is_control() { ' ' } else { c });
    ExprFault::Syntax { place, problem: problem.collect::<String>().into() }
}

/// Counts what stands between two brackets. The numbers are upper bounds of the depth of the tree that the parser
/// builds.
#[derive(Default)]
struct Level {
    /// Links after and signs before the operand that is being read: `.a`, `[0]`, `f()`, `!`.
    operand: usize,
    /// The largest `operand` before it in this run of binary operators.
    operands: usize,
    /// Binary operators in this run: each puts all before it one level deeper.
    binary: usize,
    /// The deepest run before the last `&&`, `||`, `?` or `:`.
    runs: usize,
    /// `&&` and `||`: the parser builds balanced trees of them.
    logic: usize,
    /// `?`: each puts what follows one level deeper.
    choices: usize,
    /// The deepest element before the last comma.
    elements: usize,
}

impl Level {
    fn count(&mut self, kind: TokenKind) {
        match kind {
            TokenKind::Dot | TokenKind::Not => self.operand += 1,
            TokenKind::Binary => {
                self.operands = self.operands.max(self.operand);
                self.operand = 0;
                self.binary += 1;
            }
            TokenKind::And | TokenKind::Or => {
                self.end_run();
                self.logic += 1;
            }
            TokenKind::Question => {
                self.end_run();
                self.choices += 1;
            }
            TokenKind::Colon => self.end_run(),
            TokenKind::Comma => *self = Self { elements: self.depth(), ..Self::default() },
            TokenKind::Operand | TokenKind::Open(_) | TokenKind::Close(_) => {}
        }
    }

    fn end_run(&mut self) {
        self.runs = self.runs.max(self.run());
        (self.operand, self.operands, self.binary) = (0, 0, 0);
    }

    fn run(&self) -> usize {
        self.binary + self.operands.max(self.operand)
    }

    fn depth(&self) -> usize {
        // A balanced tree of n operators, once for `&&` and once for `||`.
        let logic = 2 * (usize::BITS - self.logic.leading_zeros()) as usize;
        self.elements.max(self.runs.max(self.run()) + logic + self.choices)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::super::scan::tokens;
    use super::*;

    /// G03: the bound that is counted on words is one of the tree that the parser builds.
    #[test]
    fn depth_is_counted_on_the_words() {
        for (source, depth) in [
            ("a", 0),
            ("a.b.c", 2),
            ("a.b.c()[0]", 4),
            ("1 + 1 + 1", 2),
            ("a.b + c.d.e + f", 4),
            ("(1 + (2 + 3))", 4),
            ("((1 + 2) + 3)", 4),
            ("[a.b, c, [d]]", 2),
            ("!!a", 2),
            ("--a - -b", 4),
            ("a ? b : c ? d : e.f", 3),
            ("a.b && c.d", 3),
            ("a == 1 && b == 2 && c == 3 && d == 4", 5),
        ] {
            assert_eq!(check_shape(source, &tokens(source).unwrap()), Ok(depth), "{source}");
        }
    }
}
