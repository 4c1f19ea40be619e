//! From the parser's tree to ours. Whatever is not named here is refused by name.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, MapExpr, SelectExpr, operators};

use super::evaluate::Run;
use super::fault::ExprFault;
use super::fuel::{Fuel, STEPS};
use super::functions::{Resolved, resolve};
use super::outcome::{EvalFault, Kind};
use super::pattern::Pattern;
use super::template::Template;
use super::tree::{Member, Node, Operator};
use super::value::Value;

/// The most bytes that a precomputed constant may take in a program's tree.
const MAX_CONSTANT_BYTES: usize = 4 * 1024;

/// The most patterns in one program: each is kilobytes of tables.
const MAX_PATTERNS: usize = 8;

/// What is called like a function and is none in our table.
const SPECIAL: [&str; 10] =
    ["matches", "extract", "dyn", "has", "all", "exists", "exists_one", "existsOne", "filter", "map"];

/// Our tree of a whole expression.
pub(super) struct Converted {
    pub(super) tree: Node,
    /// Whether the result can depend on `assertion`.
    pub(super) reads: bool,
    /// How many operands of `&&` the expression is at its top.
    pub(super) conjuncts: usize,
}

/// Whether constants are computed beforehand. They always are; tests compare with a program where they are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folding {
    On,
    #[cfg(test)]
    Off,
}

/// Converts `expression`.
pub(super) fn convert(expression: &IdedExpr, folding: Folding) -> Result<Converted, ExprFault> {
    let mut converter = Converter { folding, fuel: Fuel::new(STEPS), scopes: Vec::new(), patterns: 0 };
    let built = converter.node(expression)?;
    let conjuncts = match &expression.expr {
        Expr::Call(call) if call.func_name == operators::LOGICAL_AND => operands(call).len(),
        _ => 1,
    };
    Ok(Converted { tree: built.node, reads: built.reads, conjuncts })
}

pub(super) struct Converter {
    folding: Folding,
    /// What is left for computing constants, in the whole expression.
    fuel: Fuel,
    /// The variables of the comprehensions around the node that is being converted.
    pub(super) scopes: Vec<String>,
    patterns: usize,
}

/// A node, and what it depends on.
pub(super) struct Built {
    pub(super) node: Node,
    /// On `assertion`.
    pub(super) reads: bool,
    /// On the comprehension variables of these levels, one bit each.
    pub(super) free: u8,
}

/// What several nodes depend on together.
#[derive(Default)]
pub(super) struct Depends {
    reads: bool,
    free: u8,
}

impl Converter {
    pub(super) fn node(&mut self, expression: &IdedExpr) -> Result<Built, ExprFault> {
        match &expression.expr {
            Expr::Literal(literal) => Ok(constant(literal_value(literal))),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) if list.optional_indices.is_empty() => {
                let (nodes, depends) = self.nodes(&list.elements)?;
                self.finish(Node::List(nodes.into()), depends)
            }
            Expr::Map(map) => self.map(map),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Struct(message) => Err(unsupported(format!("message `{}`", message.type_name))),
            Expr::List(_) => Err(unsupported("an optional list element")),
            Expr::Unspecified => Err(ExprFault::ParserFailed),
        }
    }

    /// The node with what it depends on; computed at once when that is nothing.
    pub(super) fn finish(&mut self, node: Node, depends: Depends) -> Result<Built, ExprFault> {
        let Depends { reads, free } = depends;
        if !reads && free == 0 && self.folding == Folding::On {
            let fuel = std::mem::replace(&mut self.fuel, Fuel::new(0));
            let mut run = Run::without_claims(fuel, self.scopes.len());
            let value = run.evaluate(&node).map(|value| value.to_static(&mut { MAX_CONSTANT_BYTES }));
            self.fuel = run.fuel;
            match value {
                Ok(Some(value)) => return Ok(constant(value)),
                Err(EvalFault::FuelExhausted) => return Err(ExprFault::TooCostly { problem: "its constants" }),
                // Too large to keep, or an error that `||` may yet absorb.
                Ok(None) | Err(_) => {}
            }
        }
        Ok(Built { node, reads, free })
    }

    pub(super) fn take(&mut self, expression: &IdedExpr, depends: &mut Depends) -> Result<Node, ExprFault> {
        let built = self.node(expression)?;
        depends.add(&built);
        Ok(built.node)
    }

    fn nodes(&mut self, expressions: &[IdedExpr]) -> Result<(Vec<Node>, Depends), ExprFault> {
        let mut depends = Depends::default();
        let nodes = expressions.iter().map(|expression| self.take(expression, &mut depends));
        Ok((nodes.collect::<Result<_, _>>()?, depends))
    }

    fn variable(&self, name: &str) -> Result<Built, ExprFault> {
        if let Some(level) = self.scopes.iter().rposition(|scope| scope == name) {
            let level = u8::try_from(level).unwrap_or(u8::MAX);
            return Ok(Built { node: Node::Variable(level), reads: false, free: 1 << level });
        }
        match name.strip_prefix('.').unwrap_or(name) {
            "assertion" => Ok(Built { node: Node::Assertion, reads: true, free: 0 }),
            name => match Kind::named(name) {
                Some(kind) => Ok(constant(Value::Type(kind))),
                None => Err(ExprFault::UnknownVariable { name: name.into() }),
            },
        }
    }

    fn select(&mut self, select: &SelectExpr) -> Result<Built, ExprFault> {
        let mut depends = Depends::default();
        let member = Member { of: self.take(&select.operand, &mut depends)?, name: select.field.as_str().into() };
        let node = if select.test { Node::Has(Box::new(member)) } else { Node::Select(Box::new(member)) };
        self.finish(node, depends)
    }

    fn map(&mut self, map: &MapExpr) -> Result<Built, ExprFault> {
        let mut depends = Depends::default();
        let mut entries = Vec::with_capacity(map.entries.len());
        for entry in &map.entries {
            match &entry.expr {
                EntryExpr::MapEntry(entry) if !entry.optional => {
                    entries.push([self.take(&entry.key, &mut depends)?, self.take(&entry.value, &mut depends)?]);
                }
                _ => return Err(unsupported("an optional map entry")),
            }
        }
        self.finish(Node::Map(entries.into()), depends)
    }

    fn call(&mut self, call: &CallExpr) -> Result<Built, ExprFault> {
        let name = call.func_name.as_str();
        let mut depends = Depends::default();
        match (name, call.args.as_slice()) {
            (operators::LOGICAL_AND, _) => self.logic(call, false),
            (operators::LOGICAL_OR, _) => self.logic(call, true),
            (operators::CONDITIONAL, [condition, then, otherwise]) => self.choose(condition, then, otherwise),
            (operators::LOGICAL_NOT, [operand]) => {
                let node = Node::Not(Box::new(self.take(operand, &mut depends)?));
                self.finish(node, depends)
            }
            (operators::NEGATE, [operand]) => {
                let node = Node::Negate(Box::new(self.take(operand, &mut depends)?));
                self.finish(node, depends)
            }
            (operators::INDEX, [of, key]) => {
                let nodes = [self.take(of, &mut depends)?, self.take(key, &mut depends)?];
                self.finish(Node::Index(Box::new(nodes)), depends)
            }
            (_, [a, b]) if operator(name).is_some() => {
                let operator = operator(name).ok_or(ExprFault::ParserFailed)?;
                let nodes = [self.take(a, &mut depends)?, self.take(b, &mut depends)?];
                self.finish(Node::Binary(operator, Box::new(nodes)), depends)
            }
            _ => self.function(call),
        }
    }

    /// A run of `&&` or `||`. One operand that settles the result makes it constant, whatever the others would say.
    fn logic(&mut self, call: &CallExpr, settled: bool) -> Result<Built, ExprFault> {
        let mut depends = Depends::default();
        let nodes = operands(call).into_iter().map(|operand| self.take(operand, &mut depends));
        let nodes = nodes.collect::<Result<Box<[_]>, _>>()?;
        let settles = |node: &Node| matches!(node, Node::Constant(Value::Bool(truth)) if *truth == settled);
        if self.folding == Folding::On && nodes.iter().any(settles) {
            return Ok(constant(Value::Bool(settled)));
        }
        self.finish(if settled { Node::Or(nodes) } else { Node::And(nodes) }, depends)
    }

    fn choose(&mut self, condition: &IdedExpr, then: &IdedExpr, otherwise: &IdedExpr) -> Result<Built, ExprFault> {
        let condition = self.node(condition)?;
        let (then, otherwise) = (self.node(then)?, self.node(otherwise)?);
        if let Node::Constant(Value::Bool(truth)) = condition.node
            && self.folding == Folding::On
        {
            return Ok(if truth { then } else { otherwise });
        }
        let mut depends = Depends::default();
        for built in [&condition, &then, &otherwise] {
            depends.add(built);
        }
        self.finish(Node::Choose(Box::new([condition.node, then.node, otherwise.node])), depends)
    }

    fn function(&mut self, call: &CallExpr) -> Result<Built, ExprFault> {
        let name = call.func_name.as_str();
        if let Some(target) = &call.target
            && let Expr::Ident(namespace) = &target.expr
            && self.variable(namespace).is_err()
        {
            return Err(unsupported(format!("function `{namespace}.{name}`")));
        }
        match (name, call.target.as_deref(), call.args.as_slice()) {
            ("dyn", None, [value]) => return self.node(value),
            ("matches", None, [subject, pattern]) | ("matches", Some(subject), [pattern]) => {
                return self.matches(subject, pattern);
            }
            ("extract", Some(subject), [template]) => return self.extract(subject, template),
            _ => {}
        }
        let function = match resolve(name, call.target.is_some(), call.args.len()) {
            Resolved::Function(function) => function,
            Resolved::OtherArguments => return Err(other_arguments(name, call)),
            Resolved::Unknown if SPECIAL.contains(&name) => return Err(other_arguments(name, call)),
            Resolved::Unknown => return Err(unsupported(format!("function `{name}`"))),
        };
        let mut depends = Depends::default();
        let arguments = call.target.as_deref().into_iter().chain(&call.args);
        let nodes = arguments.map(|argument| self.take(argument, &mut depends)).collect::<Result<_, _>>()?;
        self.finish(Node::Call(function, nodes), depends)
    }

    fn matches(&mut self, subject: &IdedExpr, pattern: &IdedExpr) -> Result<Built, ExprFault> {
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return Err(ExprFault::TooCostly { problem: "more than 8 patterns" });
        }
        let mut depends = Depends::default();
        let subject = self.take(subject, &mut depends)?;
        let pattern = Pattern::compile(&self.literal("matches", pattern)?)?;
        self.finish(Node::Matches(Box::new((subject, pattern))), depends)
    }

    fn extract(&mut self, subject: &IdedExpr, template: &IdedExpr) -> Result<Built, ExprFault> {
        let mut depends = Depends::default();
        let subject = self.take(subject, &mut depends)?;
        let template = Template::compile(&self.literal("extract", template)?)?;
        self.finish(Node::Extract(Box::new((subject, template))), depends)
    }

    /// The text that `argument` is, whatever the claims are.
    fn literal(&mut self, function: &str, argument: &IdedExpr) -> Result<String, ExprFault> {
        match self.node(argument)?.node {
            Node::Constant(Value::String(text)) => Ok(text.to_string()),
            _ => Err(unsupported(format!("function `{function}` with an argument that is not a literal"))),
        }
    }
}

// === impl Depends ===

impl Depends {
    pub(super) fn add(&mut self, built: &Built) {
        self.reads |= built.reads;
        self.free |= built.free;
    }

    /// Forgets the variable of `level`, which is bound here.
    pub(super) const fn bind(&mut self, level: usize) {
        self.free &= !(1 << level);
    }
}

pub(super) fn unsupported(what: impl Into<Box<str>>) -> ExprFault {
    ExprFault::Unsupported { what: what.into() }
}

fn other_arguments(name: &str, call: &CallExpr) -> ExprFault {
    let receiver = if call.target.is_some() { "on a value " } else { "" };
    unsupported(format!("function `{name}` {receiver}with {} arguments", call.args.len()))
}

const fn constant(value: Value<'static>) -> Built {
    Built { node: Node::Constant(value), reads: false, free: 0 }
}

fn literal_value(literal: &LiteralValue) -> Value<'static> {
    match literal {
        LiteralValue::Boolean(truth) => Value::Bool(*truth.inner()),
        LiteralValue::Bytes(bytes) => Value::Bytes(super::value::Lent::Made(bytes.inner().into())),
        LiteralValue::Double(number) => Value::Double(*number.inner()),
        LiteralValue::Int(number) => Value::Int(*number.inner()),
        LiteralValue::Null => Value::Null,
        LiteralValue::String(text) => Value::text(text.inner()),
        LiteralValue::UInt(number) => Value::UInt(*number.inner()),
    }
}

/// The operands of a run of one logical operator, in the order of the text; the parser has made a tree of it.
fn operands(call: &CallExpr) -> Vec<&IdedExpr> {
    let mut found = Vec::new();
    let mut pending: Vec<&IdedExpr> = call.args.iter().rev().collect();
    while let Some(next) = pending.pop() {
        match &next.expr {
            Expr::Call(inner) if inner.func_name == call.func_name => pending.extend(inner.args.iter().rev()),
            _ => found.push(next),
        }
    }
    found
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Modulo,
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessOrEqual,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterOrEqual,
        operators::IN => Operator::In,
        _ => return None,
    })
}
