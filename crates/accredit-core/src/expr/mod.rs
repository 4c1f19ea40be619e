//! The expression language of conditions and derived attributes: a bounded part of CEL.
//!
//! One variable, `assertion`, holds the claims. The text goes through guards, then the `cel` crate's parser, and
//! becomes a tree of our own that is all that is kept; our evaluator runs it on a budget. It is lent the claims and
//! converts none.
//!
//! | file | holds |
//! |---|---|
//! | `scan`, `guard` | what is refused before the parser sees it, and the stack that it runs on |
//! | `convert`, `comprehension`, `tree` | from the parser's tree to ours; refusals by name |
//! | `evaluate`, `loops`, `compare`, `arithmetic`, `functions`, `pattern`, `template` | the meaning, after cel-spec |
//! | `fuel`, `value` | the budget, the values |
//! | `clauses`, `paths`, `explain`, `demand` | what a program says about itself |
//! | `branches`, `mismatch`, `absorb` | what a linter makes of it before any token comes |
//! | `fault`, `outcome` | why not, when written and when run |
//!
//! Law: an error is never a match. Nothing here reads a clock, draws a random number or waits; only the parser gets a
//! thread, for the sake of its stack.

mod absorb;
mod arithmetic;
mod branches;
mod clauses;
mod compare;
mod comprehension;
mod convert;
mod demand;
mod evaluate;
mod explain;
mod fault;
mod fuel;
mod functions;
mod guard;
mod loops;
mod mismatch;
mod outcome;
mod paths;
mod pattern;
mod scan;
mod template;
mod tree;
mod value;
#[cfg(test)]
mod vectors;

use std::fmt;

use accredit_id::json::Object;

pub use branches::Branch;
pub use demand::{Demand, Test};
pub use explain::ClauseOutcome;
pub use fault::{ExprFault, Place};
pub use outcome::{EvalFault, Kind, Outcome};

use convert::{Folding, convert};
use evaluate::Run;
use tree::Node;
use value::Value;

/// The longest text of a derived attribute, in bytes. Longer ones are refused, never cut.
pub const MAX_ATTRIBUTE_BYTES: usize = 1024;

/// The path of a top-level claim, as [`Demand::field`] and [`Program::fields`] write it.
#[must_use]
pub fn claim_path(name: &str) -> String {
    paths::top(name)
}

/// A compiled expression over the claims: a condition, or the value of a derived attribute.
///
/// Compiling costs tens of microseconds, most of it for a thread with a stack that fits the parser, so a program is
/// kept and shared; running one costs about one microsecond and at most 10,000 steps. A program is immutable and gives
/// the same answer for the same claims.
///
/// ```
/// use accredit_core::expr::{Outcome, Program};
/// use accredit_id::json::{Limits, object};
///
/// let program = Program::compile("assertion.owner_id == '42' && assertion.ref.startsWith('refs/heads/')").unwrap();
/// let claims = object(br#"{"owner_id": "42", "ref": "refs/heads/main"}"#, &Limits::TOKEN).unwrap();
/// assert_eq!(program.condition(&claims), Outcome::True);
/// assert_eq!(program.fields(), ["owner_id", "ref"]);
/// ```
pub struct Program {
    source: Box<str>,
    tree: Node,
    // INVARIANT: as many ranges as `tree` has operands of `&&` at its top, or one.
    clauses: Box<[(u16, u16)]>,
}

// === impl Program ===

impl Program {
    /// Compiles `source`, which may come from anybody who may write a mapping.
    ///
    /// # Errors
    ///
    /// Whatever is not in the supported part of CEL, is too long, deep or costly, or does not depend on any claim.
    pub fn compile(source: &str) -> Result<Self, ExprFault> {
        Self::compile_with(source, Folding::On)
    }

    fn compile_with(source: &str, folding: Folding) -> Result<Self, ExprFault> {
        guard::check_length(source)?;
        let tokens = scan::tokens(source)?;
        guard::check_shape(source, &tokens)?;
        let converted = guard::parse(source, |expression| convert(expression, folding))?;
        if !converted.reads {
            return Err(ExprFault::ConstantCondition);
        }
        let mut clauses = clauses::clauses(&tokens);
        if clauses.len() != converted.conjuncts {
            // `!!(a && b)` is two operands to the parser and one to the eye.
            clauses = vec![(0, u16::try_from(source.len()).unwrap_or(u16::MAX))];
        }
        Ok(Self { source: source.into(), tree: converted.tree, clauses: clauses.into() })
    }

    /// The text that was compiled.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How many operands the outermost `&&` has; one without it.
    #[must_use]
    pub fn clauses(&self) -> usize {
        self.clauses.len()
    }

    /// The claims that the program reads, as paths under `assertion`, sorted, each once: `ref`,
    /// `["kubernetes.io"].namespace`, `groups[0]`. `*` stands for all claims: the program counts or searches them, or
    /// looks one up by a computed name.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let mut fields: Vec<String> = paths::paths(&self.tree).iter().map(paths::Path::text).collect();
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    /// The top-level claims that the program reads, sorted, each once; `*` as in [`Self::fields`].
    #[must_use]
    pub fn claims(&self) -> Vec<String> {
        paths::roots(&paths::paths(&self.tree))
    }

    /// What a condition asks of which claim, for a linter: equality, a prefix, a pattern, and whether nothing matches
    /// without it.
    #[must_use]
    pub fn demands(&self) -> Vec<Demand> {
        demand::demands(&self.tree)
    }

    /// The ways in which the condition can be true, each a list of what it then asks; `None` where they are more than 64.
    /// One that asks nothing is always true. Ways that contradict themselves are among them, see [`Branch::is_dead`];
    /// none at all means that the condition is never true.
    #[must_use]
    pub fn branches(&self) -> Option<Vec<Branch>> {
        branches::branches(&self.tree)
    }

    /// Whether the condition is true of all claims that it reads at all, whatever they say.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.branches().is_some_and(|branches| branches::is_always(&branches))
    }

    /// Comparisons that can only come out one way, and operations that always fail, because of the types: a sentence
    /// each. `kind_of` tells the type of a claim by its path, where it is known.
    #[must_use]
    pub fn mismatches(&self, kind_of: &dyn Fn(&str) -> Option<Kind>) -> Vec<String> {
        mismatch::mismatches(&self.tree, kind_of)
    }

    /// What may fail inside an `||`, whose other side then decides alone; `is_optional` tells whether a token may lack
    /// the claim at a path. A `has` beside it that comes first keeps a claim from failing.
    #[must_use]
    pub fn absorbed(&self, is_optional: &dyn Fn(&str) -> bool) -> Vec<String> {
        absorb::absorbed(&self.tree, is_optional)
    }

    /// The type of every value of this program, when its text alone says so. A condition whose kind is known and is not
    /// [`Kind::Bool`] never matches.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        demand::kind(&self.tree)
    }

    /// Whether the condition holds for the claims `root`. Only [`Outcome::True`] is a match.
    #[must_use]
    pub fn condition(&self, root: &Object<'_>) -> Outcome {
        Run::over(root).outcome(&self.tree)
    }

    /// What each clause says about the claims `root`, also those that [`Self::condition`] did not need. The condition
    /// is false when one clause is false, else it has the first clause's error, else it is true.
    #[must_use]
    pub fn explain(&self, root: &Object<'_>) -> Vec<ClauseOutcome> {
        let text =
            |(start, end): &(u16, u16)| self.source.get(usize::from(*start)..usize::from(*end)).unwrap_or_default();
        explain::explain(self.clauses.iter().map(text).zip(self.conjuncts()), root)
    }

    /// How many clauses do not say true of the claims `root`: as many as [`Self::explain`] tells, without telling them.
    #[must_use]
    pub fn fallen(&self, root: &Object<'_>) -> usize {
        let mut run = Run::over(root);
        self.conjuncts().iter().filter(|node| run.outcome(node) != Outcome::True).count()
    }

    fn conjuncts(&self) -> &[Node] {
        match &self.tree {
            Node::And(nodes) if nodes.len() == self.clauses.len() => nodes,
            tree => std::slice::from_ref(tree),
        }
    }

    /// The program's value for the claims `root` as the text of a derived attribute: a string as it is, `true`, `7`,
    /// `1.5`.
    ///
    /// # Errors
    ///
    /// A list, map, `null`, bytes, infinity; a text longer than [`MAX_ATTRIBUTE_BYTES`]; any error of the evaluation.
    pub fn attribute(&self, root: &Object<'_>) -> Result<String, EvalFault> {
        let text = match Run::over(root).evaluate(&self.tree)? {
            Value::String(text) => text.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Int(number) => number.to_string(),
            Value::UInt(number) => number.to_string(),
            Value::Double(number) if number.is_finite() => functions::double_text(number),
            Value::Double(_) => return Err(EvalFault::NotFinite),
            other => return Err(EvalFault::NotScalar { kind: other.kind() }),
        };
        if text.len() > MAX_ATTRIBUTE_BYTES {
            return Err(EvalFault::AttributeTooLong { bytes: text.len() });
        }
        Ok(text)
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Program").field(&self.source).finish()
    }
}
