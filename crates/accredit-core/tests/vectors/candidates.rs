//! Of the mappings that a world offers for a token, none that matches may be missing: many random worlds against a
//! reading of their documents that knows no index.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use accredit_core::decide::{Ask, Limits, Reason, exchange};
use accredit_core::facts::Facts;
use accredit_core::model::{Document, Kind, Resource};
use accredit_id::json::{Json, Object};
use accredit_id::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::random::Random;
use crate::stage::{Stage, documents};

const WORLDS: u64 = 80;
const TOKENS: usize = 25;

/// F21: whatever is asked, the world's index and a look at every mapping give the same answer.
#[test]
fn a_mapping_that_matches_is_always_among_the_candidates() {
    let mut allowed = 0;
    let mut ambiguous = 0;
    for seed in 0..WORLDS {
        let mut random = Random::seeded(seed);
        let stage = staged(&mut random);
        let specs = stage
            .world
            .of_kind(Kind::Mapping)
            .iter()
            .map(|mapping| (mapping.name.to_string(), mapping.spec()))
            .collect();
        for _ in 0..TOKENS {
            let claims = token(&mut random);
            for provider in PROVIDERS {
                let account = random.once_in(2).then(|| *random.of(ACCOUNTS));
                match compare(&stage, &specs, provider, account, &claims) {
                    Ok(Some(Reason::MappingsAmbiguous)) => ambiguous += 1,
                    Ok(Some(_)) => {}
                    Ok(None) => allowed += 1,
                    Err(problem) => panic!(
                        "world {seed}, provider {provider}, account {account:?}: {problem}\n{}\n{}",
                        Value::Object(claims),
                        stage.shown()
                    ),
                }
            }
        }
    }
    assert!(
        allowed > 500 && ambiguous > 100,
        "{allowed} allowed and {ambiguous} ambiguous: the worlds are too empty to show anything"
    );
}

/// What mappings say, by their names.
type Specs = BTreeMap<String, Value>;

/// `None`: allowed.
fn compare(
    stage: &Stage,
    specs: &Specs,
    provider: &str,
    account: Option<&str>,
    claims: &Map<String, Value>,
) -> Result<Option<Reason>, String> {
    let world = &stage.world;
    let resource = world.find(Kind::Provider, provider).unwrap();
    let account_id = account.map(|name| world.find(Kind::ServiceAccount, name).unwrap().id);
    let Json::Object(object) = Json::from(Value::Object(claims.clone())) else { panic!("no object") };

    let mut offered: Vec<&Resource> = Vec::new();
    world.candidates(resource.id, account_id, &object, &mut |candidate| offered.push(candidate));
    let counts =
        |spec: &Value| spec["provider"] == provider && account.is_none_or(|account| spec["serviceAccount"] == account);
    let matching = specs.iter().filter(|(_, spec)| counts(spec) && matches(spec, claims));
    let matching: BTreeSet<&str> = matching.map(|(name, _)| name.as_str()).collect();
    if let Some(missing) = matching.iter().find(|name| !offered.iter().any(|offered| offered.name.as_str() == **name)) {
        return Err(format!("`{missing}` matches and is not offered"));
    }
    let needless = |offered: &&&Resource| {
        let mapping = offered.as_mapping().unwrap();
        let spec = &specs[offered.name.as_str()];
        let anchor = mapping.anchor.map(|place| mapping.clauses[place].claim.to_string());
        !counts(spec) || anchor.is_some_and(|claim| !clause_holds(&spec["match"][&claim], claims.get(&claim)))
    };
    if let Some(needless) = offered.iter().find(needless) {
        return Err(format!("`{}` is offered, though its anchor or account says no", needless.name));
    }
    verdict(stage, resource, account, &object, &matching)
}

fn verdict(
    stage: &Stage,
    provider: &Resource,
    account: Option<&str>,
    claims: &Object<'_>,
    matching: &BTreeSet<&str>,
) -> Result<Option<Reason>, String> {
    let world = &stage.world;
    let enabled: Vec<&str> =
        matching.iter().copied().filter(|name| world.find(Kind::Mapping, name).unwrap().enabled).collect();
    let facts = Facts::typed_in(provider.as_provider().unwrap(), claims, None);
    let ask = Ask { account, ..Ask::default() };
    let limits = Limits { max_lifetime: Duration::from_secs(3600), reserved: Vec::new() };
    let verdict = exchange(&ask, &facts, provider, world, &limits, Timestamp::from_unix(1_800_000_000));
    match (&enabled[..], verdict) {
        ([], Err(denial)) if denial.reason == Reason::NoMappingMatched => Ok(Some(denial.reason)),
        ([one], Ok(terms)) if terms.mapping.name.as_str() == *one => Ok(None),
        ([_, _, ..], Err(denial)) if denial.reason == Reason::MappingsAmbiguous => {
            let named: Vec<&str> = denial.operator.split('`').skip(1).step_by(2).collect();
            let is_pair = named.len() == 2 && named[0] < named[1] && named.iter().all(|name| enabled.contains(name));
            if is_pair { Ok(Some(denial.reason)) } else { Err(format!("{enabled:?} match, told {}", denial.operator)) }
        }
        (enabled, verdict) => Err(format!(
            "{enabled:?} match, and the verdict is {:?}",
            verdict.map(|terms| terms.mapping.name.to_string())
        )),
    }
}

/// What a mapping's document says, read without any of the code that decides.
fn matches(spec: &Value, claims: &Map<String, Value>) -> bool {
    let clauses = spec["match"].as_object().unwrap();
    clauses.iter().all(|(name, expected)| match name.strip_prefix("x.") {
        // The only attribute of these worlds is `team`, which is the claim `team` as text.
        Some(_) => {
            let derived = match claims.get("team") {
                Some(Value::String(text)) => Some(Value::from(text.as_str())),
                Some(Value::Bool(truth)) => Some(Value::from(truth.to_string())),
                Some(Value::Number(number)) => Some(Value::from(
                    number.as_i64().map_or_else(|| number.as_f64().unwrap().to_string(), |whole| whole.to_string()),
                )),
                _ => None,
            };
            clause_holds(expected, derived.as_ref())
        }
        None => clause_holds(expected, claims.get(name)),
    })
}

fn clause_holds(expected: &Value, seen: Option<&Value>) -> bool {
    let Some(seen) = seen else { return false };
    let some_item = |wanted: &Value| seen.as_array().is_some_and(|items| items.iter().any(|item| is(wanted, item)));
    match expected {
        Value::Object(quantified) => match (quantified.get("any"), quantified.get("all")) {
            (Some(any), None) => any.as_array().unwrap().iter().any(some_item),
            (None, Some(all)) => all.as_array().unwrap().iter().all(some_item),
            _ => panic!("{expected}"),
        },
        Value::Array(values) => values.iter().any(|value| is(value, seen)),
        value => is(value, seen),
    }
}

fn is(wanted: &Value, seen: &Value) -> bool {
    match (wanted, seen) {
        (Value::String(wanted), Value::String(seen)) => match wanted.strip_suffix('*') {
            Some(prefix) => seen.starts_with(prefix) && seen.len() > prefix.len(),
            None => wanted == seen,
        },
        (Value::Number(wanted), Value::Number(seen)) => wanted.is_i64() && seen.is_i64() && wanted == seen,
        (Value::Bool(wanted), Value::Bool(seen)) => wanted == seen,
        _ => false,
    }
}

// === impl Stage ===

impl Stage {
    fn shown(&self) -> String {
        let mappings = self.world.of_kind(Kind::Mapping);
        mappings
            .iter()
            .map(|mapping| format!("{} enabled={} {}\n", mapping.name, mapping.enabled, mapping.body()))
            .collect()
    }
}

/// Mappings written, written over, disabled, enabled and deleted again.
fn staged(random: &mut Random) -> Stage {
    let mut stage = Stage::empty(1);
    stage.bring(&documents(GIVEN));
    for _ in 0..random.below(60) + 5 {
        let name = format!("{}/m{}", random.of(&["ci", "ops"]), random.below(30));
        match random.below(8) {
            0 if stage.world.find(Kind::Mapping, &name).is_some() => {
                stage.world = stage.deleted(&format!("mapping {name}")).unwrap().next
            }
            1 if stage.world.find(Kind::Mapping, &name).is_some() => {
                stage.turn(&format!("mapping {name}"), random.once_in(2))
            }
            _ => stage.bring(&[mapping(random, &name)]),
        }
    }
    stage
}

fn mapping(random: &mut Random, name: &str) -> Document {
    let project = name.split('/').next().unwrap();
    let accounts: Vec<&&str> = ACCOUNTS.iter().filter(|account| account.starts_with(project)).collect();
    let provider = *random.of(PROVIDERS);
    let mut clauses = Map::new();
    if provider == "github" {
        clauses.insert("repository_id".to_owned(), one_or_several(random, text));
    }
    for _ in 0..random.below(2) + 1 {
        let (claim, expected) = match random.below(10) {
            0 if provider == "keycloak" => ("x.team".to_owned(), one_or_several(random, text)),
            0..=6 => ((*random.of(CLAIMS)).to_owned(), expectation(random)),
            _ => (format!("c{}", random.below(20)), expectation(random)),
        };
        clauses.insert(claim, expected);
    }
    let spec = json!({"provider": provider, "serviceAccount": random.of(&accounts), "match": clauses});
    Document { kind: "Mapping".to_owned(), name: name.to_owned(), id: None, enabled: None, spec }
}

fn expectation(random: &mut Random) -> Value {
    match random.below(8) {
        0 => json!({"any": several(random, scalar)}),
        1 => json!({"all": several(random, scalar)}),
        _ => one_or_several(random, scalar),
    }
}

fn one_or_several(random: &mut Random, make: fn(&mut Random) -> Value) -> Value {
    if random.once_in(2) { make(random) } else { several(random, make) }
}

fn several(random: &mut Random, make: fn(&mut Random) -> Value) -> Value {
    (0..random.below(3) + 1).map(|_| make(random)).collect()
}

fn scalar(random: &mut Random) -> Value {
    match random.below(8) {
        0 => json!(random.below(3)),
        1 => json!(random.once_in(2)),
        2 => json!(format!("{}*", random.of(TEXTS))),
        _ => json!(random.of(TEXTS)),
    }
}

fn text(random: &mut Random) -> Value {
    json!(random.of(TEXTS))
}

fn token(random: &mut Random) -> Map<String, Value> {
    let mut claims = Map::new();
    let names = CLAIMS
        .iter()
        .map(|name| (*name).to_owned())
        .chain((0..20).map(|n| format!("c{n}")))
        .chain(["repository_id", "team", "x.team"].map(str::to_owned));
    for name in names.collect::<Vec<_>>() {
        let value = match random.below(14) {
            0 | 1 => continue,
            2 => json!(random.below(3)),
            3 => json!(random.once_in(2)),
            4 => json!(null),
            5 => json!(random.below(6) as f64 / 2.0),
            6 => (0..random.below(4)).map(|_| scalar(random)).collect(),
            7 => json!({"a": "b"}),
            _ => json!(random.of(TEXTS)),
        };
        claims.insert(name, value);
    }
    claims
}

const PROVIDERS: &[&str] = &["dex", "github", "keycloak"];
const ACCOUNTS: &[&str] = &["ci/one", "ci/two", "ops/one"];
/// Claims that no kind knows to be text, so that numbers may be expected of them too.
const CLAIMS: &[&str] = &["groups", "level", "flag", "region", "kubernetes.io", "https://aws.amazon.com/tags"];
const TEXTS: &[&str] = &["a", "ab", "abc", "1"];
const GIVEN: &str = "
{kind: Project, name: ci}
---
{kind: Project, name: ops}
---
{kind: Provider, name: dex, spec: {type: oidc, issuer: 'https://dex.example.org'}}
---
{kind: Provider, name: keycloak, spec: {type: oidc, issuer: 'https://keycloak.example.org', attributes: {team: assertion.team}}}
---
{kind: Provider, name: github, spec: {type: github}}
---
{kind: ServiceAccount, name: ci/one}
---
{kind: ServiceAccount, name: ci/two}
---
{kind: ServiceAccount, name: ops/one}
---
{kind: API, name: ops/api, spec: {audience: 'https://api.example.org', permissions: [read]}}
---
{kind: Grant, name: ops/one, spec: {api: ops/api, permissions: [read], to: ci/one}}
---
{kind: Grant, name: ops/two, spec: {api: ops/api, permissions: [read], to: ci/two}}
---
{kind: Grant, name: ops/three, spec: {api: ops/api, permissions: [read], to: ops/one}}
";
