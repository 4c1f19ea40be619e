//! Where the source's outermost conjuncts are, so that an explanation can quote them as they were written.

use super::scan::{Bracket, Token, TokenKind};

/// The byte ranges of the operands of the outermost `&&`, brackets around them undone; one range when there is none.
pub(super) fn clauses(tokens: &[Token]) -> Vec<(u16, u16)> {
    let mut found = Vec::new();
    collect(tokens, &mut found);
    found
}

fn collect(tokens: &[Token], found: &mut Vec<(u16, u16)>) {
    let tokens = without_brackets(tokens);
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return };
    let outermost: Vec<usize> = outermost(tokens).collect();
    let is = |kind: TokenKind| move |at: &&usize| tokens.get(**at).is_some_and(|token| token.kind == kind);
    let looser = outermost.iter().any(|at| is(TokenKind::Or)(&at) || is(TokenKind::Question)(&at));
    let mut parts = outermost.iter().filter(is(TokenKind::And)).copied().peekable();
    if looser || parts.peek().is_none() {
        found.push((first.start, last.end));
        return;
    }
    let mut start = 0;
    for end in parts.chain([tokens.len()]) {
        collect(tokens.get(start..end).unwrap_or_default(), found);
        start = end + 1;
    }
}

/// `tokens` without the round brackets that enclose all of it.
fn without_brackets(mut tokens: &[Token]) -> &[Token] {
    while let [first, inner @ .., last] = tokens
        && first.kind == TokenKind::Open(Bracket::Round)
        && last.kind == TokenKind::Close(Bracket::Round)
        && outermost(tokens).count() == 2
    {
        tokens = inner;
    }
    tokens
}

/// The places of the tokens that are in no bracket; a bracket that opens or closes at the outermost level is one
/// itself.
fn outermost(tokens: &[Token]) -> impl Iterator<Item = usize> {
    let mut depth = 0_usize;
    tokens.iter().enumerate().filter_map(move |(at, token)| match token.kind {
        TokenKind::Open(_) => {
            depth += 1;
            (depth == 1).then_some(at)
        }
        TokenKind::Close(_) => {
            depth = depth.saturating_sub(1);
            (depth == 0).then_some(at)
        }
        _ => (depth == 0).then_some(at),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::super::scan::tokens;
    use super::*;

    #[test]
    fn clauses_are_cut_where_the_parser_cuts() {
        for (source, expected) in [
            ("a", vec!["a"]),
            ("a && b&&c", vec!["a", "b", "c"]),
            ("((a)) && (b && (c && d))", vec!["a", "b", "c", "d"]),
            ("(a && b)", vec!["a", "b"]),
            ("(a) || (b && c)", vec!["(a) || (b && c)"]),
            ("a && (b || c) && (d ? e : f)", vec!["a", "b || c", "d ? e : f"]),
            ("a && b || c", vec!["a && b || c"]),
            ("a ? b && c : d && e", vec!["a ? b && c : d && e"]),
            ("(a && b) == (c && d)", vec!["(a && b) == (c && d)"]),
            ("f(a && b) && x[a && b]", vec!["f(a && b)", "x[a && b]"]),
            ("'&&' == a && \"\"\" && \"\"\" == b // && c", vec!["'&&' == a", "\"\"\" && \"\"\" == b"]),
            ("!(a && b) && -c", vec!["!(a && b)", "-c"]),
        ] {
            let found = clauses(&tokens(source).unwrap());
            let found: Vec<&str> =
                found.iter().map(|(start, end)| &source[usize::from(*start)..usize::from(*end)]).collect();
            assert_eq!(found, expected, "{source}");
        }
    }
}
