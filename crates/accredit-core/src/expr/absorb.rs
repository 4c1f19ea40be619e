//! What may fail inside an `||`. In CEL an error on one side of it is forgotten when the other side is true, so a test
//! that fails for some tokens is no test for them.

use super::functions::Function;
use super::paths::path;
use super::tree::{Node, Operator};

/// What may fail, a name each.
pub(super) fn absorbed(tree: &Node, is_optional: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    find(tree, is_optional, &mut found);
    found.dedup();
    found
}

fn find(node: &Node, is_optional: &dyn Fn(&str) -> bool, found: &mut Vec<String>) {
    if let Node::Or(sides) = node {
        for side in sides {
            let mut asked = Vec::new();
            present(side, &mut asked);
            fragile(side, &|field| is_optional(field) && !asked.iter().any(|asked| asked == field), found);
        }
        return;
    }
    node.children(&mut |child| find(child, is_optional, found));
}

/// The paths that are asked for with `has` somewhere in `node`.
fn present(node: &Node, asked: &mut Vec<String>) {
    let is_asked = match node {
        Node::Has(_) => true,
        Node::Binary(Operator::In, nodes) => matches!(nodes[1], Node::Assertion),
        _ => false,
    };
    if is_asked && let Some(path) = path(node) {
        asked.push(path.text());
    }
    node.children(&mut |child| present(child, asked));
}

fn fragile(node: &Node, is_optional: &dyn Fn(&str) -> bool, found: &mut Vec<String>) {
    match node {
        Node::Has(_) => return,
        Node::Binary(Operator::Divide | Operator::Modulo, _) => found.push("a division".to_owned()),
        Node::Call(function @ (Function::Int | Function::UInt | Function::Double), _) => {
            found.push(format!("`{}()`", format!("{function:?}").to_lowercase()));
        }
        _ => {}
    }
    match path(node) {
        Some(path) => {
            let text = path.text();
            if is_optional(&text) || text.ends_with(']') && !text.ends_with("\"]") {
                found.push(format!("`{text}`"));
            }
        }
        None => node.children(&mut |child| fragile(child, is_optional, found)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::super::Program;

    /// G02: an error beside `||` is forgotten when the other side is true.
    #[test]
    fn what_may_fail_beside_an_or_is_named() {
        for (source, expected) in [
            ("assertion.env == 'prod' || assertion.ref == 'main'", vec!["`env`"]),
            ("has(assertion.env) && assertion.env == 'prod' || assertion.ref == 'main'", vec![]),
            ("assertion.env == 'prod' && assertion.ref == 'main'", vec![]),
            ("assertion.groups[0] == 'x' || assertion.ref == 'main'", vec!["`groups[0]`"]),
            ("int(assertion.run) > 3 || 10 / assertion.n == 5", vec!["`int()`", "a division"]),
            ("assertion.ref == 'a' || assertion.ref == 'b'", vec![]),
        ] {
            let found = Program::compile(source).unwrap().absorbed(&|field| field == "env");
            assert_eq!(found, expected, "{source}");
        }
    }
}
