//! Who may do what, route by route.

use accredit_core::model::Kind;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{Seen, Stage};

/// Reading and writing a mapping and a provider are rights of their own, on every way that leads to them (K10).
#[tokio::test]
async fn every_route_asks_for_its_right() {
    let stage = Stage::set().await;
    let mapping = |name: &str| {
        let account = name.replace("web2", "web");
        json!({"spec": {"provider": "dex", "serviceAccount": account, "match": {"sub": "x"}}})
    };
    let provider = json!({"spec": {"type": "oidc", "issuer": "https://new.example.org"}});
    let administrator = json!({"spec": {"provider": "dex", "match": {"sub": "m"}, "role": "owner"}});
    let apply = |resources: Value| json!({"resources": [resources], "dryRun": true});
    let own = json!({"kind": "ServiceAccount", "name": "ci/new"});
    let other = json!({"kind": "ServiceAccount", "name": "shop/new"});
    let nobodys = json!({"kind": "ServiceAccount", "name": "nowhere/new"});
    // The columns: owner, operator, auditor, project-admin of ci, project-viewer of ci, somebody without a role.
    let rows: [(&str, &str, Value, [u16; 6]); 24] = [
        ("PUT", "/v1/mappings/ci/web2?dry_run=true", mapping("ci/web2"), [200, 200, 403, 200, 403, 403]),
        ("PUT", "/v1/mappings/shop/web2?dry_run=true", mapping("shop/web2"), [200, 200, 403, 403, 403, 403]),
        ("PUT", "/v1/providers/new?dry_run=true", provider.clone(), [200, 403, 403, 403, 403, 403]),
        ("PUT", "/v1/providers/ci/new?dry_run=true", provider, [200, 403, 403, 200, 403, 403]),
        ("PUT", "/v1/administrators/mallory?dry_run=true", administrator, [200, 403, 403, 403, 403, 403]),
        ("DELETE", "/v1/mappings/ci/web?dry_run=true", Value::Null, [200, 200, 403, 200, 403, 403]),
        ("DELETE", "/v1/mappings/shop/web?dry_run=true", Value::Null, [200, 200, 403, 404, 404, 403]),
        ("POST", "/v1/mappings/ci/web/disable?dry_run=true", Value::Null, [200, 200, 403, 200, 403, 403]),
        ("POST", "/v1/mappings/ci/web/enable?dry_run=true", Value::Null, [200, 200, 403, 200, 403, 403]),
        ("POST", "/v1/projects/ci/disable?dry_run=true", Value::Null, [200, 200, 403, 403, 403, 403]),
        ("POST", "/v1/providers/dex/disable?dry_run=true", Value::Null, [200, 403, 403, 403, 403, 403]),
        ("GET", "/v1/mappings/ci/web", Value::Null, [200, 200, 200, 200, 200, 403]),
        ("GET", "/v1/mappings/shop/web", Value::Null, [200, 200, 200, 404, 404, 403]),
        ("GET", "/v1/providers/dex", Value::Null, [200, 200, 200, 200, 200, 403]),
        ("GET", "/v1/providers/shop/dex", Value::Null, [200, 200, 200, 404, 404, 403]),
        ("GET", "/v1/administrators/olga", Value::Null, [200, 200, 200, 404, 404, 403]),
        ("POST", "/v1/apply", apply(own.clone()), [200, 200, 403, 200, 403, 403]),
        ("POST", "/v1/apply", apply(other.clone()), [200, 200, 403, 403, 403, 403]),
        ("POST", "/v1/apply", apply(nobodys), [422, 422, 422, 403, 403, 403]),
        ("POST", "/v1/diff", apply(own), [200, 200, 200, 200, 200, 403]),
        ("POST", "/v1/diff", apply(other), [200, 200, 200, 403, 403, 403]),
        ("POST", "/v1/apply", json!({"resources": [], "prune": true, "dryRun": true}), [403, 403, 403, 403, 403, 403]),
        ("POST", "/v1/audit/verify", Value::Null, [200, 200, 200, 403, 403, 403]),
        ("GET", "/v1/audit", Value::Null, [200, 200, 200, 200, 200, 403]),
    ];
    for (method, path, body, expected) in rows {
        for (who, expected) in ["olga", "oscar", "aude", "paula", "vera", "nobody"].into_iter().zip(expected) {
            let seen = stage.by(who, method, path, body.clone()).await;
            assert_eq!(seen.status.as_u16(), expected, "{who}: {method} {path} {body} {:?}", seen.body);
        }
    }
}

/// Lists, exports, counts and the log hold what their reader may read, and nothing else (L23).
#[tokio::test]
async fn lists_keep_to_their_reader() {
    let stage = Stage::set().await;
    let names = |seen: &Seen| -> Vec<String> {
        let resources = seen.body["resources"].as_array().cloned().unwrap_or_default();
        resources.iter().map(|resource| resource["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    for (path, all, own) in [
        ("/v1/mappings", vec!["ci/web", "shop/web"], vec!["ci/web"]),
        ("/v1/projects", vec!["ci", "shop"], vec!["ci"]),
        ("/v1/providers", vec!["dex", "people", "shop/dex"], vec!["dex", "people"]),
        ("/v1/resources?kind=mapping", vec!["ci/web", "shop/web"], vec!["ci/web"]),
        ("/v1/administrators?project=shop", vec![], vec![]),
    ] {
        assert_eq!(names(&stage.by("aude", "GET", path, Value::Null).await), all, "{path}");
        assert_eq!(names(&stage.by("vera", "GET", path, Value::Null).await), own, "{path}");
    }
    let status = stage.by("vera", "GET", "/v1/status", Value::Null).await.body;
    assert_eq!((&status["resources"]["mapping"], &status["resources"]["administrator"]), (&json!(1), &json!(0)));
    let put = json!({"spec": {"description": "of the shop"}});
    assert_eq!(stage.local("PUT", "/v1/service-accounts/shop/web", put).await.status, 200);
    let put = json!({"spec": {"description": "of the builds"}});
    assert_eq!(stage.by("paula", "PUT", "/v1/service-accounts/ci/web", put).await.status, 200);
    let log = stage.by("vera", "GET", "/v1/audit", Value::Null).await.body;
    assert_eq!(log["records"].as_array().map(Vec::len), Some(1), "{log}");
    let record = &log["records"][0];
    assert_eq!(record["detail"]["actor"], "paula");
    assert_eq!(record["detail"]["detail"]["by"]["source"], "192.0.2.7");
    let admitted = &record["detail"]["detail"]["by"]["admitted"][0];
    assert_eq!(admitted["administratorId"], stage.id(Kind::Administrator, "paula").to_string());
    let change = &record["detail"]["detail"]["changes"][0];
    assert_eq!(change["before"]["spec"], json!({}));
    assert_eq!(change["after"]["spec"], json!({"description": "of the builds"}));
    let whole = stage.by("aude", "GET", "/v1/audit", Value::Null).await.body;
    assert!(whole["records"].as_array().is_some_and(|records| records.len() > 2), "{whole}");
}

/// L23: explanations show nobody a mapping of a project that he may not read.
#[tokio::test]
async fn explanations_keep_to_their_reader() {
    let stage = Stage::set().await;
    let claims = json!({"iss": "https://dex.example.org", "sub": "shop/web", "exp": 4102444800_i64, "aud": "http://127.0.0.1:7070"});
    let ask = |account: Option<&str>| json!({"claims": claims, "serviceAccount": account});
    for (who, account, expected) in [
        ("aude", None, 200),
        ("vera", Some("ci/web"), 200),
        ("vera", None, 403),
        ("vera", Some("shop/web"), 403),
        ("vera", Some("shop/nobody"), 403),
        ("vera", Some("web"), 403),
    ] {
        let seen = stage.by(who, "POST", "/v1/explain", ask(account)).await;
        assert_eq!(seen.status.as_u16(), expected, "{who} {account:?} {:?}", seen.body);
        if who == "vera" {
            let considered = seen.body["considered"].as_array().cloned().unwrap_or_default();
            assert!(considered.iter().all(|one| one["mapping"] == "ci/web"), "{:?}", seen.body);
        }
    }
}

/// L19: an administrator cannot touch what admitted him, on any way.
#[tokio::test]
async fn nobody_edits_what_admitted_him() {
    let stage = Stage::set().await;
    let own = json!({"spec": {"provider": "people", "match": {"sub": ["olga", "mallory"]}, "role": "owner"}});
    let provider = json!({"spec": {"type": "oidc", "issuer": "https://people.example.org", "keyIdOptional": true}});
    for (method, path, body) in [
        ("PUT", "/v1/administrators/olga", own.clone()),
        ("DELETE", "/v1/administrators/olga", Value::Null),
        ("POST", "/v1/administrators/olga/disable", Value::Null),
        ("PUT", "/v1/providers/people", provider),
        ("POST", "/v1/apply", json!({"resources": [{"kind": "Administrator", "name": "olga", "spec": own["spec"]}]})),
    ] {
        let seen = stage.by("olga", method, path, body).await;
        assert_eq!((seen.status.as_u16(), &seen.body["code"]), (403, &json!("own-admission")), "{method} {path}");
    }
    assert_eq!(stage.by("olga", "DELETE", "/v1/administrators/vera", Value::Null).await.status, 200);
    // What admitted him gone, he is nobody with the next request.
    assert_eq!(stage.by("vera", "GET", "/v1/projects", Value::Null).await.status, 403);
}

/// L20: a project cannot lead the server to where it must not go, whatever its provider says.
#[tokio::test]
async fn a_project_points_no_provider_inwards() {
    let stage = Stage::set().await;
    for issuer in ["https://10.0.0.1", "https://169.254.169.254", "https://[fd00::1]", "https://192.168.1.1:8443"] {
        for spec in [
            json!({"type": "oidc", "issuer": issuer}),
            json!({"type": "oidc", "issuer": "https://ci.example.org", "keys": {"jwksUrl": issuer}}),
        ] {
            let seen = stage.by("paula", "PUT", "/v1/providers/ci/inward", json!({"spec": spec})).await;
            assert_eq!(seen.status.as_u16(), 422, "{issuer} {:?}", seen.body);
        }
    }
    let internal = json!({"spec": {"type": "oidc", "issuer": "https://ci.example.org", "internal": true}});
    assert_eq!(stage.by("paula", "PUT", "/v1/providers/ci/inward", internal).await.status.as_u16(), 422);
}

/// A route that is reached without an actor answers nobody.
#[tokio::test]
async fn without_an_actor_there_is_no_answer() {
    let stage = Stage::set().await;
    for path in ["/v1/status", "/v1/projects", "/v1/nowhere"] {
        let bare = super::super::router(stage.app.clone());
        let required = bare.clone().layer(axum::middleware::from_fn(super::super::actor::require));
        for mut router in [required, bare] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = tower_service::Service::call(&mut router, request).await.unwrap();
            let is_open = path == "/v1/nowhere";
            if response.status() == 401 {
                assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("DPoP "));
            } else {
                assert!(is_open, "{path} {}", response.status());
            }
        }
    }
}
