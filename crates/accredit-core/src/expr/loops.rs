//! The comprehensions: `all`, `exists`, `exists_one`, `filter`, `map` (cel-spec, "Macros").

use super::evaluate::Run;
use super::fuel::check_list;
use super::outcome::EvalFault;
use super::tree::{Loop, LoopKind, Node};
use super::value::{List, Value};

impl<'v> Run<'v> {
    /// Runs a comprehension over the elements of a list or the keys of a map.
    pub(super) fn run_loop(&mut self, inner: &'v Loop) -> Result<Value<'v>, EvalFault> {
        let operation = inner.kind.as_str();
        let items = match self.evaluate(&inner.over)? {
            Value::List(list) => list,
            Value::Map(map) => {
                self.fuel.spend(1 + map.len())?;
                map.keys()
            }
            other => return Err(EvalFault::NoSuchOverload { operation, first: other.kind(), second: None }),
        };
        match inner.kind {
            LoopKind::All => self.quantify(&items, &inner.body, operation, false),
            LoopKind::Exists => self.quantify(&items, &inner.body, operation, true),
            LoopKind::ExistsOne => self.exactly_one(&items, &inner.body, operation),
            LoopKind::Filter | LoopKind::Map => self.gather(&items, inner, operation),
        }
    }

    /// Like a chain of `&&` (`settled` false) or `||` (`settled` true), errors absorbed in the same way.
    fn quantify(
        &mut self,
        items: &List<'v>,
        predicate: &'v Node,
        operation: &'static str,
        settled: bool,
    ) -> Result<Value<'v>, EvalFault> {
        let mut first = None;
        for index in 0..items.len() {
            match self.with_item(items, index, |run| run.truth(predicate, operation)) {
                Ok(truth) if truth == settled => return Ok(Value::Bool(settled)),
                Ok(_) => {}
                Err(fault) => {
                    first.get_or_insert(fault);
                }
            }
        }
        first.map_or(Ok(Value::Bool(!settled)), Err)
    }

    fn exactly_one(
        &mut self,
        items: &List<'v>,
        predicate: &'v Node,
        operation: &'static str,
    ) -> Result<Value<'v>, EvalFault> {
        let mut count = 0_usize;
        for index in 0..items.len() {
            count += usize::from(self.with_item(items, index, |run| run.truth(predicate, operation))?);
        }
        Ok(Value::Bool(count == 1))
    }

    fn gather(&mut self, items: &List<'v>, inner: &'v Loop, operation: &'static str) -> Result<Value<'v>, EvalFault> {
        let mut results = Vec::new();
        for index in 0..items.len() {
            let result = self.with_item(items, index, |run| match (inner.kind, &inner.result) {
                (LoopKind::Map, None) => run.evaluate(&inner.body).map(Some),
                (_, result) if run.truth(&inner.body, operation)? => match result {
                    Some(result) => run.evaluate(result).map(Some),
                    None => Ok(items.at(index)),
                },
                _ => Ok(None),
            })?;
            results.extend(result);
            check_list(operation, results.len())?;
        }
        Ok(Value::list(results))
    }

    fn with_item<T>(
        &mut self,
        items: &List<'v>,
        index: usize,
        work: impl FnOnce(&mut Self) -> Result<T, EvalFault>,
    ) -> Result<T, EvalFault> {
        self.variables.extend(items.at(index));
        let result = work(self);
        self.variables.pop();
        result
    }
}

impl LoopKind {
    /// The macro's name.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Exists => "exists",
            Self::ExistsOne => "exists_one",
            Self::Filter => "filter",
            Self::Map => "map",
        }
    }
}
