//! A program's tree: small, immutable, free of the parser's types.

use super::functions::Function;
use super::pattern::Pattern;
use super::template::Template;
use super::value::Value;

/// One step of a program. A mapping may carry one, and there may be 100,000 mappings, so every branch is boxed once.
#[derive(Debug)]
pub(super) enum Node {
    /// A literal, or what was computed from literals alone.
    Constant(Value<'static>),
    /// The variable `assertion`.
    Assertion,
    /// The variable of the comprehension that many levels in.
    Variable(u8),
    Select(Box<Member>),
    Has(Box<Member>),
    Index(Box<[Node; 2]>),
    Not(Box<Node>),
    Negate(Box<Node>),
    /// All operands of a run of `&&`, however they were bracketed.
    And(Box<[Node]>),
    /// All operands of a run of `||`, however they were bracketed.
    Or(Box<[Node]>),
    Binary(Operator, Box<[Node; 2]>),
    Choose(Box<[Node; 3]>),
    List(Box<[Node]>),
    Map(Box<[[Node; 2]]>),
    Call(Function, Box<[Node]>),
    Matches(Box<(Node, Pattern)>),
    Extract(Box<(Node, Template)>),
    Loop(Box<Loop>),
}

/// A named member of something.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) of: Node,
    pub(super) name: Box<str>,
}

/// A comprehension.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) over: Node,
    /// The predicate, or the result of a `map` that has no predicate.
    pub(super) body: Node,
    /// The result of a `map` that has a predicate.
    pub(super) result: Option<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

// === impl Node ===

impl Node {
    /// Calls `visit` with each node directly below this one.
    pub(super) fn children<'t>(&'t self, visit: &mut dyn FnMut(&'t Node)) {
        match self {
            Self::Constant(_) | Self::Assertion | Self::Variable(_) => {}
            Self::Select(member) | Self::Has(member) => visit(&member.of),
            Self::Not(node) | Self::Negate(node) => visit(node),
            Self::Index(nodes) | Self::Binary(_, nodes) => nodes.iter().for_each(visit),
            Self::Choose(nodes) => nodes.iter().for_each(visit),
            Self::And(nodes) | Self::Or(nodes) | Self::List(nodes) | Self::Call(_, nodes) => {
                nodes.iter().for_each(visit)
            }
            Self::Map(entries) => entries.iter().flatten().for_each(visit),
            Self::Matches(matches) => visit(&matches.0),
            Self::Extract(extract) => visit(&extract.0),
            Self::Loop(inner) => {
                visit(&inner.over);
                visit(&inner.body);
                inner.result.iter().for_each(visit);
            }
        }
    }
}

// === impl Operator ===

impl Operator {
    /// The operator as it is written.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
        }
    }
}
