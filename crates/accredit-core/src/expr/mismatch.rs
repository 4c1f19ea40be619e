//! Types that cannot meet: a comparison that can only come out one way, an operation that always fails.

use super::demand;
use super::outcome::Kind;
use super::paths::path;
use super::tree::{Node, Operator};
use super::value::{List, Value};

/// A sentence for each.
pub(super) fn mismatches(tree: &Node, kind_of: &dyn Fn(&str) -> Option<Kind>) -> Vec<String> {
    let mut found = Vec::new();
    read(tree, kind_of, &mut found);
    found
}

fn read(node: &Node, kind_of: &dyn Fn(&str) -> Option<Kind>, found: &mut Vec<String>) {
    if let Node::Binary(operator, nodes) = node {
        let [left, right] = &**nodes;
        found.extend(binary(*operator, left, right, kind_of));
    }
    node.children(&mut |child| read(child, kind_of, found));
}

fn binary(operator: Operator, left: &Node, right: &Node, kind_of: &dyn Fn(&str) -> Option<Kind>) -> Option<String> {
    let name = |node: &Node| path(node).map(|path| format!("`{}`", path.text()));
    if operator == Operator::In {
        let Node::Constant(Value::List(List::Values(values))) = right else { return None };
        let seen = kind(left, kind_of)?;
        let other = values.iter().map(Value::kind).find(|other| !meet(seen, *other))?;
        let all = values.iter().all(|value| !meet(seen, value.kind()));
        return all
            .then(|| format!("{} is a {seen}, which is never in a list of {other}", name(left).unwrap_or_default()));
    }
    let (one, two) = (kind(left, kind_of)?, kind(right, kind_of)?);
    if meet(one, two) {
        return None;
    }
    let (claim, seen, other) = match name(left) {
        Some(claim) => (claim, one, two),
        None => (name(right).unwrap_or_else(|| "value".to_owned()), two, one),
    };
    Some(match operator {
        Operator::Equal => format!("{claim} is a {seen}, which never equals a value of type {other}"),
        Operator::NotEqual => format!("{claim} is a {seen}, which differs from any value of type {other}"),
        other_operator => {
            format!("{claim} is a {seen}, and `{}` with type {other} always fails", other_operator.as_str())
        }
    })
}

/// Whether values of both types can be compared: the same type, or both numbers.
fn meet(one: Kind, two: Kind) -> bool {
    let is_number = |kind: Kind| matches!(kind, Kind::Int | Kind::UInt | Kind::Double);
    one == two || is_number(one) && is_number(two)
}

fn kind(node: &Node, kind_of: &dyn Fn(&str) -> Option<Kind>) -> Option<Kind> {
    match node {
        // Asking whether a claim is there is no claim.
        Node::Has(_) => Some(Kind::Bool),
        _ => path(node).map_or_else(|| demand::kind(node), |path| kind_of(&path.text())),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::super::{Kind, Program};

    #[test]
    fn what_can_never_meet_is_told() {
        let kind_of = |field: &str| (field == "id").then_some(Kind::String);
        for (source, count) in [
            ("assertion.id == '12'", 0),
            ("assertion.id == 12", 1),
            ("12 != assertion.id", 1),
            ("assertion.id > 5", 1),
            ("assertion.id in [1, 2]", 1),
            ("assertion.id in [1, 'x']", 0),
            ("assertion.id in ['x']", 0),
            ("assertion.other == 12", 0),
            ("int(assertion.id) > 5", 0),
            ("assertion.x == 'y' || assertion.id == true", 1),
            ("has(assertion.id) == true", 0),
            ("size(assertion.id) == 'x'", 1),
        ] {
            let found = Program::compile(source).unwrap().mismatches(&kind_of);
            assert_eq!(found.len(), count, "{source}: {found:?}");
        }
    }
}
