//! What a condition asks of the claims, read off its tree, for those who judge conditions before any token comes.

use super::functions::Function;
use super::outcome::Kind;
use super::paths::{path, paths};
use super::tree::{Loop, LoopKind, Node, Operator};
use super::value::{List, Value};

/// One thing that a program asks of one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The claim's path under `assertion`, as in [`Program::fields`](super::Program::fields).
    pub field: String,
    /// What is asked of it.
    pub test: Test,
    /// Whether it is asked the other way round: `!=`, `!`.
    pub negated: bool,
    /// Whether no claims match without it: it is in no branch of an `||`, `?:` or comprehension.
    pub required: bool,
}

/// What is asked of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// `==`, or `in` a list of literals; the literals as text.
    Equals(Vec<String>),
    /// `startsWith`.
    StartsWith(String),
    /// `endsWith`.
    EndsWith(String),
    /// `contains`: anywhere in the text.
    Contains(String),
    /// `matches`: anywhere in the text, unless the pattern says `^` and `$`.
    Matches(String),
    /// `extract` with this template: its first place anywhere in the text.
    Extracts(String),
    /// A literal `in` the claim, which is a list; the literal as text.
    Holds(String),
    /// `has`, or a name `in assertion`.
    Present,
    /// Anything else.
    Other,
}

/// The demands of `tree`, in the order of the text.
pub(super) fn demands(tree: &Node) -> Vec<Demand> {
    let mut reader = Reader { found: Vec::new() };
    reader.read(tree, Mood { negated: false, required: true });
    reader.found
}

/// The demands of a node that is read, or read the other way round, as a condition by itself.
pub(super) fn of_leaf(node: &Node, negated: bool) -> Vec<Demand> {
    let mut reader = Reader { found: Vec::new() };
    reader.read(node, Mood { negated, required: true });
    reader.found
}

/// The type of all values of `node`, when the node alone decides it.
pub(super) fn kind(node: &Node) -> Option<Kind> {
    Some(match node {
        Node::Constant(value) => value.kind(),
        Node::Has(_) | Node::Not(_) | Node::And(_) | Node::Or(_) | Node::Matches(_) => Kind::Bool,
        Node::Binary(operator, nodes) => match operator {
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Modulo => {
                // Both sides are of one type, which is that of the result.
                let [a, b] = &**nodes;
                kind(a).or_else(|| kind(b))?
            }
            _ => Kind::Bool,
        },
        Node::List(_) => Kind::List,
        Node::Map(_) | Node::Assertion => Kind::Map,
        Node::Extract(_) => Kind::String,
        Node::Negate(node) => kind(node)?,
        Node::Choose(nodes) => {
            let [_, then, otherwise] = &**nodes;
            kind(then).filter(|then| kind(otherwise) == Some(*then))?
        }
        Node::Loop(inner) => match inner.kind {
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne => Kind::Bool,
            LoopKind::Filter | LoopKind::Map => Kind::List,
        },
        Node::Call(function, _) => match function {
            Function::Size | Function::IndexOf | Function::LastIndexOf | Function::Int => Kind::Int,
            Function::Contains | Function::StartsWith | Function::EndsWith | Function::Bool => Kind::Bool,
            Function::Split => Kind::List,
            Function::UInt => Kind::UInt,
            Function::Double => Kind::Double,
            Function::Bytes => Kind::Bytes,
            Function::Type => Kind::Type,
            Function::Join
            | Function::Replace
            | Function::Substring
            | Function::LowerAscii
            | Function::UpperAscii
            | Function::Trim
            | Function::CharAt
            | Function::String => Kind::String,
        },
        Node::Variable(_) | Node::Select(_) | Node::Index(_) => return None,
    })
}

/// How the node that is being read takes part in the whole.
#[derive(Clone, Copy)]
struct Mood {
    negated: bool,
    required: bool,
}

struct Reader {
    found: Vec<Demand>,
}

impl Reader {
    fn read(&mut self, node: &Node, mood: Mood) {
        let Mood { negated, required } = mood;
        let optional = Mood { required: false, ..mood };
        match node {
            Node::Not(inner) => self.read(inner, Mood { negated: !negated, required }),
            // Turned round, `&&` asks for one of its operands, and `||` for all.
            Node::And(nodes) => nodes.iter().for_each(|node| self.read(node, if negated { optional } else { mood })),
            Node::Or(nodes) => nodes.iter().for_each(|node| self.read(node, if negated { mood } else { optional })),
            Node::Choose(nodes) => nodes.iter().for_each(|node| self.read(node, optional)),
            Node::Has(_) => self.claim(node, Test::Present, mood),
            Node::Binary(operator, nodes) => self.comparison(node, *operator, nodes, mood),
            Node::Call(function, arguments) => self.call(node, *function, arguments, mood),
            Node::Matches(matches) => self.claim(&matches.0, Test::Matches(matches.1.source().to_owned()), mood),
            Node::Extract(extract) => self.claim(&extract.0, Test::Extracts(extract.1.shown()), mood),
            Node::Loop(inner) => self.comprehension(inner, optional),
            // A claim that is a condition by itself.
            _ if path(node).is_some() => self.claim(node, Test::Equals(vec!["true".to_owned()]), mood),
            _ => self.others(node, mood),
        }
    }

    fn comparison(&mut self, node: &Node, operator: Operator, nodes: &[Node; 2], mood: Mood) {
        let turned = Mood { negated: !mood.negated, ..mood };
        match (operator, nodes) {
            (Operator::Equal, [Node::Constant(value), claim] | [claim, Node::Constant(value)]) => {
                self.claim(claim, equals(std::slice::from_ref(value)), mood);
            }
            (Operator::NotEqual, [Node::Constant(value), claim] | [claim, Node::Constant(value)]) => {
                self.claim(claim, equals(std::slice::from_ref(value)), turned);
            }
            (Operator::In, [claim, Node::Constant(Value::List(List::Values(values)))]) => {
                self.claim(claim, equals(values), mood);
            }
            (Operator::In, [Node::Constant(_), Node::Assertion]) => self.claim(node, Test::Present, mood),
            (Operator::In, [Node::Constant(value), claim]) => self.claim(claim, Test::Holds(text(value)), mood),
            _ => self.others(node, mood),
        }
    }

    fn call(&mut self, node: &Node, function: Function, arguments: &[Node], mood: Mood) {
        let test = match (function, arguments) {
            (Function::StartsWith, [_, Node::Constant(part)]) => Test::StartsWith(text(part)),
            (Function::EndsWith, [_, Node::Constant(part)]) => Test::EndsWith(text(part)),
            (Function::Contains, [_, Node::Constant(part)]) => Test::Contains(text(part)),
            _ => return self.others(node, mood),
        };
        if let Some(claim) = arguments.first() {
            self.claim(claim, test, mood);
        }
    }

    fn comprehension(&mut self, inner: &Loop, mood: Mood) {
        self.others(&inner.over, mood);
        self.others(&inner.body, mood);
        inner.result.iter().for_each(|result| self.others(result, mood));
    }

    /// The test of `claim`, when that is a path; else `claim` is something computed, of which nothing exact is known.
    fn claim(&mut self, claim: &Node, test: Test, mood: Mood) {
        match path(claim) {
            Some(path) => self.push(path.text(), test, mood),
            None => self.others(claim, mood),
        }
    }

    fn others(&mut self, node: &Node, mood: Mood) {
        // `extract` says something of its claim wherever its result is used.
        if let Node::Extract(extract) = node {
            return self.claim(&extract.0, Test::Extracts(extract.1.shown()), mood);
        }
        if path(node).is_some() {
            return paths(node).iter().for_each(|path| self.push(path.text(), Test::Other, mood));
        }
        node.children(&mut |child| self.others(child, mood));
    }

    fn push(&mut self, field: String, test: Test, mood: Mood) {
        self.found.push(Demand { field, test, negated: mood.negated, required: mood.required });
    }
}

/// One of these literals. Two that are written alike are the same thing, two that are not are different ones: that is so of texts,
/// truth values and whole numbers, and neither of lists, whose order counts, nor of `1.0` and `1u`, which are `1`.
fn equals(values: &[Value<'_>]) -> Test {
    match values.iter().all(|value| matches!(value, Value::String(_) | Value::Bool(_) | Value::Int(_) | Value::Null)) {
        true => Test::Equals(values.iter().map(text).collect()),
        false => Test::Other,
    }
}

/// A literal as text; a string as it is.
fn text(value: &Value<'_>) -> String {
    value.shown().into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::super::Program;
    use super::*;

    /// Field, test, negated, required.
    type Row = (&'static str, Test, bool, bool);

    #[test]
    fn demands_are_read_off_the_text() {
        let equals = |literals: &[&str]| Test::Equals(literals.iter().map(|&text| text.to_owned()).collect());
        let cases: &[(&str, &[Row])] = &[
            (
                r#"assertion.a == "x" && 7 == assertion["b.c"] && assertion.d in ["y", 1]"#,
                &[
                    ("a", equals(&["x"]), false, true),
                    (r#"["b.c"]"#, equals(&["7"]), false, true),
                    ("d", equals(&["y", "1"]), false, true),
                ],
            ),
            (
                r#"assertion.a == "x" || assertion.b.startsWith("y")"#,
                &[("a", equals(&["x"]), false, false), ("b", Test::StartsWith("y".into()), false, false)],
            ),
            (
                r#"assertion.a != "x" && !(assertion.b || !has(assertion.c))"#,
                &[
                    ("a", equals(&["x"]), true, true),
                    ("b", equals(&["true"]), true, true),
                    ("c", Test::Present, false, true),
                ],
            ),
            (
                r#"!(assertion.a == 1 && assertion.b == 2)"#,
                &[("a", equals(&["1"]), true, false), ("b", equals(&["2"]), true, false)],
            ),
            (
                r#"assertion.a.matches("^x$") && assertion.b.contains("y") && assertion.c.endsWith("z")"#,
                &[
                    ("a", Test::Matches("^x$".into()), false, true),
                    ("b", Test::Contains("y".into()), false, true),
                    ("c", Test::EndsWith("z".into()), false, true),
                ],
            ),
            (
                r#"assertion.a.extract("x{y}") == "z" && assertion.l.exists(g, g == "q") && assertion.n > 3"#,
                &[
                    ("a", Test::Extracts("x{}".into()), false, true),
                    ("l", Test::Other, false, false),
                    ("n", Test::Other, false, true),
                ],
            ),
            (r#""k" in assertion.l"#, &[("l", Test::Holds("k".into()), false, true)]),
            (
                r#""k" in assertion && size(assertion) > 1"#,
                &[("k", Test::Present, false, true), ("*", Test::Other, false, true)],
            ),
        ];
        for (source, expected) in cases {
            let seen = Program::compile(source).unwrap().demands();
            let expected = expected.iter().map(|(field, test, negated, required)| Demand {
                field: (*field).to_owned(),
                test: test.clone(),
                negated: *negated,
                required: *required,
            });
            assert_eq!(seen, expected.collect::<Vec<_>>(), "{source}");
        }
    }

    /// G01: a condition whose value can be no truth value is known when it is written.
    #[test]
    fn kinds_are_known_where_the_text_says_them() {
        for (source, expected) in [
            ("assertion.a == 1", Some(Kind::Bool)),
            ("!assertion.a", Some(Kind::Bool)),
            ("assertion.a", None),
            ("assertion.a[0]", None),
            ("assertion", Some(Kind::Map)),
            ("assertion.a + 'x'", Some(Kind::String)),
            ("assertion.a + assertion.b", None),
            ("size(assertion.a)", Some(Kind::Int)),
            ("assertion.a ? 'x' : 'y'", Some(Kind::String)),
            ("assertion.a ? 'x' : 1", None),
            ("assertion.l.map(x, x)", Some(Kind::List)),
            ("assertion.l.all(x, x)", Some(Kind::Bool)),
            ("-assertion.a", None),
        ] {
            assert_eq!(Program::compile(source).unwrap().kind(), expected, "{source}");
        }
    }
}
