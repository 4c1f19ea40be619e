//! One evaluation of a program over one set of claims.
//!
//! Nothing here reads a clock or draws a random number, and nothing waits: the same program and the same claims give
//! the same answer. Recursion is bounded by the tree's depth, which the guard bounds, and work by fuel.

use accredit_id::json::Object;

use super::arithmetic::{calculate, negate};
use super::compare::{entry, equal, is_in, order};
use super::fuel::{Fuel, STEPS};
use super::functions::{self, Function};
use super::outcome::{EvalFault, Outcome};
use super::tree::{Member, Node, Operator};
use super::value::{Lent, List, Map, Value};

/// The state of one evaluation.
pub(super) struct Run<'v> {
    root: Map<'v>,
    pub(super) fuel: Fuel,
    /// The variables of the comprehensions that are running, outermost first.
    pub(super) variables: Vec<Value<'v>>,
}

impl<'v> Run<'v> {
    pub(super) fn over(claims: &'v Object<'v>) -> Self {
        Self { root: Map::Claims(claims), fuel: Fuel::new(STEPS), variables: Vec::new() }
    }

    /// An evaluation of something that reads no claims, `level` comprehensions in, and none of their variables either.
    pub(super) fn without_claims(fuel: Fuel, level: usize) -> Self {
        Self { root: Map::Entries(Lent::From(&[])), fuel, variables: vec![Value::Null; level] }
    }

    /// What `node` says as a condition.
    pub(super) fn outcome(&mut self, node: &'v Node) -> Outcome {
        match self.evaluate(node) {
            Ok(Value::Bool(true)) => Outcome::True,
            Ok(Value::Bool(false)) => Outcome::False,
            Ok(value) => Outcome::Error(EvalFault::NotBoolean { kind: value.kind() }),
            Err(fault) => Outcome::Error(fault),
        }
    }

    /// The value of `node`. It always takes a step, so that nothing but an error follows once the fuel is exhausted.
    pub(super) fn evaluate(&mut self, node: &'v Node) -> Result<Value<'v>, EvalFault> {
        self.fuel.spend(1)?;
        match node {
            Node::Constant(value) => Ok(value.lend()),
            Node::Assertion => Ok(Value::Map(self.root.clone())),
            Node::Variable(level) => {
                let variable = self.variables.get(usize::from(*level)).cloned();
                variable.ok_or_else(|| EvalFault::NoSuchKey { key: "variable".into() })
            }
            Node::Select(member) => self.select(member),
            Node::Has(member) => self.has(member),
            Node::Index(nodes) => self.index(nodes),
            Node::Not(node) => self.truth(node, "!").map(|truth| Value::Bool(!truth)),
            Node::Negate(node) => negate(&self.evaluate(node)?),
            Node::And(nodes) => self.settle(nodes, "&&", false),
            Node::Or(nodes) => self.settle(nodes, "||", true),
            Node::Binary(operator, nodes) => self.binary(*operator, nodes),
            Node::Choose(nodes) => {
                let [condition, then, otherwise] = &**nodes;
                let chosen = if self.truth(condition, "?:")? { then } else { otherwise };
                self.evaluate(chosen)
            }
            Node::List(nodes) => self.list(nodes),
            Node::Map(entries) => self.map(entries),
            Node::Call(function, arguments) => self.call(*function, arguments),
            Node::Matches(matches) => {
                let subject = self.evaluate(&matches.0)?;
                matches.1.is_match(&mut self.fuel, &subject).map(Value::Bool)
            }
            Node::Extract(extract) => {
                let subject = self.evaluate(&extract.0)?;
                extract.1.extract(&mut self.fuel, &subject)
            }
            Node::Loop(inner) => self.run_loop(inner),
        }
    }

    /// The truth value of `node` for `operation`.
    pub(super) fn truth(&mut self, node: &'v Node, operation: &'static str) -> Result<bool, EvalFault> {
        match self.evaluate(node)? {
            Value::Bool(truth) => Ok(truth),
            other => Err(EvalFault::NoSuchOverload { operation, first: other.kind(), second: None }),
        }
    }

    /// `&&` and `||`: one operand that is `settled` settles the result, whatever errors the others are; else the first
    /// error is the result (cel-spec, "Logical Operators").
    fn settle(&mut self, nodes: &'v [Node], operation: &'static str, settled: bool) -> Result<Value<'v>, EvalFault> {
        let mut first = None;
        for node in nodes {
            match self.truth(node, operation) {
                Ok(truth) if truth == settled => return Ok(Value::Bool(settled)),
                Ok(_) => {}
                Err(fault) => {
                    first.get_or_insert(fault);
                }
            }
        }
        first.map_or(Ok(Value::Bool(!settled)), Err)
    }

    /// The value of `node`, mostly `assertion`, before one of its members is taken.
    #[inline]
    fn receiver(&mut self, node: &'v Node) -> Result<Value<'v>, EvalFault> {
        match node {
            Node::Assertion => Ok(Value::Map(self.root.clone())),
            node => self.evaluate(node),
        }
    }

    fn select(&mut self, member: &'v Member) -> Result<Value<'v>, EvalFault> {
        match self.receiver(&member.of)? {
            Value::Map(map) => {
                map.member(&member.name).ok_or_else(|| EvalFault::NoSuchKey { key: member.name.clone() })
            }
            other => Err(EvalFault::NoSuchOverload { operation: "select", first: other.kind(), second: None }),
        }
    }

    fn has(&mut self, member: &'v Member) -> Result<Value<'v>, EvalFault> {
        match self.receiver(&member.of)? {
            Value::Map(map) => Ok(Value::Bool(map.member(&member.name).is_some())),
            other => Err(EvalFault::NoSuchOverload { operation: "has", first: other.kind(), second: None }),
        }
    }

    fn index(&mut self, nodes: &'v [Node; 2]) -> Result<Value<'v>, EvalFault> {
        let [of, key] = nodes;
        let (of, key) = (self.evaluate(of)?, self.evaluate(key)?);
        match (&of, &key) {
            (Value::Map(map), _) => {
                entry(&mut self.fuel, "[]", map, &key)?.ok_or_else(|| EvalFault::NoSuchKey { key: key.shown() })
            }
            (Value::List(list), _) => item(list, &key),
            _ => Err(EvalFault::NoSuchOverload { operation: "[]", first: of.kind(), second: Some(key.kind()) }),
        }
    }

    fn binary(&mut self, operator: Operator, nodes: &'v [Node; 2]) -> Result<Value<'v>, EvalFault> {
        let [a, b] = nodes;
        let (a, b) = (self.evaluate(a)?, self.evaluate(b)?);
        let fuel = &mut self.fuel;
        let truth = match operator {
            Operator::Equal => equal(fuel, &a, &b)?,
            Operator::NotEqual => !equal(fuel, &a, &b)?,
            Operator::Less => order(fuel, operator, &a, &b)?.is_some_and(std::cmp::Ordering::is_lt),
            Operator::LessOrEqual => order(fuel, operator, &a, &b)?.is_some_and(std::cmp::Ordering::is_le),
            Operator::Greater => order(fuel, operator, &a, &b)?.is_some_and(std::cmp::Ordering::is_gt),
            Operator::GreaterOrEqual => order(fuel, operator, &a, &b)?.is_some_and(std::cmp::Ordering::is_ge),
            Operator::In => is_in(fuel, &a, &b)?,
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Modulo => {
                return calculate(fuel, operator, &a, &b);
            }
        };
        Ok(Value::Bool(truth))
    }

    fn list(&mut self, nodes: &'v [Node]) -> Result<Value<'v>, EvalFault> {
        let items = nodes.iter().map(|node| self.evaluate(node)).collect::<Result<Vec<_>, _>>()?;
        Ok(Value::list(items))
    }

    fn map(&mut self, nodes: &'v [[Node; 2]]) -> Result<Value<'v>, EvalFault> {
        let mut entries: Vec<(Value<'v>, Value<'v>)> = Vec::with_capacity(nodes.len());
        for [key, value] in nodes {
            let key = self.evaluate(key)?;
            if !matches!(key, Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::String(_)) {
                return Err(EvalFault::NoSuchOverload { operation: "{}", first: key.kind(), second: None });
            }
            self.fuel.spend(1 + entries.len() / 4)?;
            for (earlier, _) in &entries {
                if equal(&mut self.fuel, earlier, &key)? {
                    return Err(EvalFault::DuplicateKey);
                }
            }
            let value = self.evaluate(value)?;
            entries.push((key, value));
        }
        Ok(Value::Map(Map::Entries(Lent::Made(entries.into()))))
    }

    fn call(&mut self, function: Function, arguments: &'v [Node]) -> Result<Value<'v>, EvalFault> {
        let mut values = [Value::Null, Value::Null, Value::Null, Value::Null];
        for (value, argument) in values.iter_mut().zip(arguments) {
            *value = self.evaluate(argument)?;
        }
        functions::apply(&mut self.fuel, function, values.get(..arguments.len()).unwrap_or(&values))
    }
}

/// The element of `list` at `key`; a double is an index when it is a whole number.
fn item<'v>(list: &List<'v>, key: &Value<'v>) -> Result<Value<'v>, EvalFault> {
    let index = match key {
        Value::Int(index) => *index,
        Value::UInt(index) => i64::try_from(*index).unwrap_or(i64::MAX),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
        Value::Double(index) if index.fract() == 0.0 && index.abs() < 1e15 => *index as i64,
        _ => {
            return Err(EvalFault::NoSuchOverload {
                operation: "[]",
                first: super::Kind::List,
                second: Some(key.kind()),
            });
        }
    };
    usize::try_from(index)
        .ok()
        .and_then(|index| list.at(index))
        .ok_or(EvalFault::IndexOutOfRange { index, length: list.len() })
}
