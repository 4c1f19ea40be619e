//! Claims of a CI job in the shape of GitHub Actions, and what is said in a token of ours.

use accredit_id::base64url;
use serde_json::{Map, Value, json};

use crate::issuer::{Issuer, now};
use crate::server::PUBLIC_URL;

/// The claims of a job of `acme/web` on `main` that ends its token in half an hour.
pub fn job(issuer: &Issuer) -> Value {
    let now = now();
    json!({
        "iss": issuer.url,
        "aud": PUBLIC_URL,
        "sub": "repo:acme/web:ref:refs/heads/main",
        "iat": now,
        "nbf": now - 60,
        "exp": now + 1800,
        "jti": format!("job-{}", base64url::encode(&random())),
        "repository": "acme/web",
        "repository_id": "123",
        "repository_owner": "acme",
        "repository_owner_id": "98",
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "event_name": "push",
        "actor": "ada",
        "runner_environment": "github-hosted",
    })
}

/// The same with some claims set, or taken out where they are null.
///
/// # Panics
/// `changes` is no object.
pub fn job_with(issuer: &Issuer, changes: &Value) -> Value {
    with(job(issuer), changes)
}

/// Claims with some of them set, or taken out where they are null.
///
/// # Panics
/// One of the two is no object.
pub fn with(mut claims: Value, changes: &Value) -> Value {
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    claims
}

/// The token of such a job.
pub fn token(issuer: &Issuer, changes: &Value) -> String {
    issuer.sign(&job_with(issuer, changes))
}

/// What a token says, checked by nobody.
///
/// # Panics
/// It is no token.
pub fn said(token: &str) -> Map<String, Value> {
    let payload = base64url::decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// The `kid` of a token.
///
/// # Panics
/// It is no token, or has none.
pub fn kid(token: &str) -> String {
    let header = base64url::decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// Sixteen random bytes.
///
/// # Panics
/// There is no randomness.
pub fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}
