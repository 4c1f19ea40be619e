//! Conditions: what a program says about itself is true of what it does.

use accredit_core::expr::{Branch, Outcome, Program, Test};
use accredit_id::json::{Limits, object};

use crate::{seeds, two};

/// A condition and claims. One evaluation has one answer, told whole or in clauses; negated it is the other; a linter's word
/// that it is always or never true holds.
pub(crate) fn condition(input: &[u8]) {
    let Some((source, claims)) = two(input) else { return };
    let program = match Program::compile(source) {
        Ok(program) => program,
        Err(fault) => {
            assert!(fault.to_string().len() < 4096, "a fault repeats too much");
            return;
        }
    };
    let Ok(claims) = object(claims.as_bytes(), &Limits::TOKEN) else { return };
    let outcome = program.condition(&claims);
    assert_eq!(program.condition(&claims), outcome, "evaluation is not repeatable (G05)");

    let clauses = program.explain(&claims);
    assert_eq!(clauses.len(), program.clauses());
    let fallen = clauses.iter().filter(|clause| clause.outcome != Outcome::True).count();
    assert_eq!(program.fallen(&claims), fallen);
    let is_spent = |outcome: &Outcome| matches!(outcome, Outcome::Error(fault) if fault.code() == "cel-fuel-exhausted");
    // Clauses that are told one by one have the fuel of one each.
    if !is_spent(&outcome) && !clauses.iter().any(|clause| is_spent(&clause.outcome)) {
        let of_clauses = clauses.iter().find(|clause| clause.outcome == Outcome::False);
        let of_clauses = of_clauses.or_else(|| clauses.iter().find(|clause| clause.outcome != Outcome::True));
        let of_clauses = of_clauses.map_or(&Outcome::True, |clause| &clause.outcome);
        // A text among truth values is put otherwise by the operator that meets it than by the clause that is one.
        let is_same =
            matches!((of_clauses, &outcome), (Outcome::Error(_), Outcome::Error(_))) || *of_clauses == outcome;
        assert!(is_same, "the explanation tells {of_clauses:?}, the condition is {outcome:?}");
    }

    if !reads_alike(&program) {
        assert!(!program.is_always() || outcome != Outcome::False, "what is always true is false");
        let is_never = |branches: Vec<Branch>| branches.iter().all(|branch| branch.is_dead(&[]));
        let is_never = program.branches().is_some_and(is_never);
        assert!(!is_never || outcome != Outcome::True, "what is never true is true");
    }
    let _ = (program.fields(), program.claims(), program.demands(), program.kind());
    let _ = (program.mismatches(&|_| None), program.absorbed(&|_| true));
    let _ = program.attribute(&claims);

    if let Ok(negated) = Program::compile(&format!("!({source})")) {
        let expected = match &outcome {
            Outcome::True => Some(Outcome::False),
            Outcome::False => Some(Outcome::True),
            Outcome::Error(_) => None,
        };
        let seen = negated.condition(&claims);
        match expected {
            Some(expected) => assert!(seen == expected || is_spent(&seen), "the negation is {seen:?}"),
            None => assert!(matches!(seen, Outcome::Error(_)), "an error negated is {seen:?} (G01)"),
        }
    }
}

/// Whether the linter may take two literals for one: it has them as text, and so `7` and `'7'` of one claim are the same to it.
fn reads_alike(program: &Program) -> bool {
    let literals = program.demands().into_iter().filter_map(|demand| match demand.test {
        Test::Equals(literals) => Some(literals),
        _ => None,
    });
    let bare = |text: &String| text.parse::<i64>().is_ok() || matches!(text.as_str(), "true" | "false" | "null");
    literals.flatten().filter(bare).count() > 1
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = seeds::pairs("cel", "expr", "claims", "{}");
    seeds.extend(seeds::pairs("exchange", "condition", "claims", "{}"));
    seeds.push(b"assertion.a.all(x, x.startsWith('a')) && has(assertion.b) || assertion.c in [1, 2u, 3.0]\n{\"a\":[\"a\"],\"c\":1}".to_vec());
    seeds
}
