//! Who a job would be in a cluster: asked beforehand, told afterwards, and the same both times.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use accredit_e2e::claims::job_with;
use accredit_e2e::issuer::{Issuer, now};
use accredit_e2e::jobs::{AUDIENCE, ask, await_keys, documents, job, refused, served, token_for};
use accredit_e2e::server::{Home, PUBLIC_URL, Server};
use serde_json::{Value, json};

const API: &str = "https://api.test";

/// The cluster with two overrides, of which jobs in production match the second.
fn overridden(issuer: &Issuer) -> String {
    let base = documents(issuer, "", "/{{cluster.name}}/repo/{{jwt.claim.repository_id}}/ref/{{jwt.claim.ref}}");
    base + r#"        jwt: {ttl: 10m, additionalClaims: {repo: "{{jwt.claim.repository}}"}, audiences: ["https://api.test", "https://other.test"]}
      policyOverrides:
      - when: {jwt.claim.environment: staging}
        policy: {pathTemplate: "/{{cluster.name}}/staging"}
      - when: {jwt.claim.environment: prod, jwt.claim.ref: [refs/heads/main, "refs/tags/v*"]}
        policy: {pathTemplate: "/{{cluster.name}}/prod/{{jwt.claim.repository_id}}", jwt: {ttl: 2m}}
"#
}

/// Asks with a token in a file, and claims over it.
fn explained(home: &Home, server: &Server, token: &str, more: &[&str], code: i32) -> Value {
    let file = home.write("asked.token", &format!("{token}\n"));
    let arguments =
        [&["explain", "-o", "json", "--cluster", "build", "--token", file.to_str().unwrap()], more].concat();
    server.accredit(arguments).ended(code).json()
}

/// A question issues, spends, fetches and records nothing; what it says is what `/v1/svid` does, and what the record tells later,
/// also when the cluster has another configuration by then. L23.
#[test]
fn a_question_is_answered_as_the_request_will_be() {
    let (home, issuer, server) = served();
    server.apply(&overridden(&issuer.issuer));
    let token = job(&issuer.issuer, &json!({"environment": "prod", "exp": now() + 900}));
    let asked = ["--audience", API];
    // Its keys are not at hand, and nobody asks for them.
    let told = explained(&home, &server, &token, &asked, 0);
    assert_eq!((&told["standing"], issuer.requests()), (&json!("key-not-cached"), 0), "{told}");
    let name = "spiffe://example.org/build/prod/123";
    let answer = token_for(&server, &token, API);
    assert_eq!((answer.status, answer.member("spiffe_id").as_str()), (200, name), "{}", answer.text());
    let records =
        || server.accredit(["audit", "list", "-o", "json"]).ended(0).json()["records"].as_array().unwrap().len();
    let before = records();

    let told = explained(&home, &server, &token, &asked, 0);
    assert_eq!(
        (&told["standing"], &told["spiffeId"], &told["verdict"]),
        (&json!("verified"), &json!(name), &json!("allow"))
    );
    let identity = &told["identity"];
    assert_eq!(
        identity["issuers"],
        json!([{"entry": "jwt.allowedIssuers[0]", "issuer": issuer.issuer.url, "takes": true}])
    );
    let required = &identity["required"][0];
    assert_eq!(
        (&required["clause"], &required["outcome"], &required["seen"]),
        (&json!("repository_owner_id"), &json!("held"), &json!("98"))
    );
    let policies = identity["policies"].as_array().unwrap();
    let shown: Vec<_> = policies.iter().map(|policy| (&policy["policy"], &policy["counts"])).collect();
    assert_eq!(shown, [(&json!("override 1"), &json!(false)), (&json!("override 2"), &json!(true))], "{identity}");
    let fallen = &policies[0]["when"][0];
    assert_eq!((&fallen["seen"], &fallen["expected"]), (&json!("prod"), &json!("staging")));
    assert_eq!(
        identity["attributes"],
        json!([
            {"attribute": "cluster.name", "value": "build"},
            {"attribute": "jwt.claim.repository_id", "value": "123"},
            {"attribute": "jwt.claim.repository", "value": "acme/web"},
        ])
    );
    let svid = &identity["svids"][0];
    assert_eq!(
        (&svid["type"], &svid["lifetime"], &svid["audience"], &svid["claims"]),
        (&json!("jwt"), &json!(120), &json!([API]), &json!({"repo": "acme/web"}))
    );
    assert_eq!(records(), before, "a question was recorded");

    // The record tells the same, and goes on telling it.
    let of_record = || server.accredit(["decision", &answer.decision(), "-o", "json"]).ended(0).json();
    let check = |recorded: &Value| {
        assert_eq!((&recorded["spiffeId"], &recorded["verdict"]), (&told["spiffeId"], &told["verdict"]));
        for part in ["issuers", "required", "policies", "attributes"] {
            assert_eq!(recorded["identity"][part], identity[part], "{part}: {recorded}");
        }
        assert_eq!(recorded["identity"]["svids"][0]["audience"], json!([API]));
    };
    check(&of_record());
    server.apply(&documents(&issuer.issuer, "", "/{{cluster.name}}/elsewhere/{{jwt.claim.repository_id}}"));
    assert_eq!(token_for(&server, &token, API).member("spiffe_id"), "spiffe://example.org/build/elsewhere/123");
    check(&of_record());
    let text = server.accredit(["decision", &answer.decision()]).ended(0).stdout;
    for line in [
        "policy   override 1: `jwt.claim.environment` is prod, expected staging\n",
        "         override 2: counts\n",
        "template /{{cluster.name}}/prod/{{jwt.claim.repository_id}}\n",
        "requires `repository_owner_id` is 98, as it must be\n",
    ] {
        assert!(text.contains(line), "`{line}` is not in\n{text}");
    }
}

/// Each refusal is told with what was seen, and where there is a smallest fix it works.
#[test]
fn refusals_are_told_with_a_fix_that_works() {
    let (home, issuer, server) = served();
    server.apply(&overridden(&issuer.issuer));
    let own = &issuer.issuer;
    assert_eq!(token_for(&server, &job(own, &json!({})), API).status, 200);
    let apply = |told: &Value| {
        let fix = home.write("fix.yaml", told["fix"].as_str().unwrap_or_else(|| unreachable!("no fix: {told}")));
        server.accredit(["config", "set", "cluster", "--id", "build", fix.to_str().unwrap()]).ended(0);
    };
    for (claims, more, reason) in [
        (json!({"event_name": "push"}), vec!["--audience", "https://third.test"], "audience-not-allowed"),
        (
            json!({"iss": "https://gitlab.test", "project_id": "7", "sub": "x"}),
            vec!["--audience", API],
            "issuer-not-allowed",
        ),
    ] {
        let issuer_of = |claims: &Value| Issuer::new(claims["iss"].as_str().unwrap_or(&own.url));
        let token = match claims.get("iss") {
            Some(_) => job(&issuer_of(&claims), &claims),
            None => job(own, &claims),
        };
        let told = explained(&home, &server, &token, &more, 3);
        assert_eq!(told["reason"], reason, "{told}");
        apply(&told);
        let again = explained(&home, &server, &token, &more, 0);
        assert_eq!(again["verdict"], "allow", "{again}");
    }
    // What nobody should be offered: an audience of our own, somebody else's repository, a token that is over.
    for (changes, more, reason) in [
        (json!({}), ["--audience", PUBLIC_URL], "audience-reserved"),
        (json!({"repository_owner_id": "99"}), ["--audience", API], "claims-required"),
        (json!({"exp": now() - 5, "iat": now() - 100, "nbf": now() - 100}), ["--audience", API], "expired"),
        (json!({"aud": PUBLIC_URL}), ["--audience", API], "audience-mismatch"),
    ] {
        let told = explained(&home, &server, &job(own, &changes), &more, 3);
        assert_eq!((&told["reason"], told.get("fix")), (&json!(reason), None), "{told}");
    }
    let told = explained(&home, &server, &job(own, &json!({"aud": PUBLIC_URL})), &["--audience", API], 3);
    let tried = &told["identity"]["issuers"][0];
    assert_eq!((&tried["takes"], &tried["reason"]), (&json!(false), &json!("audience-mismatch")), "{told}");
    let slash = Issuer::new(&format!("{}/", own.url));
    let told = explained(&home, &server, &job(&slash, &json!({})), &["--audience", API], 3);
    assert!(
        told["identity"]["issuers"][0]["why"].as_str().unwrap().ends_with("only the slash at the end differs"),
        "{told}"
    );
    // A refusal that happened tells the same afterwards.
    let answer = token_for(&server, &job(own, &json!({"repository_owner_id": "99"})), API);
    refused(&answer, 403, "identity-not-allowed");
    let told = server.accredit(["decision", &answer.decision(), "-o", "json"]).ended(0).json();
    assert_eq!(told["identity"]["required"][0]["seen"], "99", "{told}");
    assert_eq!(told["identity"]["issuers"][0]["takes"], true, "{told}");
    // Nobody asks about a cluster and an account at once, or about nothing.
    let mixed = json!({"cluster": "build", "claims": {}, "serviceAccount": "ci/web"});
    assert_eq!(server.admin("POST", "/v1/explain", &mixed).0, 400);
    assert_eq!(server.admin("POST", "/v1/explain", &json!({"cluster": "build"})).0, 400);
    let nowhere = server.admin("POST", "/v1/explain", &json!({"cluster": "nowhere", "claims": {}}));
    assert_eq!((nowhere.0, &nowhere.1["reason"]), (200, &json!("cluster-unknown")));
}

/// I02: a question about a token that counts once spends it not, and says when it is spent.
#[test]
fn a_question_spends_no_token() {
    let (home, issuer, server) = served();
    server.apply(&documents(&issuer.issuer, "          replay: once\n", accredit_e2e::jobs::PATH));
    let token = job(&issuer.issuer, &json!({}));
    assert_eq!(token_for(&server, &job(&issuer.issuer, &json!({})), API).status, 200);
    for _ in 0..2 {
        let told = explained(&home, &server, &token, &["--audience", API], 0);
        assert!(told["summary"].as_str().unwrap().ends_with("once: a request would spend the token"), "{told}");
    }
    assert_eq!(token_for(&server, &token, API).status, 200);
    let told = explained(&home, &server, &token, &["--audience", API], 3);
    assert_eq!(told["reason"], "jti-reused", "{told}");
}

/// Whoever makes a trust domain can use it when he is told that it is there: its documents are whole, and its keys sign.
#[test]
fn a_new_trust_domain_is_usable_at_once() {
    let (home, issuer) = (Home::new(), Issuer::serve());
    let server = home.start();
    for (number, algorithm) in ["ES256", "RS256", "ES256"].into_iter().enumerate() {
        let name = format!("d{number}.example");
        let text = match number {
            0 => format!("kind: TrustDomain\nname: {name}\n"),
            _ => format!("kind: TrustDomain\nname: {name}\nspec: {{jwtSigning: {algorithm}}}\n"),
        };
        server.apply(&text);
        let domain = server.accredit(["get", "trust-domain", &name, "-o", "json"]).ended(0).json();
        let below = format!("/td/{}", domain["id"].as_str().unwrap());
        let mut connection = server.connect();
        let bundle = connection.get(&format!("{below}/bundle"));
        assert_eq!(bundle.status, 200, "{name}");
        let keys = bundle.json()["keys"].clone();
        let of = |purpose: &str| keys.as_array().unwrap().iter().filter(|key| key["use"] == purpose).count();
        assert_eq!((of("jwt-svid"), of("x509-svid")), (2, 2), "{keys}");
        let jwks = connection.get(&format!("{below}/jwks"));
        assert_eq!((jwks.status, jwks.json()["keys"].as_array().unwrap().len()), (200, 2));
        let discovery = connection.get(&format!("{below}/.well-known/openid-configuration"));
        assert_eq!(discovery.json()["id_token_signing_alg_values_supported"], json!([algorithm]), "{name}");
    }
    server.accredit(["trust-domain", "create", "example.org"]).ended(0);
    // It is there already: nothing new is made, and the first job that asks gets its SVID.
    server.apply(&documents(&issuer.issuer, "", accredit_e2e::jobs::PATH));
    let wanted = json!({"cluster": "build", "token": issuer.issuer.sign(&job_with(&issuer.issuer, &json!({"aud": AUDIENCE}))), "type": "jwt", "audience": [API]});
    assert_eq!(ask(&server, &wanted).status, 200);
    await_keys(&server);
}
