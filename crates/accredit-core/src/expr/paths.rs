//! Which claims a program reads, as far as its text says.

use std::fmt::Write as _;

use accredit_id::json::{Json, Object};

use super::fault::is_plain_name;
use super::tree::{Node, Operator};
use super::value::Value;

/// A way from `assertion` to a claim. The empty path is all of the claims: they are counted, searched or indexed by
/// something computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path<'t>(Vec<Step<'t>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step<'t> {
    Name(&'t str),
    Index(i64),
}

/// The path of a claim at the top, as [`Path::text`] writes it.
pub(super) fn top(name: &str) -> String {
    Path(vec![Step::Name(name)]).text()
}

/// The longest paths that `node` reads, in the order of the text, each once.
pub(super) fn paths(node: &Node) -> Vec<Path<'_>> {
    let mut found = Vec::new();
    collect(node, &mut found);
    found
}

fn collect<'t>(node: &'t Node, found: &mut Vec<Path<'t>>) {
    match path(node) {
        Some(path) if found.contains(&path) => {}
        Some(path) => found.push(path),
        None => node.children(&mut |child| collect(child, found)),
    }
}

/// The top-level claims that `paths` begin with, sorted, each once; `*` for a path that is all of the claims.
pub(super) fn roots(paths: &[Path<'_>]) -> Vec<String> {
    let mut roots: Vec<String> = paths.iter().map(|path| path.root().unwrap_or("*").to_owned()).collect();
    roots.sort_unstable();
    roots.dedup();
    roots
}

/// The path that `node` is, when it is one and nothing else.
pub(super) fn path(node: &Node) -> Option<Path<'_>> {
    match node {
        Node::Assertion => Some(Path(Vec::new())),
        Node::Select(member) | Node::Has(member) => Some(path(&member.of)?.then(Step::Name(&member.name))),
        Node::Index(nodes) => {
            let [of, key] = &**nodes;
            let step = match key {
                Node::Constant(Value::String(name)) => Step::Name(name),
                Node::Constant(Value::Int(index)) => Step::Index(*index),
                _ => return None,
            };
            Some(path(of)?.then(step))
        }
        // A key of `assertion` itself: of a claim it could be an element of a list.
        Node::Binary(Operator::In, nodes) => match &**nodes {
            [Node::Constant(Value::String(name)), Node::Assertion] => Some(Path(vec![Step::Name(name)])),
            _ => None,
        },
        _ => None,
    }
}

// === impl Path ===

impl<'t> Path<'t> {
    fn then(mut self, step: Step<'t>) -> Self {
        self.0.push(step);
        self
    }

    /// The top-level claim that it begins with; `None` when it is all of them, or is none that they could have.
    fn root(&self) -> Option<&'t str> {
        match self.0.first()? {
            Step::Name(name) => Some(name),
            Step::Index(_) => None,
        }
    }

    /// The claim at this path, when there is one.
    pub(super) fn find<'c>(&self, claims: &'c Object<'c>) -> Option<&'c Json<'c>> {
        let (first, rest) = self.0.split_first()?;
        let Step::Name(name) = first else { return None };
        rest.iter().try_fold(claims.get(name)?, |claim, step| match (claim, step) {
            (Json::Object(object), Step::Name(name)) => object.get(name),
            (Json::Array(items), Step::Index(index)) => items.get(usize::try_from(*index).ok()?),
            _ => None,
        })
    }

    /// The path as text under `assertion`: `ref`, `["kubernetes.io"].namespace`, `groups[0]`; `*` for all claims.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for step in &self.0 {
            let _ = match step {
                Step::Name(name) if is_plain_name(name) && text.is_empty() => write!(text, "{name}"),
                Step::Name(name) if is_plain_name(name) => write!(text, ".{name}"),
                // Escapes whatever does not print.
                Step::Name(name) => write!(text, "[{name:?}]"),
                Step::Index(index) => write!(text, "[{index}]"),
            };
        }
        if text.is_empty() { "*".to_owned() } else { text }
    }
}
