//! `vectors/issue`: which identity a job has in a cluster, and what its operator is told.
//!
//! Beside what a scenario says, each is asked again with its world read back from rows and, where a fix is proposed, with
//! the fix applied: the same question must then be allowed.

use std::collections::BTreeSet;

use accredit_core::decide::Held;
use accredit_core::decide::issue::{
    Entrance, ExplainedIssue, Identity, IdentityAsk, IssueDenial, IssueReason, JobFacts, OperatorAsk, SvidTerms,
    Wanted, explain_issue, issue, issue_to_operator,
};
use accredit_core::model::{Document, Kind, Lifetime, Replay, yaml};
use accredit_core::plan::Context;
use accredit_core::world::World;
use accredit_id::json::{Json, Number, Object};
use accredit_id::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::expansion::expand;
use crate::stage::{NOW, PUBLIC_URL, Stage, overlaid, reserved};

/// A file of scenarios; what it says outside of them holds for each.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    given: String,
    #[serde(default = "nothing")]
    claims: String,
    scenario: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    #[serde(default, rename = "case")]
    _case: String,
    name: String,
    #[serde(default)]
    given: String,
    #[serde(default)]
    disabled: Vec<String>,
    #[serde(default = "nothing")]
    claims: String,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    when: When,
    #[serde(default)]
    then: Then,
}

/// What is asked.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct When {
    cluster: Option<String>,
    /// Whether the job comes through an agent.
    agent: bool,
    /// `jwt AUDIENCE...` or `x509`, each with ` for LIFETIME` where one is asked for; absent means `jwt https://a.example`.
    svids: Option<Vec<String>>,
    /// How often the first of them is asked for.
    times: Option<usize>,
    proof_key: Option<String>,
    now: Option<i64>,
    /// An operator asks, for this path.
    operator: Option<String>,
}

/// What must come of it; every field, also those that must be absent.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Then {
    id: Option<String>,
    policy: Option<String>,
    svids: Option<Vec<String>>,
    facts: Option<Vec<String>>,
    once: Option<bool>,
    deny: Option<String>,
    told: Option<String>,
    hint: Option<String>,
    trace: Option<String>,
    fix: Option<String>,
}

#[test]
fn scenarios_come_out_as_they_say() {
    crate::judge_all("issue", |file: &File| &file.scenario, |scenario| &scenario.name, judge);
}

/// A reason that no scenario shows might as well not exist.
#[test]
fn every_reason_has_a_scenario() {
    let files = crate::files("issue", "toml");
    let scenarios = files.iter().flat_map(|path| toml::from_str::<File>(&crate::text(path)).unwrap().scenario);
    let shown: BTreeSet<String> = scenarios.filter_map(|scenario| scenario.then.deny).collect();
    // These two are told before a decision is asked for: the cluster and the entry are looked up by whoever asks.
    let elsewhere = [IssueReason::ClusterUnknown];
    for reason in IssueReason::ALL.iter().filter(|reason| !elsewhere.contains(reason)) {
        assert!(shown.contains(reason.code()), "no scenario is refused as {}", reason.code());
        assert!(!reason.caller_sentence().contains('`') && !reason.caller_code().is_empty());
    }
}

fn judge(file: &File, scenario: &Scenario) -> Result<(), String> {
    let mut stage = Stage::empty(1);
    stage.bring(&overlaid(&expand(&file.given), &expand(&scenario.given)));
    scenario.disabled.iter().for_each(|named| stage.turn(named, false));
    let mut claims = members(&expand(&file.claims));
    claims.extend(members(&expand(&scenario.claims)));
    scenario.without.iter().for_each(|name| drop(claims.remove(name)));
    let claims = Value::Object(claims);
    let seen = answer(&stage.world, &claims, &scenario.when);
    if seen != scenario.then {
        return Err(format!("answer is\n[scenario.then]\n{}", toml::to_string_pretty(&seen).unwrap()));
    }
    let restored = answer(&stage.restored(), &claims, &scenario.when);
    if restored != seen {
        return Err(format!("read back from rows, the answer is {restored:?}"));
    }
    let Some(fix) = &seen.fix else { return Ok(()) };
    let document = mended(&stage.world, scenario.when.cluster(), fix);
    stage.bring(&[document]);
    match answer(&stage.world, &claims, &scenario.when) {
        Then { id: Some(_), .. } => Ok(()),
        other => Err(format!("with the fix, the answer is {other:?}")),
    }
}

/// The cluster's document with the fixed section in place of its own.
fn mended(world: &World, cluster: &str, fix: &str) -> Document {
    let mut document = world.find(Kind::Cluster, cluster).unwrap().document();
    let config = document.spec["config"].as_array_mut().unwrap();
    for fixed in yaml::parse_config("fix", fix).unwrap() {
        let own = config.iter_mut().find(|own| own["section"] == *fixed.document.section).unwrap();
        *own = serde_json::to_value(&fixed.document).unwrap();
    }
    document
}

fn answer(world: &World, claims: &Value, when: &When) -> Then {
    let reserved = reserved();
    let context = Context { public_url: PUBLIC_URL, reserved: &reserved, plain_http: false, now: NOW };
    let now = when.now.map_or(NOW, Timestamp::from_unix);
    let cluster = world.find(Kind::Cluster, when.cluster()).unwrap();
    let mut asked = when.svids.clone().unwrap_or_else(|| vec!["jwt https://a.example".to_owned()]);
    if let Some(times) = when.times {
        asked = vec![asked[0].clone(); times];
    }
    let asked: Vec<_> = asked.iter().map(|text| wanted(text)).collect();
    let wanted: Vec<_> = asked.iter().map(Asked::wanted).collect();
    if let Some(path) = &when.operator {
        let ask = OperatorAsk { cluster, path, wanted: &wanted };
        return match issue_to_operator(&ask, world, &context, now) {
            Ok(identity) => allowed(&identity),
            Err(denial) => denied(&denial),
        };
    }
    let Json::Object(claims): Json<'static> = Json::from(claims.clone()) else { panic!("claims are no object") };
    let claims: Object<'_> = claims;
    let issuer = claims.get("iss").and_then(|issuer| issuer.as_str()).unwrap_or_default();
    let entries = &cluster.as_cluster().unwrap().attestation.jwt.allowed_issuers;
    let Some(entry) = entries.iter().find(|entry| entry.provider.issuer == issuer) else {
        return denied(&IssueDenial::unknown_issuer(cluster.name.as_str(), Some(issuer)));
    };
    let ends = match claims.get("exp") {
        Some(Json::Number(Number::Int(seconds))) => Some(Timestamp::from_unix(*seconds)),
        _ => None,
    };
    let job = JobFacts::typed_in(entry, &claims, ends);
    let path = if when.agent { Entrance::Agent } else { Entrance::Direct };
    let held = Held { proof_key: when.proof_key.as_deref(), certificate: None };
    let ask = IdentityAsk { cluster, path, wanted: &wanted, held };
    let explained = explain_issue(&ask, &job, world, &context, now);
    let road = issue(&ask, &job, world, &context, now);
    assert_eq!(format!("{road:?}"), format!("{:?}", explained.verdict), "road and explanation part");
    if let Ok(identity) = &road {
        // What is shown to be read is what was read.
        for read in &explained.attributes {
            let fact = identity.facts.iter().find(|fact| fact.attribute.to_string() == read.attribute).unwrap();
            assert_eq!(fact.value.is_some(), read.seen.is_some(), "{}", read.attribute);
        }
    }
    let mut then = match &road {
        Ok(identity) => allowed(identity),
        Err(denial) => denied(denial),
    };
    then.trace = trace(&explained);
    then.fix = explained.fix;
    then
}

fn allowed<S>(identity: &Identity<S>) -> Then {
    let until = |end: &Timestamp| end.unix();
    let svid = |terms: &SvidTerms| match terms {
        SvidTerms::Jwt { audiences, issued_at, expires_at, claims } => {
            assert!(issued_at < expires_at);
            format!("jwt {} until {} {}", audiences.join(" "), until(expires_at), Value::Object(claims.clone()))
        }
        SvidTerms::X509 { not_before, expires_at, dns_names, subject } => {
            assert!(not_before < expires_at);
            let subject: Vec<_> = subject.iter().map(|part| format!("{}={}", part.kind.name(), part.value)).collect();
            format!("x509 until {} dns [{}] subject [{}]", until(expires_at), dns_names.join(" "), subject.join(", "))
        }
    };
    let fact = |fact: &accredit_core::decide::issue::Fact| {
        format!("{} = {}", fact.attribute, fact.value.as_ref().map_or_else(|| "absent".to_owned(), Value::to_string))
    };
    Then {
        id: Some(identity.spiffe_id.to_string()),
        policy: Some(format!("{} {}", identity.policy, identity.template)),
        svids: Some(identity.svids.iter().map(svid).collect()),
        facts: Some(identity.facts.iter().map(fact).collect()),
        once: (identity.replay == Replay::Once).then_some(true),
        ..Then::default()
    }
}

fn denied(denial: &IssueDenial) -> Then {
    Then {
        deny: Some(denial.reason.code().to_owned()),
        told: Some(denial.operator.clone()),
        hint: denial.hint.clone(),
        ..Then::default()
    }
}

fn trace<S>(explained: &ExplainedIssue<S>) -> Option<String> {
    use accredit_core::decide::ClauseVerdict;
    let mut text = String::new();
    let line = |clause: &accredit_core::decide::ClauseTrace| {
        let sign = match clause.verdict {
            ClauseVerdict::Held => '+',
            ClauseVerdict::Failed => '-',
            ClauseVerdict::Error => '!',
        };
        format!("  {sign} {}\n", clause.line())
    };
    if !explained.required.is_empty() {
        text.push_str("requiredClaims\n");
        explained.required.iter().for_each(|clause| text.push_str(&line(clause)));
    }
    for policy in explained.policies.iter().filter(|policy| !policy.when.is_empty()) {
        text.push_str(&format!("{}\n", policy.policy));
        policy.when.iter().for_each(|clause| text.push_str(&line(clause)));
    }
    Some(text).filter(|text| !text.is_empty())
}

/// An SVID as a scenario asks for it.
struct Asked {
    audiences: Option<Vec<String>>,
    lifetime: Option<Lifetime>,
}

impl Asked {
    fn wanted(&self) -> Wanted<'_> {
        match &self.audiences {
            Some(audiences) => Wanted::Jwt { audiences, lifetime: self.lifetime },
            None => Wanted::X509 { lifetime: self.lifetime },
        }
    }
}

fn wanted(text: &str) -> Asked {
    let (what, lifetime) = match text.split_once(" for ") {
        Some((what, lifetime)) => (what, Some(lifetime.parse().unwrap())),
        None => (text, None),
    };
    let mut words = what.split(' ').map(expand);
    match words.next().as_deref() {
        Some("jwt") => Asked { audiences: Some(words.collect()), lifetime },
        Some("x509") => Asked { audiences: None, lifetime },
        _ => panic!("`{text}` is no SVID"),
    }
}

impl When {
    fn cluster(&self) -> &str {
        self.cluster.as_deref().unwrap_or("build")
    }
}

fn members(text: &str) -> Map<String, Value> {
    match serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")) {
        Value::Object(members) => members,
        _ => panic!("claims are no object"),
    }
}

fn nothing() -> String {
    "{}".to_owned()
}
