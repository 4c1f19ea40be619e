//! Administrators of a realm, route by route: its clusters are theirs, and of the rest they learn nothing.

use accredit_core::model::Kind;
use serde_json::{Value, json};

use super::Stage;

/// Two realms of a trust domain, and a cluster in none.
async fn stage() -> Stage {
    let stage = Stage::set().await;
    let admin = |name: &str, role: &str, realm: &str| json!({"kind": "Administrator", "name": name, "spec": {"provider": "people", "match": {"sub": name}, "role": role, "trustDomain": "example.org", "realm": realm}});
    let resources = json!([
        {"kind": "TrustDomain", "name": "example.org"},
        {"kind": "TrustDomain", "name": "example.net"},
        admin("rita", "realm-admin", "pay"),
        admin("ruth", "realm-viewer", "pay"),
        admin("sam", "realm-admin", "ship"),
        cluster("pay-build", "example.org", Some("pay")),
        cluster("ship-build", "example.org", Some("ship")),
        cluster("build", "example.org", None),
    ]);
    let applied = stage.local("POST", "/v1/apply", json!({"resources": resources})).await;
    assert_eq!(applied.status, 200, "{applied:?}");
    stage
}

fn cluster(name: &str, domain: &str, realm: Option<&str>) -> Value {
    let mut spec = json!({"trustDomain": domain, "config": [
        {"section": "WorkloadAttestation", "schema": "v1", "spec": {"jwt": {"enabled": true, "allowedIssuers": [{"issuer": format!("https://{name}.example.org")}]}}},
    ]});
    if let Some(realm) = realm {
        spec["realm"] = json!(realm);
    }
    json!({"kind": "Cluster", "name": name, "spec": spec})
}

/// K10: what each may do on every way that leads to a cluster. Elsewhere nothing may be done, and what is asked for by its name
/// is not there.
#[tokio::test]
async fn each_way_to_a_cluster_asks_for_its_right() {
    let stage = stage().await;
    let spec = |domain: &str, realm: Option<&str>| json!({"spec": cluster("x", domain, realm)["spec"]});
    let apply = |name: &str, domain: &str, realm: Option<&str>| json!({"resources": [cluster(name, domain, realm)]});
    let mint = |name: &str| json!({"cluster": name, "path": "/pay/test", "reason": "a test", "svids": [{"type": "jwt", "audience": ["https://a.test"]}]});
    let (own, other) = (Some("pay"), Some("ship"));
    // The columns: administrator of the realm, its viewer, that of another realm, operator, owner. 400 is a policy that lets
    // nobody mint.
    let rows: [(&str, &str, Value, [u16; 5]); 20] = [
        ("GET", "/v1/clusters/pay-build", Value::Null, [200, 200, 404, 200, 200]),
        ("GET", "/v1/clusters/build", Value::Null, [404, 404, 404, 200, 200]),
        ("GET", "/v1/trust-domains/example.org", Value::Null, [200, 200, 200, 200, 200]),
        ("GET", "/v1/trust-domains/example.net", Value::Null, [404, 404, 404, 200, 200]),
        ("GET", "/v1/trust-domain-status?trustDomain=example.org", Value::Null, [200, 200, 200, 200, 200]),
        ("GET", "/v1/administrators/ruth", Value::Null, [200, 200, 404, 200, 200]),
        ("GET", "/v1/providers/people", Value::Null, [404, 404, 404, 200, 200]),
        ("PUT", "/v1/clusters/pay-build?dry_run=true", spec("example.org", own), [200, 403, 403, 403, 200]),
        ("PUT", "/v1/clusters/pay-new?dry_run=true", spec("example.org", own), [200, 403, 403, 403, 200]),
        ("PUT", "/v1/clusters/pay-new?dry_run=true", spec("example.org", other), [403, 403, 200, 403, 200]),
        ("PUT", "/v1/clusters/pay-new?dry_run=true", spec("example.org", None), [403, 403, 403, 403, 200]),
        ("PUT", "/v1/clusters/pay-new?dry_run=true", spec("example.net", own), [403, 403, 403, 403, 200]),
        (
            "PUT",
            "/v1/trust-domains/example.org?dry_run=true",
            json!({"spec": {"description": "mine"}}),
            [403, 403, 403, 403, 200],
        ),
        ("DELETE", "/v1/clusters/pay-build?dry_run=true", Value::Null, [200, 403, 404, 403, 200]),
        ("POST", "/v1/clusters/pay-build/disable?dry_run=true", Value::Null, [200, 403, 404, 403, 200]),
        ("POST", "/v1/diff", apply("pay-build", "example.org", own), [200, 200, 403, 200, 200]),
        ("POST", "/v1/apply", json!({"resources": [], "prune": true}), [403, 403, 403, 403, 403]),
        ("POST", "/v1/svid/mint", mint("pay-build"), [400, 403, 404, 400, 400]),
        ("POST", "/v1/svid/mint", mint("build"), [404, 404, 404, 400, 400]),
        ("GET", "/v1/keys", Value::Null, [403, 403, 403, 200, 200]),
    ];
    for (method, path, body, expected) in rows {
        for (who, expected) in ["rita", "ruth", "sam", "oscar", "olga"].into_iter().zip(expected) {
            let seen = stage.by(who, method, path, body.clone()).await;
            assert_eq!(seen.status.as_u16(), expected, "{who}: {method} {path} {body} {:?}", seen.body);
            if expected == 403 && who != "olga" {
                assert_eq!(seen.body["code"], "right-missing", "{who}: {method} {path}");
            }
        }
    }
    let refused = stage.by("ruth", "DELETE", "/v1/clusters/pay-build", Value::Null).await;
    let sentence = "`ruth` may not write cluster `pay-build`, which takes role `owner` or `realm-admin` of its realm";
    assert_eq!(refused.body["detail"], sentence);
}

/// K10: no cluster comes into a realm or leaves it, by whoever administers one of the two, or both.
#[tokio::test]
async fn no_cluster_changes_its_realm() {
    let stage = stage().await;
    let both = json!({"spec": {"provider": "people", "match": {"sub": "sam"}, "role": "realm-admin", "trustDomain": "example.org", "realm": "pay"}});
    assert_eq!(stage.local("PUT", "/v1/administrators/sam2", both).await.status, 201);
    for (who, name, realm, status) in [
        ("rita", "pay-build", Some("ship"), 422),
        ("rita", "pay-build", None, 422),
        ("rita", "ship-build", Some("pay"), 403),
        ("rita", "build", Some("pay"), 403),
        ("sam", "ship-build", Some("pay"), 422),
        ("olga", "build", Some("pay"), 422),
    ] {
        for dry_run in [true, false] {
            let body = json!({"resources": [cluster(name, "example.org", realm)], "dryRun": dry_run});
            let seen = stage.by(who, "POST", "/v1/apply", body).await;
            assert_eq!(seen.status.as_u16(), status, "{who} {name} {realm:?} {:?}", seen.body);
        }
    }
}

/// L23: lists, exports, counts, findings, refusals and the log hold nothing of other realms, and of nobody else.
#[tokio::test]
async fn a_realm_sees_itself() {
    let stage = stage().await;
    let names = |seen: &super::Seen| -> Vec<String> {
        let resources = seen.body["resources"].as_array().cloned().unwrap_or_default();
        resources.iter().map(|resource| resource["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let all = stage.by("rita", "GET", "/v1/resources", Value::Null).await;
    assert_eq!(names(&all), ["example.org", "rita", "ruth", "pay-build"]);
    assert_eq!(names(&stage.by("rita", "GET", "/v1/clusters", Value::Null).await), ["pay-build"]);
    let status = stage.by("rita", "GET", "/v1/status", Value::Null).await.body;
    assert_eq!((&status["resources"]["cluster"], &status["resources"]["mapping"]), (&json!(1), &json!(0)));
    // What she exports she may compare, and it differs in nothing.
    let diff = stage.by("rita", "POST", "/v1/diff", json!({"resources": all.body["resources"]})).await;
    let changes = diff.body["changes"].as_array().cloned().unwrap_or_default();
    assert!(changes.len() == 4 && changes.iter().all(|change| change["action"] == "unchanged"), "{:?}", diff.body);

    // A path that collides with another's is told without his name; so is a provider in the way.
    let collide = json!([{"section": "SVIDIssuancePolicy", "schema": "v1", "spec": {"policy": {"pathTemplate": "/pay/{{jwt.claim.a}}/{{jwt.claim.b}}"}}}]);
    let stranger = json!({"spec": {"trustDomain": "example.org", "config": collide}});
    assert_eq!(stage.local("PUT", "/v1/clusters/stranger", stranger).await.status, 201);
    let own = json!({"spec": {"trustDomain": "example.org", "realm": "pay", "config": collide}});
    let written = stage.by("rita", "PUT", "/v1/clusters/pay-new", own).await;
    assert_eq!(written.status, 201, "{:?}", written.body);
    let findings = written.body["findings"].to_string();
    assert!(findings.contains("cluster `…`") && !findings.contains("stranger"), "{findings}");
    assert!(!stage.by("rita", "GET", "/v1/lint", Value::Null).await.body.to_string().contains("stranger"));
    let taken = json!({"spec": {"trustDomain": "example.org", "realm": "pay", "config": [
        {"section": "WorkloadAttestation", "schema": "v1", "spec": {"jwt": {"enabled": true, "allowedIssuers": [{"issuer": "https://dex.example.org", "audiences": ["http://127.0.0.1:7070"]}]}}},
    ]}});
    let refused = stage.by("rita", "PUT", "/v1/clusters/pay-new", taken).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body.to_string().contains("provider `…`"), "{:?}", refused.body);

    // The log: what was done to clusters of the realm, and nothing that goes beyond it.
    let log = stage.by("rita", "GET", "/v1/audit", Value::Null).await.body;
    let records = log["records"].as_array().cloned().unwrap_or_default();
    assert_eq!(records.len(), 1, "{log}");
    assert_eq!(records[0]["detail"]["actor"], "rita");
    let id = stage.id(Kind::Cluster, "pay-new");
    assert_eq!(records[0]["detail"]["detail"]["changes"][0]["after"]["id"], id.to_string());
    assert_eq!(stage.by("rita", "DELETE", "/v1/clusters/pay-new", Value::Null).await.status, 200);
    // Also when the cluster is gone; another realm reads none of it.
    for (who, count) in [("rita", 2), ("ruth", 2), ("sam", 0), ("vera", 0)] {
        let log = stage.by(who, "GET", "/v1/audit", Value::Null).await.body;
        assert_eq!(log["records"].as_array().map(Vec::len), Some(count), "{who} {log}");
    }
}
