//! `extract`, as Google's conditions have it: `"repo:acme/app:ref".extract("repo:{name}:")` is `acme/app`.

use accredit_id::shown::Shown;

use super::fault::ExprFault;
use super::fuel::Fuel;
use super::outcome::EvalFault;
use super::value::Value;

/// A template with exactly one `{name}`.
#[derive(Debug)]
pub(super) struct Template {
    prefix: Box<str>,
    suffix: Box<str>,
}

impl Template {
    /// Reads `text`; the name between the braces has no meaning.
    pub(super) fn compile(text: &str) -> Result<Self, ExprFault> {
        let fault = |problem: &str| ExprFault::BadPattern {
            function: "extract",
            text: Shown::of(text).as_str().into(),
            problem: problem.into(),
        };
        let (prefix, rest) = text.split_once('{').ok_or_else(|| fault("it has no `{name}`"))?;
        let (name, suffix) = rest.split_once('}').ok_or_else(|| fault("its `{` is not closed"))?;
        if name.is_empty() || !super::fault::is_plain_name(name) {
            return Err(fault("the name between its braces is not a name"));
        }
        if prefix.contains('}') || suffix.contains(['{', '}']) {
            return Err(fault("it has more than one `{name}`"));
        }
        Ok(Self { prefix: prefix.into(), suffix: suffix.into() })
    }

    /// The part of `subject` between the first prefix and the first suffix after it, to the end when the template has
    /// no suffix, and the empty text when one of them is not there.
    pub(super) fn extract<'v>(&self, fuel: &mut Fuel, subject: &Value<'v>) -> Result<Value<'v>, EvalFault> {
        let Value::String(text) = subject else {
            return Err(EvalFault::NoSuchOverload { operation: "extract", first: subject.kind(), second: None });
        };
        fuel.spend_bytes(text.len())?;
        let part = text.find(&*self.prefix).and_then(|at| {
            let start = at + self.prefix.len();
            let rest = text.get(start..)?;
            let length = if self.suffix.is_empty() { rest.len() } else { rest.find(&*self.suffix)? };
            Some((start, start + length))
        });
        let (start, end) = part.unwrap_or((0, 0));
        Ok(Value::String(text.part(start, end)))
    }

    /// The template as it was written, but for the name.
    pub(super) fn shown(&self) -> String {
        format!("{}{{}}{}", self.prefix, self.suffix)
    }
}
