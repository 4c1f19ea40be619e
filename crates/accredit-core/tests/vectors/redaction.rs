//! What a record keeps of a decision: no value of a claim that its provider does not list.

use std::time::Duration;

use accredit_core::decide::{Ask, Limits, explain};
use accredit_core::facts::Facts;
use accredit_core::model::Kind;
use accredit_id::json::Json;
use accredit_id::time::Timestamp;
use serde_json::{Value, json};

use crate::stage::{Stage, documents};

const SECRET: &str = "correct-horse-battery";

/// L22: a custom claim that holds a secret is in no part of what a record keeps: not as a claim matched, not in a list,
/// not through an attribute, a condition, an error of either, or a proposed fix.
#[test]
fn a_secret_claim_leaves_no_trace_in_a_record() {
    for clause in [
        "match: {token: something-else}",
        "match: {token: CORRECT-HORSE-BATTERY}",
        "match: {tokens: {any: [something-else]}}",
        "match: {tokens: {all: [something-else]}}",
        "match: {x.derived: something-else}",
        "match: {x.mixed: something-else}",
        "match: {x.broken: something-else}",
        "condition: assertion.token == 'something-else'",
        "condition: assertion.nested.token == 'something-else'",
        "condition: assertion['nested']['token'] == 'something-else'",
        "condition: assertion['odd.name'] == 'something-else'",
        "condition: size(assertion.token) == 1",
        "condition: assertion.token > 5",
        "condition: assertion.tokens.exists(each, each == 'something-else')",
        "condition: assertion.tokens[0] == 'something-else'",
        "condition: assertion[assertion.token] == 'something-else'",
        "condition: int(assertion.token) == 5",
    ] {
        let mut stage = Stage::empty(1);
        stage.bring(&documents(&format!(
            "{GIVEN}---\n{{kind: Mapping, name: ci/web, spec: {{provider: dex, serviceAccount: ci/web, {}}}}}\n",
            flow(clause)
        )));
        let claims = json!({
            "sub": "web", "listed": "seen", "token": SECRET, "tokens": [SECRET], "nested": {"token": SECRET}, "odd.name": SECRET,
        });
        let Json::Object(claims) = Json::from(claims) else { panic!("claims are an object") };
        let world = &stage.world;
        let provider = world.find(Kind::Provider, "dex").unwrap();
        let known = provider.as_provider().unwrap();
        let facts = Facts::typed_in(known, &claims, None);
        let limits = Limits { max_lifetime: Duration::from_secs(3600), reserved: Vec::new() };
        let mut explained =
            explain(&Ask::default(), &facts, provider, world, &limits, Timestamp::from_unix(1_800_000_000));
        assert!(explained.verdict.is_err(), "{clause}");
        explained.redact(&|claim| known.audits(claim));
        let kept = format!("{explained:?} {:?}", explained.summary());
        assert!(!kept.contains(SECRET), "{clause}: {kept}");
        let clauses = explained.considered.iter().flat_map(|mapping| &mapping.clauses);
        assert!(clauses.filter(|clause| !clause.recorded).all(|clause| clause.near.is_none()), "{clause}: {kept}");
    }
}

/// What the provider lists is kept, and what is derived of that alone, so that a record explains itself.
#[test]
fn a_listed_claim_is_kept() {
    let mut stage = Stage::empty(1);
    stage.bring(&documents(&format!("{GIVEN}---\n{{kind: Mapping, name: ci/web, spec: {{provider: dex, serviceAccount: ci/web, match: {{sub: other, x.of_listed: other}}, condition: assertion.listed == 'other'}}}}\n")));
    let Json::Object(claims) = Json::from(json!({"sub": "web", "listed": "seen"})) else {
        panic!("claims are an object")
    };
    let world = &stage.world;
    let provider = world.find(Kind::Provider, "dex").unwrap();
    let known = provider.as_provider().unwrap();
    let facts = Facts::typed_in(known, &claims, None);
    let limits = Limits { max_lifetime: Duration::from_secs(3600), reserved: Vec::new() };
    let mut explained = explain(&Ask::default(), &facts, provider, world, &limits, Timestamp::from_unix(1_800_000_000));
    explained.redact(&|claim| known.audits(claim));
    let lines: Vec<String> = explained.considered[0].clauses.iter().map(|clause| clause.line()).collect();
    assert_eq!(
        lines,
        [
            "`sub` is `web`, expected `other`",
            "`x.of_listed` is `seen`, expected `other`",
            "`assertion.listed == 'other'` is `listed = \"seen\"`"
        ]
    );
}

/// A clause as it stands in a flow mapping.
fn flow(clause: &str) -> String {
    match clause.split_once(": ") {
        Some(("condition", source)) => format!("match: {{sub: web}}, condition: {}", Value::from(source)),
        _ => clause.to_owned(),
    }
}

const GIVEN: &str = "
{kind: Project, name: ci}
---
kind: Provider
name: dex
spec:
  type: oidc
  issuer: https://dex.example.org
  audit: [listed]
  attributes: {derived: assertion.token, mixed: assertion.listed + assertion.token, of_listed: assertion.listed, broken: assertion.tokens}
---
{kind: ServiceAccount, name: ci/web}
";
