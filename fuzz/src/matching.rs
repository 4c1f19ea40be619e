//! `spec.match` of a mapping against claims: the decision, its explanation, and a plain reading of the same.

use std::time::Duration;

use accredit_core::decide::{Ask, Limits, exchange, explain};
use accredit_core::facts::{Facts, TypedIn};
use accredit_core::model::{Document, Kind};
use accredit_core::plan::{self, Context};
use accredit_core::world::World;
use accredit_id::json::{self, Json, Number, Object};
use accredit_id::time::Timestamp;
use serde_json::{Value, json};

use crate::{seeds, two};

/// A `match` and claims, as two lines of JSON.
pub(crate) fn matching(input: &[u8]) {
    let Some((matching, claims)) = two(input) else { return };
    let (Ok(matching), Ok(claims)) =
        (serde_json::from_str::<Value>(matching), json::object(claims.as_bytes(), &json::Limits::TOKEN))
    else {
        return;
    };
    let Some(world) = world(&matching) else { return };
    let Some(provider) = world.find(Kind::Provider, "idp") else { return };
    let Some(spec) = provider.as_provider() else { return };
    let facts = Facts::<TypedIn>::typed_in(spec, &claims, Some(NOW.plus(Duration::from_secs(300))));
    let limits = Limits { max_lifetime: Duration::from_secs(3600), reserved: Vec::new() };
    let ask = Ask::default();
    let decided = exchange(&ask, &facts, provider, &world, &limits, NOW);
    let explained = explain(&ask, &facts, provider, &world, &limits, NOW);
    match (&decided, &explained.verdict) {
        (Ok(one), Ok(two)) => assert_eq!(one.mapping.id, two.mapping.id),
        (Err(one), Err(two)) => assert_eq!(one.reason, two.reason),
        _ => panic!("the decision and its explanation differ"),
    }
    let _ = explained.summary();
    if claims.get("cnf").is_none() {
        let plainly = matching
            .as_object()
            .is_some_and(|clauses| clauses.iter().all(|(name, expected)| holds(name, expected, &claims)));
        assert_eq!(decided.is_ok(), plainly, "another answer than the plain reading");
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let known = [
        ("{\"sub\":\"web\"}", "{\"sub\":\"web\"}"),
        ("{\"ref\":[\"refs/heads/main\",\"refs/tags/v*\"]}", "{\"ref\":\"refs/tags/v1\"}"),
        ("{\"groups\":{\"any\":[\"admin\",\"ops*\"]}}", "{\"groups\":[\"ops-1\"]}"),
        ("{\"groups\":{\"all\":[\"a\",1,true]}}", "{\"groups\":[1,true,\"a\",\"b\"]}"),
        ("{\"id\":12,\"protected\":false}", "{\"id\":12.0,\"protected\":false}"),
        ("{\"id\":9007199254740993}", "{\"id\":9007199254740993}"),
        ("{\"kubernetes.io\":\"x\",\"a/b~c\":\"y\"}", "{\"kubernetes.io\":\"x\",\"a/b~c\":\"y\"}"),
        ("{\"x.y\":\"z\"}", "{\"x.y\":\"z\"}"),
        ("{\"sub\":\"repo:acme/*\"}", "{\"sub\":\"repo:acme/\",\"cnf\":null}"),
    ];
    let mut seeds: Vec<Vec<u8>> = known.iter().map(|(one, two)| format!("{one}\n{two}").into_bytes()).collect();
    seeds.extend(
        seeds::fields("exchange", &["claims"])
            .into_iter()
            .map(|claims| format!("{{\"sub\":\"web\"}}\n{claims}").into_bytes()),
    );
    seeds
}

/// A world of one mapping; `None` where it is refused on write.
fn world(matching: &Value) -> Option<World> {
    thread_local! {
        /// All but the mapping.
        static BASE: World = planned(&World::default(), &base(), 1).unwrap_or_default();
    }
    let spec = json!({"provider": "idp", "serviceAccount": "ci/web", "match": matching});
    BASE.with(|base| planned(base, &[document("Mapping", "ci/web", spec)], 1000))
}

fn base() -> [Document; 5] {
    [
        document("Project", "ci", Value::Null),
        document("Provider", "idp", json!({"type": "oidc", "issuer": "https://idp.example.org"})),
        document("ServiceAccount", "ci/web", Value::Null),
        document("API", "ci/api", json!({"audience": "https://api.example.org", "permissions": ["read"]})),
        document("Grant", "ci/web", json!({"api": "ci/api", "permissions": ["read"], "to": "ci/web"})),
    ]
}

fn document(kind: &str, name: &str, spec: Value) -> Document {
    Document { kind: kind.to_owned(), name: name.to_owned(), id: None, enabled: None, spec }
}

fn planned(world: &World, documents: &[Document], first_id: u128) -> Option<World> {
    let context = Context { public_url: "https://a.example.org", reserved: &[], plain_http: false, now: NOW };
    let mut number = first_id;
    let mut random = || {
        number += 1;
        number.to_be_bytes()
    };
    plan::apply(world, documents, false, &context, &mut random).ok().map(|plan| plan.next)
}

/// Whether a clause holds, as the page about mappings says it: strict types, absent never matches, a list of values means
/// one of them, an array is matched by `any` and `all` alone (F01 to F08).
fn holds(name: &str, expected: &Value, claims: &Object<'_>) -> bool {
    let Some(seen) = claims.get(name) else { return false };
    let quantified = |quantifier: &str| expected.get(quantifier).and_then(Value::as_array);
    match (seen, expected) {
        (Json::Array(items), Value::Object(_)) => match (quantified("any"), quantified("all")) {
            (Some(any), _) => any.iter().any(|value| items.iter().any(|item| is(value, item))),
            (_, Some(all)) => all.iter().all(|value| items.iter().any(|item| is(value, item))),
            _ => false,
        },
        (Json::Array(_), _) | (_, Value::Object(_)) => false,
        (seen, Value::Array(values)) => values.iter().any(|value| is(value, seen)),
        (seen, value) => is(value, seen),
    }
}

fn is(expected: &Value, seen: &Json<'_>) -> bool {
    match (expected, seen) {
        (Value::Bool(expected), Json::Bool(seen)) => expected == seen,
        (Value::Number(expected), Json::Number(Number::Int(seen))) => expected.as_i64() == Some(*seen),
        (Value::String(expected), Json::String(seen)) => match expected.strip_suffix('*') {
            Some(prefix) => seen.len() > prefix.len() && seen.starts_with(prefix),
            None => expected == seen,
        },
        _ => false,
    }
}

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
