//! Comprehensions: the parser has expanded the macros into folds, which are recognised here and made macros again. That
//! is what explanations and costs are about, and it leaves no general fold that could build something large.

use cel::IdedExpr;
use cel::common::ast::{ComprehensionExpr, Expr, LiteralValue, operators};

use super::convert::{Built, Converter, Depends, unsupported};
use super::fault::{ExprFault, is_plain_name};
use super::tree::{Loop, LoopKind, Node};

/// The most comprehensions inside one another, where each multiplies the cost of what is in it.
const MAX_LOOPS: usize = 3;

impl Converter {
    pub(super) fn comprehension(&mut self, expanded: &ComprehensionExpr) -> Result<Built, ExprFault> {
        let Some(shape) = shape(expanded) else { return Err(unsupported("this kind of comprehension")) };
        let variable = expanded.iter_var.as_str();
        if variable == "assertion" || !is_plain_name(variable) {
            return Err(unsupported(format!("variable `{variable}` for a comprehension")));
        }
        let level = self.scopes.len();
        if level >= MAX_LOOPS {
            return Err(ExprFault::TooCostly { problem: "more than 3 comprehensions inside one another" });
        }
        let mut depends = Depends::default();
        let over = self.take(&expanded.iter_range, &mut depends)?;
        self.scopes.push(variable.to_owned());
        let body = self.take(shape.body, &mut depends);
        let result = shape.result.map(|result| self.take(result, &mut depends)).transpose();
        self.scopes.pop();
        depends.bind(level);
        let inner = Loop { kind: shape.kind, over, body: body?, result: result? };
        self.finish(Node::Loop(Box::new(inner)), depends)
    }
}

struct Shape<'e> {
    kind: LoopKind,
    body: &'e IdedExpr,
    result: Option<&'e IdedExpr>,
}

/// The macro that `expanded` was.
fn shape(expanded: &ComprehensionExpr) -> Option<Shape<'_>> {
    let Expr::Call(step) = &expanded.loop_step.expr else { return None };
    if expanded.iter_var2.is_some() {
        return None;
    }
    let (kind, body, result) = match (&expanded.accu_init.expr, step.func_name.as_str(), step.args.as_slice()) {
        (Expr::Literal(LiteralValue::Boolean(_)), operators::LOGICAL_AND, [_, body]) => (LoopKind::All, body, None),
        (Expr::Literal(LiteralValue::Boolean(_)), operators::LOGICAL_OR, [_, body]) => (LoopKind::Exists, body, None),
        (Expr::Literal(LiteralValue::Int(_)), operators::CONDITIONAL, [body, _, _]) => {
            (LoopKind::ExistsOne, body, None)
        }
        (Expr::List(_), operators::ADD, [_, added]) => (LoopKind::Map, only_element(added)?, None),
        (Expr::List(_), operators::CONDITIONAL, [body, added, _]) => {
            let Expr::Call(addition) = &added.expr else { return None };
            let element = only_element(addition.args.get(1)?)?;
            match &element.expr {
                Expr::Ident(name) if *name == expanded.iter_var => (LoopKind::Filter, body, None),
                _ => (LoopKind::Map, body, Some(element)),
            }
        }
        _ => return None,
    };
    Some(Shape { kind, body, result })
}

fn only_element(expression: &IdedExpr) -> Option<&IdedExpr> {
    match &expression.expr {
        Expr::List(list) => list.elements.first(),
        _ => None,
    }
}
