//! Questions about claims that somebody wrote by hand: nobody's word, over one provider's mappings or over all.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use accredit_e2e::issuer::Issuer;
use accredit_e2e::resources;
use accredit_e2e::server::{Home, Server};
use serde_json::{Value, json};

const MORE: &str = r#"kind: Provider
name: dex
spec: {type: oidc, issuer: "https://dex.test", keys: {jwksUrl: "https://127.0.0.1:9/keys"}}
---
kind: ServiceAccount
name: shop/till
---
kind: Grant
name: shop/till
spec: {api: shop/payments, permissions: [payments.write], to: shop/till}
---
kind: Mapping
name: shop/till
spec: {provider: dex, serviceAccount: shop/till, match: {sub: till-1, zone: eu}}
---
kind: Mapping
name: ci/web-release
enabled: false
spec: {provider: github, serviceAccount: ci/web, match: {repository_id: "123", repository_owner_id: "98", ref: refs/heads/release}}
"#;

fn served() -> (Home, Server) {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    server.apply(MORE);
    (home, server)
}

fn explain(server: &Server, claims: &str, more: &[&str], code: i32) -> Value {
    let arguments = [&["explain", "--claims", "-", "-o", "json"], more].concat();
    server.accredit_with(arguments, claims).ended(code).json()
}

/// A request may name the one mapping to be judged by, and so may a question: it settles which of two, rescues nothing, and names
/// its provider.
#[test]
fn one_mapping_alone_can_be_asked_about() {
    let (_home, server) = served();
    server.apply(
        r#"kind: Provider
name: second
spec: {type: oidc, issuer: "https://dex.test", onlyNamed: true, keys: {jwksUrl: "https://127.0.0.1:9/second"}}
---
kind: Mapping
name: shop/second
spec: {provider: second, serviceAccount: shop/till, match: {sub: till-2}}
---
kind: Mapping
name: ci/web-all
spec: {provider: github, serviceAccount: ci/web, match: {repository_id: "123", repository_owner_id: "98"}}
"#,
    );
    let job = "repository_id: \"123\"\nrepository_owner_id: \"98\"\nref: refs/heads/main\nrunner_environment: github-hosted\n";
    assert_eq!(explain(&server, job, &[], 3)["reason"], "mappings-ambiguous");
    let told = explain(&server, job, &["--mapping", "ci/web-main"], 0);
    assert_eq!(
        (&told["summary"], told["considered"].as_array().unwrap().len()),
        (&json!("mapping `ci/web-main` allows it"), 1)
    );
    assert_eq!(
        explain(&server, job, &["--mapping", "web-all", "-p", "ci"], 0)["summary"],
        "mapping `ci/web-all` allows it"
    );
    let dev = job.replace("heads/main", "heads/dev");
    assert_eq!(explain(&server, &dev, &[], 0)["summary"], "mapping `ci/web-all` allows it");
    assert_eq!(explain(&server, &dev, &["--mapping", "ci/web-main"], 3)["reason"], "no-mapping-matched");
    let told = explain(&server, job, &["--mapping", "shop/till", "--provider", "github"], 3);
    assert_eq!(
        (&told["reason"], &told["summary"]),
        (&json!("mapping-unknown"), &json!("provider `github` has no mapping `shop/till`"))
    );
    // A provider that must be named is named by its mapping, with or without an issuer in the claims.
    let till = "iss: https://dex.test\nsub: till-2\n";
    assert_eq!(explain(&server, till, &[], 3)["provider"], "dex");
    for claims in [till, "sub: till-2\n"] {
        let told = explain(&server, claims, &["--mapping", "shop/second"], 0);
        assert_eq!((&told["provider"], &told["serviceAccount"]), (&json!("second"), &json!("shop/till")));
    }
}

/// Without an issuer, claims are judged for the provider that they come nearest to; with one, for that issuer's alone.
#[test]
fn claims_find_their_provider() {
    let (_home, server) = served();
    let job = "repository_id: \"123\"\nrepository_owner_id: \"98\"\nref: refs/heads/main\nrunner_environment: github-hosted\n";
    let told = explain(&server, job, &[], 0);
    assert_eq!(
        (&told["provider"], &told["serviceAccount"], &told["standing"]),
        (&json!("github"), &json!("ci/web"), &json!("typed-in"))
    );
    let told = explain(&server, r#"{"sub": "till-1"}"#, &[], 3);
    assert_eq!(
        (&told["provider"], &told["summary"]),
        (&json!("dex"), &json!("mapping `shop/till`: `zone` is absent, expected `eu`"))
    );
    assert_eq!(explain(&server, "sub: till-1\nzone: eu\n", &[], 0)["provider"], "dex");
    let told = explain(&server, &format!("iss: https://ci.test\n{job}"), &[], 0);
    assert_eq!(told["provider"], "github");
    let told = explain(&server, &format!("iss: https://ci.test/\n{job}"), &[], 3);
    assert_eq!((&told["reason"], &told["standing"]), (&json!("issuer-unknown"), &json!("typed-in")));
    assert_eq!(told["summary"], "issuer is `https://ci.test/`, provider `github` has it without a slash at the end");
    let told = explain(&server, &format!("iss: https://dex.test\n{job}"), &["--provider", "github"], 3);
    assert_eq!(told["reason"], "issuer-mismatch");

    for (claims, said) in [
        ("ref: a\nref: b\n", "stdin:2 `ref` stands there twice"),
        (r#"{"ref": "a", "ref": "b"}"#, "file `-` holds no object of claims"),
        ("- ref\n", "file `-` holds no object of claims"),
        ("", "holds no document"),
    ] {
        let ran = server.accredit_with(["explain", "--claims", "-"], claims).ended(1);
        assert!(ran.stderr.contains(said), "{claims}: {}", ran.stderr);
    }
}

/// L23: over all mappings of all providers, nearest first; still a question that leaves no trace.
#[test]
fn all_mappings_are_ranked() {
    let (_home, server) = served();
    let count = || server.accredit(["audit", "list", "-o", "json"]).json()["records"].as_array().unwrap().len();
    let before = count();
    let job = r#"{"iss": "https://ci.test", "sub": "till-1", "zone": "us", "repository_id": "123", "repository_owner_id": "98", "ref": "refs/heads/release", "jti": "1"}"#;
    let told = explain(&server, job, &["--all"], 3);
    let ranked: Vec<_> = told["considered"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mapping| {
            let clauses = mapping["clauses"].as_array().unwrap();
            let fallen = clauses.iter().filter(|clause| clause["outcome"] != "held").count();
            (mapping["mapping"].as_str().unwrap(), mapping["provider"].as_str().unwrap(), fallen)
        })
        .collect();
    assert_eq!(ranked, [("ci/web-release", "github", 0), ("ci/web-main", "github", 2), ("shop/till", "dex", 2)]);
    assert_eq!((&told["ranked"], &told["considered"][0]["disabled"]), (&json!(3), &json!(true)));
    assert_eq!(told["considered"][2]["clauses"][0]["clause"], "iss");
    assert_eq!(told["summary"], "mapping `ci/web-release` would match, but it is disabled");

    let told = explain(&server, job, &["--all", "--top", "1"], 3);
    assert_eq!((told["considered"].as_array().unwrap().len(), &told["ranked"]), (1, &json!(3)));
    let text = server.accredit_with(["explain", "--claims", "-", "--all", "--top", "3"], job).ended(3).stdout;
    assert!(
        text.contains("         the nearest 3 of 3 mappings\n         ci/web-release (github) (disabled): matches\n"),
        "{text}"
    );
    assert!(text.contains("         shop/till (dex): `iss` is https://ci.test, expected https://dex.test\n"), "{text}");
    assert!(text.contains("claims   typed-in: nobody vouches for them\n"), "{text}");
    // The same question again is answered the same: no `jti` was spent, nothing was written.
    assert_eq!(explain(&server, job, &["--all"], 3)["ranked"], 3);
    assert_eq!(count(), before);
    server.accredit(["explain", "--claims", "-", "--top", "3"]).ended(2);
}
