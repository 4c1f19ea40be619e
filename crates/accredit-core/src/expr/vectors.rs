//! Runs `vectors/cel`: what programs mean, what is refused, what people are shown, and the bombs.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
#![expect(clippy::disallowed_methods, reason = "vectors are files, and a bomb has a second")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, thread};

use accredit_id::json::{Json, Limits, Object, object};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::convert::Folding;
use super::{EvalFault, ExprFault, Outcome, Program};

/// A worker thread of an asynchronous runtime has this much.
const STACK_BYTES: usize = 2 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    vector: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    case: String,
    expr: String,
    #[serde(default = "no_claims")]
    claims: String,
    condition: Option<bool>,
    attribute: Option<String>,
    fault: Option<String>,
    attribute_fault: Option<String>,
    refused: Option<String>,
    fields: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bombs {
    bomb: Vec<Bomb>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bomb {
    case: String,
    expr: Vec<Part>,
    #[serde(default)]
    claims: Vec<Part>,
    condition: Option<bool>,
    fault: Option<String>,
    attribute_fault: Option<String>,
    refused: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    text: String,
    #[serde(default = "once")]
    times: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Explanations {
    explanation: Vec<Explanation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Explanation {
    case: String,
    expr: String,
    #[serde(default = "no_claims")]
    claims: String,
    clauses: Vec<Clause>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clause {
    source: String,
    outcome: String,
    seen: Vec<(String, String)>,
}

fn no_claims() -> String {
    "{}".to_owned()
}

fn once() -> usize {
    1
}

#[test]
fn programs_mean_what_the_vectors_say() {
    let mut failures = Vec::new();
    for file in [
        "logic",
        "claims",
        "comparisons",
        "arithmetic",
        "strings",
        "conversions",
        "collections",
        "attributes",
        "refusals",
    ] {
        for vector in read::<Vectors>(file).vector {
            for folding in [Folding::On, Folding::Off] {
                failures.extend(check(&vector, folding).map(|seen| format!("{file}: {}: {seen}", vector.case)));
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn bombs_do_not_go_off() {
    let mut failures = Vec::new();
    for bomb in read::<Bombs>("abuse").bomb {
        let (expr, claims) = (join(&bomb.expr), join(&bomb.claims));
        let expected = answer(bomb.condition, None, bomb.fault, bomb.attribute_fault.as_deref(), bomb.refused);
        let attribute = bomb.attribute_fault.is_some();
        let run = move || {
            let claims = if claims.is_empty() { no_claims() } else { claims };
            let start = Instant::now();
            let seen = outcome(&expr, &claims, attribute, Folding::On);
            (seen, start.elapsed())
        };
        let (seen, took) = thread::Builder::new().stack_size(STACK_BYTES).spawn(run).unwrap().join().unwrap();
        if seen != expected || took > Duration::from_secs(1) {
            failures.push(format!("{}: expected {expected}, got {seen} after {took:?}", bomb.case));
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn explanations_show_what_the_vectors_say() {
    for explanation in read::<Explanations>("explanations").explanation {
        let case = &explanation.case;
        let program = Program::compile(&explanation.expr).unwrap();
        let claims = claims(&explanation.claims);
        let seen = program.explain(&claims);
        assert_eq!(seen.len(), explanation.clauses.len(), "{case}: {seen:?}");
        assert_eq!(program.clauses(), seen.len(), "{case}");
        let fallen = seen.iter().filter(|clause| clause.outcome != Outcome::True).count();
        assert_eq!(program.fallen(&claims), fallen, "{case}");
        for (seen, expected) in seen.iter().zip(&explanation.clauses) {
            assert_eq!(seen.source, expected.source, "{case}");
            assert_eq!(text(&seen.outcome), expected.outcome, "{case}: {}", seen.source);
            assert_eq!(seen.seen, expected.seen, "{case}: {}", seen.source);
        }
        // The clauses agree with the condition, as the documentation of `explain` has it.
        let is = |wanted: fn(&Outcome) -> bool| seen.iter().find(|clause| wanted(&clause.outcome));
        let first = is(|o| matches!(o, Outcome::False)).or_else(|| is(|o| matches!(o, Outcome::Error(_))));
        let expected = first.map_or(Outcome::True, |clause| clause.outcome.clone());
        assert_eq!(program.condition(&claims), expected, "{case}");
    }
}

/// Programs are shared between threads.
#[test]
fn programs_are_send_and_sync() {
    fn check<T: Send + Sync>() {}
    check::<Program>();
}

/// G05: the same answer however often it is asked.
#[test]
fn evaluation_repeats_itself() {
    let program = Program::compile("assertion.l.map(x, x + 1).exists(x, x == assertion.n)").unwrap();
    let claims = claims(r#"{"l": [1, 2, 3], "n": 4}"#);
    assert!((0..100).all(|_| program.condition(&claims) == Outcome::True));
}

/// A fault says what was seen and what is allowed, and where.
#[test]
fn faults_are_worded() {
    let text = |source: &str| Program::compile(source).unwrap_err().to_string();
    assert_eq!(
        text("assertion.a ==\n assertion.b #"),
        "expression is not CEL at line 2, column 14: unexpected character `#`"
    );
    assert_eq!(text("claims.sub == 1"), "variable `claims` does not exist, the only one is `assertion`");
    assert_eq!(text("now() > assertion.iat"), "expression uses function `now`, which is not supported");
    let sets = "expression uses function `sets.contains`, which is not supported";
    assert_eq!(text("sets.contains(assertion.l, ['a'])"), sets);
    assert_eq!(text(&" ".repeat(2049)), "expression has 2049 bytes, at most 2048 are allowed");
    let accent = "expression is not CEL at line 2, column 11: unexpected character `\\u{e9}`";
    assert_eq!(text("// é\nassertion.é == 'x'"), accent);
    let reserved = "expression is not CEL at line 2, column 15: reserved identifier: while";
    assert_eq!(text("'é' != 'x' ||\n'é' != 'x' && while"), reserved);
    let pattern = "matches cannot use `(\\u{202e}`: it is not a regular expression in RE2's syntax";
    assert_eq!(text(r"assertion.a.matches('(\u202e')"), pattern);
    let fault = Program::compile("sub == 'x'").unwrap_err();
    assert_eq!(fault.hint().as_deref(), Some("write `assertion.sub`"));
    assert!(matches!(Program::compile("assertion.a =="), Err(ExprFault::Syntax { .. })));
    let absent = EvalFault::NoSuchKey { key: "a\u{202e}b".into() };
    assert_eq!(absent.operator_text(), "key `a\\u{202e}b` is not in the claims");
}

fn check(vector: &Vector, folding: Folding) -> Option<String> {
    let attribute = vector.attribute.is_some() || vector.attribute_fault.is_some();
    let Vector { condition, fault, attribute_fault, refused, .. } = vector;
    let expected =
        answer(*condition, vector.attribute.clone(), fault.clone(), attribute_fault.as_deref(), refused.clone());
    let reads = vector.expr.contains("assertion") || refused.is_some();
    let (expr, claims) = if reads {
        (vector.expr.clone(), vector.claims.clone())
    } else {
        (format!("assertion.yes ? ({}) : assertion.yes", vector.expr), r#"{"yes": true}"#.to_owned())
    };
    let seen = outcome(&expr, &claims, attribute, folding);
    if folding == Folding::Off && (seen.starts_with("refused") || expected == "refused constant-condition") {
        // Without folding nothing is known to be constant, and a literal that is put together is none.
        return None;
    }
    if seen != expected {
        return Some(format!("expected {expected}, got {seen} (folding {folding:?})"));
    }
    let fields = vector.fields.as_ref()?;
    let seen = Program::compile(&expr).unwrap().fields();
    (&seen != fields).then(|| format!("expected fields {fields:?}, got {seen:?}"))
}

fn answer(
    condition: Option<bool>,
    attribute: Option<String>,
    fault: Option<String>,
    attribute_fault: Option<&str>,
    refused: Option<String>,
) -> String {
    let answers = [
        condition.map(|truth| truth.to_string()),
        attribute.map(|text| format!("text {text:?}")),
        fault,
        attribute_fault.map(str::to_owned),
        refused.map(|code| format!("refused {code}")),
    ];
    let mut answers = answers.into_iter().flatten();
    match (answers.next(), answers.next()) {
        (Some(answer), None) => answer,
        other => panic!("exactly one answer expected, got {other:?}"),
    }
}

fn outcome(expr: &str, claims_text: &str, attribute: bool, folding: Folding) -> String {
    let program = match Program::compile_with(expr, folding) {
        Ok(program) => program,
        Err(fault) => return format!("refused {}", fault.code()),
    };
    let claims = claims(claims_text);
    if attribute {
        return program
            .attribute(&claims)
            .map_or_else(|fault| fault.code().to_owned(), |text| format!("text {text:?}"));
    }
    text(&program.condition(&claims)).to_owned()
}

fn text(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::True => "true",
        Outcome::False => "false",
        Outcome::Error(fault) => fault.code(),
    }
}

fn claims(text: &str) -> Object<'static> {
    let mut claims = object(text.as_bytes(), &Limits::DOCUMENT).unwrap().to_static();
    if claims.get("yes").is_none() && claims.is_empty() {
        claims.insert("unrelated", Json::Null);
    }
    claims
}

fn join(parts: &[Part]) -> String {
    let repeated = |part: &Part| (0..part.times).map(|n| part.text.replace("#N", &n.to_string())).collect::<String>();
    parts.iter().map(repeated).collect()
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/cel"));
    let file: PathBuf = folder.join(name).with_extension("toml");
    let text = fs::read_to_string(&file).unwrap();
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
