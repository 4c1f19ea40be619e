//! The ways in which a condition can be true: its disjunctive normal form, as far as that stays small.

use super::demand::{Demand, Test, of_leaf};
use super::paths::path;
use super::tree::{Node, Operator};
use super::value::{List, Value};

/// More ways than these are not looked at.
const MAX_BRANCHES: usize = 64;

/// One way in which a condition can be true.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Branch {
    /// What it asks; all of it must hold.
    pub demands: Vec<Demand>,
}

/// The ways in which `tree` can be true.
pub(super) fn branches(tree: &Node) -> Option<Vec<Branch>> {
    ways(tree, false)
}

/// Whether one of the ways asks nothing, or two ask the opposite of each other and nothing else.
pub(super) fn is_always(branches: &[Branch]) -> bool {
    let alone = |branch: &Branch| match branch.demands.as_slice() {
        [demand] => Some(demand.clone()),
        _ => None,
    };
    let singles: Vec<Demand> = branches.iter().filter_map(alone).collect();
    branches.iter().any(|branch| branch.demands.is_empty())
        || singles.iter().any(|one| singles.iter().any(|two| complete(one, two)))
}

/// Whether everything that the claim can be satisfies one of the two.
fn complete(one: &Demand, two: &Demand) -> bool {
    if one.field != two.field || matches!(one.test, Test::Other) {
        return false;
    }
    match (&one.test, &two.test) {
        (Test::Equals(a), Test::Equals(b)) if one.negated && two.negated => a.iter().all(|value| !b.contains(value)),
        (Test::Equals(a), Test::Equals(b)) if one.negated != two.negated => {
            let (wanted, unwanted) = if one.negated { (b, a) } else { (a, b) };
            unwanted.iter().all(|value| wanted.contains(value))
        }
        (a, b) => a == b && one.negated != two.negated,
    }
}

fn ways(node: &Node, negated: bool) -> Option<Vec<Branch>> {
    match node {
        Node::Not(inner) => ways(inner, !negated),
        Node::And(nodes) if !negated => all(nodes, negated),
        Node::Or(nodes) if negated => all(nodes, negated),
        Node::And(nodes) | Node::Or(nodes) => any(nodes.iter().map(|node| ways(node, negated))),
        Node::Choose(nodes) => {
            let [condition, then, otherwise] = &**nodes;
            any([
                product(ways(condition, false)?, &ways(then, negated)?),
                product(ways(condition, true)?, &ways(otherwise, negated)?),
            ]
            .into_iter())
        }
        leaf => Some(match known(leaf) {
            Some(truth) if truth != negated => vec![Branch::default()],
            Some(_) => Vec::new(),
            None => vec![Branch { demands: of_leaf(leaf, negated) }],
        }),
    }
}

fn any(mut parts: impl Iterator<Item = Option<Vec<Branch>>>) -> Option<Vec<Branch>> {
    parts.try_fold(Vec::new(), |mut found, part| {
        found.extend(part?);
        (found.len() <= MAX_BRANCHES).then_some(found)
    })
}

fn all(nodes: &[Node], negated: bool) -> Option<Vec<Branch>> {
    nodes.iter().try_fold(vec![Branch::default()], |found, node| product(found, &ways(node, negated)?))
}

fn product(left: Vec<Branch>, right: &[Branch]) -> Option<Vec<Branch>> {
    if left.len().saturating_mul(right.len()) > MAX_BRANCHES {
        return None;
    }
    let both = |one: &Branch, two: &Branch| Branch { demands: [&one.demands[..], &two.demands[..]].concat() };
    Some(left.iter().flat_map(|one| right.iter().map(move |two| both(one, two))).collect())
}

/// What a node is whatever the claims say, as long as they are there.
fn known(node: &Node) -> Option<bool> {
    use super::functions::Function::{Contains, EndsWith, StartsWith};
    match node {
        Node::Constant(Value::Bool(truth)) => Some(*truth),
        Node::Binary(operator, nodes) => {
            let [left, right] = &**nodes;
            let same = path(left).is_some_and(|one| path(right).as_ref() == Some(&one));
            match operator {
                Operator::Equal | Operator::LessOrEqual | Operator::GreaterOrEqual if same => Some(true),
                Operator::NotEqual | Operator::Less | Operator::Greater if same => Some(false),
                Operator::In if matches!(right, Node::List(items) if items.is_empty()) => Some(false),
                Operator::In => match right {
                    Node::Constant(Value::List(List::Values(values))) if values.is_empty() => Some(false),
                    _ => None,
                },
                _ => None,
            }
        }
        Node::Call(StartsWith | EndsWith | Contains, arguments) => match &arguments[..] {
            [_, Node::Constant(Value::String(part))] if part.is_empty() => Some(true),
            _ => None,
        },
        Node::Matches(matches) => matches!(matches.1.source(), "" | ".*" | "^.*" | ".*$" | "^.*$").then_some(true),
        _ => None,
    }
}

// === impl Branch ===

impl Branch {
    /// Whether what it asks, together with `also`, contradicts itself, so that no claims satisfy it.
    #[must_use]
    pub fn is_dead(&self, also: &[Demand]) -> bool {
        let demands: Vec<&Demand> = self.demands.iter().chain(also).collect();
        demands.iter().enumerate().any(|(place, one)| demands[place + 1..].iter().any(|two| contradict(one, two)))
    }
}

/// Whether no value of the claim satisfies both.
fn contradict(one: &Demand, two: &Demand) -> bool {
    if one.field != two.field || matches!(one.test, Test::Other) || matches!(two.test, Test::Other) {
        return false;
    }
    if one.test == two.test {
        return one.negated != two.negated;
    }
    let fits = |text: &str, demand: &Demand| match &demand.test {
        Test::Equals(values) => Some(values.iter().any(|value| value == text)),
        Test::StartsWith(part) => Some(text.starts_with(part.as_str())),
        Test::EndsWith(part) => Some(text.ends_with(part.as_str())),
        Test::Contains(part) => Some(text.contains(part.as_str())),
        Test::Matches(_) | Test::Extracts(_) | Test::Holds(_) | Test::Present | Test::Other => None,
    };
    let none_fits = |values: &[String], other: &Demand| {
        values.iter().all(|value| fits(value, other).is_some_and(|fits| fits == other.negated))
    };
    match (&one.test, one.negated, &two.test, two.negated) {
        // A claim that is not there satisfies nothing else.
        (Test::Present, true, _, _) | (_, _, Test::Present, true) => true,
        (Test::Equals(values), false, _, _) => none_fits(values, two),
        (_, _, Test::Equals(values), false) => none_fits(values, one),
        (Test::StartsWith(a), false, Test::StartsWith(b), false) => {
            !a.starts_with(b.as_str()) && !b.starts_with(a.as_str())
        }
        _ => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::super::Program;

    /// What of it is dead, out of how many ways; whether it is always true.
    fn shape(source: &str) -> (usize, usize, bool) {
        let program = Program::compile(source).unwrap();
        let branches = program.branches().unwrap();
        let dead = branches.iter().filter(|branch| branch.is_dead(&[])).count();
        (dead, branches.len(), program.is_always())
    }

    /// G01: what is never true, and what is always true, shows in the text.
    #[test]
    fn ways_are_found_and_judged() {
        for (source, expected) in [
            ("assertion.a == 'x'", (0, 1, false)),
            ("assertion.a == 'x' && (assertion.b == 'y' || assertion.c == 'z')", (0, 2, false)),
            ("!(assertion.a == 'x' && assertion.b == 'y')", (0, 2, false)),
            ("assertion.a == 'x' && assertion.a == 'y'", (1, 1, false)),
            ("assertion.a == 'x' && assertion.a != 'x'", (1, 1, false)),
            ("assertion.a in ['x', 'y'] && assertion.a == 'y'", (0, 1, false)),
            ("assertion.a == 'x' && assertion.a.startsWith('y')", (1, 1, false)),
            ("assertion.a.startsWith('x/') && assertion.a.startsWith('y/')", (1, 1, false)),
            ("assertion.a.startsWith('x/') && assertion.a.startsWith('x/y')", (0, 1, false)),
            ("!has(assertion.a) && assertion.a == 'x'", (1, 1, false)),
            ("(assertion.a == 'x' || assertion.a == 'y') && assertion.a == 'y'", (1, 2, false)),
            ("assertion.a == 'x' || assertion.a != 'x'", (0, 2, true)),
            ("assertion.a != 'x' || assertion.a != 'y'", (0, 2, true)),
            ("assertion.a != 'x' && assertion.a != 'y'", (0, 1, false)),
            ("has(assertion.a) || !has(assertion.a)", (0, 2, true)),
            ("assertion.a == assertion.a", (0, 1, true)),
            ("assertion.a.startsWith('')", (0, 1, true)),
            ("assertion.a.matches('.*') && assertion.b == 'y'", (0, 1, false)),
            ("assertion.a != assertion.a", (0, 0, false)),
            ("assertion.a ? assertion.b == 'x' : assertion.c == 'y'", (0, 2, false)),
            ("assertion.a > 3 && assertion.a < 2", (0, 1, false)),
            ("assertion.l == ['a', 'b'] && assertion.l != ['b', 'a']", (0, 1, false)),
            ("assertion.a == 1 && assertion.a == 1.0 && assertion.a == 1u", (0, 1, false)),
            ("assertion.a != 1 || assertion.a != 1.0", (0, 2, false)),
        ] {
            assert_eq!(shape(source), expected, "{source}");
        }
    }

    #[test]
    fn a_condition_of_too_many_ways_is_left_alone() {
        let part = "(assertion.a == 'x' || assertion.b == 'y' || assertion.c == 'z')";
        let source = [part; 4].join(" && ");
        assert!(Program::compile(&source).unwrap().branches().is_none());
    }
}
