//! Jobs, the cluster that takes them, and what `/v1/svid` answers.

use accredit_id::svid::pem;
use serde_json::{Value, json};

use crate::claims::job_with;
use crate::http::Answer;
use crate::issuer::{Issuer, Served};
use crate::patience::eventually;
use crate::server::{Home, Server};

/// A trust domain, and a cluster that takes the jobs of `acme/web` from a served issuer.
pub fn served() -> (Home, Served, Server) {
    let (home, issuer) = (Home::new(), Issuer::serve());
    let server = home.start();
    server.apply(&documents(&issuer.issuer, "", PATH));
    await_keys(&server);
    (home, issuer, server)
}

/// A trust domain signs a moment after it is there.
pub fn await_keys(server: &Server) {
    eventually("a trust domain has its keys", || {
        let (_, bundle) = bundle(server);
        let has = |purpose: &str| bundle["keys"].as_array().unwrap().iter().any(|key| key["use"] == purpose);
        has("jwt-svid") && has("x509-svid")
    });
}

/// `more` stands below the one allowed issuer.
pub fn documents(issuer: &Issuer, more: &str, path: &str) -> String {
    format!(
        "kind: TrustDomain\nname: example.org\n---\nkind: Cluster\nname: build\nspec:\n  trustDomain: example.org\n  config:\n  \
         - section: WorkloadAttestation\n    schema: v1\n    spec:\n      jwt:\n        enabled: true\n        allowedIssuers:\n        \
         - issuer: {url}\n          type: github\n          audiences: [{AUDIENCE}]\n          requiredClaims: {{repository_owner_id: \"98\"}}\n{more}  \
         - section: SVIDIssuancePolicy\n    schema: v1\n    spec:\n      policy:\n        pathTemplate: \"{path}\"\n",
        url = issuer.url
    )
}

/// The cluster with these documents of managed configuration, as they are printed.
pub fn configured(documents: &[&str]) -> String {
    let mut text = "kind: Cluster\nname: build\nspec:\n  trustDomain: example.org\n  config:\n".to_owned();
    for document in documents {
        let mut sign = "  - ";
        for line in document.lines() {
            text.push_str(&format!("{sign}{line}\n"));
            sign = "    ";
        }
    }
    text
}

/// The token of a job of `acme/web`, with these claims otherwise.
pub fn job(issuer: &Issuer, changes: &Value) -> String {
    let mut claims = job_with(issuer, changes);
    if changes.get("aud").is_none() {
        claims["aud"] = json!(AUDIENCE);
    }
    issuer.sign(&claims)
}

/// Asks `/v1/svid`.
pub fn ask(server: &Server, body: &Value) -> Answer {
    server.connect().json("POST", "/v1/svid", body)
}

/// Asks for a JWT-SVID for an audience.
pub fn token_for(server: &Server, token: &str, audience: &str) -> Answer {
    ask(server, &json!({"cluster": "build", "token": token, "type": "jwt", "audience": [audience]}))
}

/// That the caller was refused so, and has a decision to name.
pub fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.member("code").as_str()), (status, code), "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.member("decision"), answer.decision());
}

/// What the operator reads of a refusal: its reason, its sentence, its hint.
pub fn told(server: &Server, answer: &Answer) -> (String, String, String) {
    let told = server.accredit(["decision", &answer.decision(), "-o", "json"]).ended(0).json();
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("summary"), text("hint"))
}

/// The id of the trust domain, and its bundle as it is served.
pub fn bundle(server: &Server) -> (String, Value) {
    let domain = server.accredit(["get", "trust-domain", "example.org", "-o", "json"]).ended(0).json();
    let id = domain["id"].as_str().unwrap().to_owned();
    let bundle = server.connect().get(&format!("/td/{id}/bundle"));
    (id, if bundle.status == 200 { bundle.json() } else { json!({"keys": []}) })
}

/// The authorities of X509-SVIDs in a bundle, in DER.
pub fn authorities(bundle: &Value) -> Vec<Vec<u8>> {
    let keys = bundle["keys"].as_array().unwrap().iter().filter(|key| key["use"] == "x509-svid");
    let der =
        |key: &Value| pem::only(&pem::framed(pem::CERTIFICATE, key["x5c"][0].as_str().unwrap()), &[pem::CERTIFICATE]);
    keys.map(|key| der(key).unwrap()).collect()
}

/// What the cluster's issuers say the token must be for.
pub const AUDIENCE: &str = "spiffe://example.org";
/// The two documents as others print them.
pub const ATTESTATION: &str = r#"section: WorkloadAttestation
schema: v1
spec:
  jwt:
    enabled: true
    allowedIssuers:
    - issuer: https://token.actions.githubusercontent.com
"#;
/// The other one.
pub const POLICY: &str = r#"section: SVIDIssuancePolicy
schema: v1
spec:
  policy:
    pathTemplate: "/{{cluster.name}}/repo/{{jwt.claim.repo}}/ref/{{jwt.claim.ref}}"
"#;
/// A path of a repository and a branch.
pub const PATH: &str = "/{{cluster.name}}/repo/{{jwt.claim.repository_id}}/ref/{{jwt.claim.ref}}";
