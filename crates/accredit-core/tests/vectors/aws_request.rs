//! `vectors/aws-request`: signed requests, good and forged, up to what would be sent to AWS.

use std::collections::BTreeMap;
use std::time::Duration;

use accredit_core::evidence::aws_request::check;
use accredit_core::model::{Kind, SignedRequests, yaml};
use accredit_core::plan::{self, Context};
use accredit_core::world::World;
use accredit_id::aws_request::{AwsRequest, Sent};
use accredit_id::time::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    good: Good,
    vector: Vec<Vector>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Good {
    method: String,
    url: String,
    body: String,
    headers: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    #[serde(default, rename = "case")]
    _case: String,
    name: String,
    method: Option<String>,
    url: Option<String>,
    body: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    more: Vec<(String, String)>,
    #[serde(default)]
    authorization: Vec<(String, String)>,
    #[serde(default)]
    at: i64,
    #[serde(default)]
    provider: toml::Table,
    fault: Option<String>,
    sends: Option<String>,
}

#[test]
fn requests_come_out_as_the_vectors_say() {
    let mut count = 0;
    let mut failures = Vec::new();
    for path in crate::files("aws-request", "toml") {
        let file: File = toml::from_str(&crate::text(&path)).unwrap();
        for vector in &file.vector {
            count += 1;
            let seen = outcome(&changed(&file.good, vector), vector);
            let expected = match (&vector.fault, &vector.sends) {
                (Some(code), None) => Err(code.clone()),
                (None, Some(sends)) => Ok(sends.clone()),
                _ => panic!("`{}` needs either `fault` or `sends`", vector.name),
            };
            if seen != expected {
                failures.push(format!("{}: {seen:?}, expected {expected:?}", vector.name));
            }
        }
    }
    crate::settle(count, &failures);
}

fn changed(good: &Good, vector: &Vector) -> Good {
    let mut request = good.clone();
    for (text, replaced) in
        [(&mut request.method, &vector.method), (&mut request.url, &vector.url), (&mut request.body, &vector.body)]
    {
        text.clone_from(replaced.as_ref().unwrap_or(&text.clone()));
    }
    for (name, value) in &vector.headers {
        let value = match value.strip_prefix("{{16384*") {
            Some(_) => "A".repeat(16_384),
            None => value.clone(),
        };
        request.headers.retain(|(other, _)| other != name);
        if !value.is_empty() {
            request.headers.push((name.clone(), value));
        }
    }
    request.headers.extend(vector.more.iter().cloned());
    for (from, to) in &vector.authorization {
        for (_, value) in request.headers.iter_mut().filter(|(name, _)| name == "Authorization") {
            assert!(value.contains(from.as_str()), "`{}`: no `{from}` in Authorization", vector.name);
            *value = value.replace(from.as_str(), to);
        }
    }
    request
}

/// What would be sent, or the code of the refusal.
fn outcome(request: &Good, vector: &Vector) -> Result<String, String> {
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let sent = Sent { method: &request.method, url: &request.url, headers: &headers, body: &request.body };
    let read = AwsRequest::read(sent).map_err(|fault| fault.code().to_owned())?;
    let now = if vector.at < 0 {
        SIGNED_AT.minus(Duration::from_secs(vector.at.unsigned_abs()))
    } else {
        SIGNED_AT.plus(Duration::from_secs(vector.at.unsigned_abs()))
    };
    let checked = check(&read, &accepted(&vector.provider), now).map_err(|fault| fault.code().to_owned())?;
    let sent = checked.to_send();
    let written: BTreeMap<_, _> = sent.headers.iter().cloned().collect();
    assert_eq!(written["host"], sent.host, "`{}`", vector.name);
    assert_eq!(sent.body, request.body, "`{}`", vector.name);
    let signed = written["authorization"].split(',').nth(1).and_then(|part| part.split_once('=')).unwrap().1.to_owned();
    assert!(signed.split(';').all(|name| written.contains_key(name)), "`{}`: {signed}", vector.name);
    assert_eq!(written.len(), signed.split(';').count() + 1, "`{}` sends what is not signed", vector.name);
    Ok(format!("POST https://{}{}", sent.host, sent.target))
}

/// What a provider with these fields accepts, by way of its document.
fn accepted(fields: &toml::Table) -> SignedRequests {
    let fields = serde_json::to_string(fields).unwrap();
    let text = format!("kind: Provider\nname: aws\nspec: {{type: aws, signedRequests: {fields}}}\n");
    let documents: Vec<_> = yaml::parse("t", &text).unwrap().into_iter().map(|located| located.document).collect();
    let context = Context {
        public_url: "https://accredit.example.org",
        reserved: &[],
        plain_http: false,
        now: crate::stage::NOW,
    };
    let next = plan::apply(&World::default(), &documents, false, &context, &mut || [1; 16]).unwrap().next;
    next.find(Kind::Provider, "aws").unwrap().as_provider().unwrap().signed_requests.clone().unwrap()
}

const SIGNED_AT: Timestamp = Timestamp::from_unix(1_795_255_543);
