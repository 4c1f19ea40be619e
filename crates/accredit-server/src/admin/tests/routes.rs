//! The OpenAPI document beside the router: neither has a route that the other lacks.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use serde_json::Value;

use super::Stage;
use crate::admin::operations::OPERATIONS;
use crate::admin::operations_of_authority::OPERATIONS_OF_AUTHORITY;
use crate::admin::{Gate, anybody, document, remote, router};

/// What a router says of itself: its paths as it prints them, and the methods that it allows at each.
async fn real(router: Router) -> BTreeSet<(String, String)> {
    let printed = format!("{router:?}");
    // Behind it comes what answers where no route does.
    let printed = printed.split("fallback_router").next().unwrap();
    let mut paths: BTreeSet<&str> = printed.split('"').filter(|piece| piece.starts_with('/')).collect();
    paths.retain(|path| !path.contains("__private"));
    let mut seen = BTreeSet::new();
    for path in paths {
        let place = path.replace(['{', '}', '*'], "");
        let request = Request::builder().method("PROPFIND").uri(&place).body(Body::empty()).unwrap();
        let answer = tower_service::Service::call(&mut router.clone(), request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{place}");
        for method in answer.headers()["allow"].to_str().unwrap().split(',').filter(|method| *method != "HEAD") {
            seen.insert((path.to_owned(), method.to_ascii_lowercase()));
        }
    }
    seen
}

#[tokio::test]
async fn the_table_and_the_router_have_the_same_routes() {
    let stage = Stage::set().await;
    let gate = std::sync::Arc::new(Gate::new(stage.app.clone(), "http://127.0.0.1:1".to_owned()));
    let mut routed = real(router(stage.app.clone())).await;
    routed.extend(real(anybody(gate)).await);
    assert!(routed.len() > 30, "the router prints its paths in another way: {routed:?}");
    // One pattern routes what is done to one resource; what is done stands at its end.
    let pattern = |path: &str| match path.strip_prefix("/v1/{kinds}/{name}") {
        Some(_) => "/v1/{kinds}/{*name}".to_owned(),
        None => path.to_owned(),
    };
    let written: BTreeSet<_> = (OPERATIONS.iter().chain(OPERATIONS_OF_AUTHORITY))
        .map(|operation| (pattern(operation.path), operation.method.to_owned()))
        .collect();
    assert_eq!(written, routed);
}

/// The table says which routes take a key, the router does so, and none of them answers with anything secret: what is kept lies
/// in the store in the clear, as resources do.
#[tokio::test]
async fn keys_are_taken_where_the_table_says_and_nothing_secret_is_kept() {
    let stage = Stage::set().await;
    let mut keyed = 0;
    for operation in OPERATIONS.iter().chain(OPERATIONS_OF_AUTHORITY).filter(|operation| !operation.open) {
        let path = operation.path.replace("{kinds}", "projects").replace("{name}", "ci").replace("{id}", "x");
        let method = operation.method.to_ascii_uppercase();
        let seen = stage.by_with("olga", &method, &path, Value::Null, &[("idempotency-key", "\"\"")]).await;
        let is_read = seen.body["detail"].as_str().is_some_and(|detail| detail.contains("`Idempotency-Key`"));
        assert_eq!(is_read, operation.keyed, "{method} {path}: {:?}", seen.body);
        if operation.keyed {
            keyed += 1;
            let harmless = |(_, schema): &(u16, &str)| ["Written{Kind}", "ApplyResponse"].contains(schema);
            assert!(operation.answers.iter().all(harmless), "{}", operation.id);
        }
    }
    assert!(keyed > 5);
}

/// Anybody may read it: it is the one that is checked in, and knows nothing of the server that it comes from.
#[tokio::test]
async fn the_document_is_for_anybody() {
    let stage = Stage::set().await;
    let gate = std::sync::Arc::new(Gate::new(stage.app.clone(), "http://admin.shop.example:7443".to_owned()));
    let mut router = remote(gate);
    let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
    let answer = tower_service::Service::call(&mut router, request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let text = std::str::from_utf8(&bytes).unwrap();
    assert_eq!(text, document());
    for own in ["127.0.0.1", "shop", "7443", "7070", "olga", env!("CARGO_PKG_VERSION")] {
        assert!(!text.contains(own), "{own}");
    }
    let request = Request::get("/v1/status").body(Body::empty()).unwrap();
    assert_eq!(tower_service::Service::call(&mut router, request).await.unwrap().status(), 401);
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let document: Value = serde_json::from_str(&document()).unwrap();
    let text = document.to_string();
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    for (place, start) in text.match_indices("\"#/components/") {
        let reference: String = text[place + start.len()..].chars().take_while(|letter| *letter != '"').collect();
        assert!(document["components"].pointer(&format!("/{reference}")).is_some(), "{reference}");
        *used.entry(reference).or_default() += 1;
    }
    for group in ["schemas", "responses"] {
        for name in document["components"][group].as_object().unwrap().keys() {
            assert!(used.contains_key(&format!("{group}/{name}")), "{group}/{name} is used nowhere");
        }
    }
    let ids: Vec<&str> = text.split("\"operationId\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let different: BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len());
    assert!(ids.len() > 100 && !text.contains("{Kind}") && !text.contains("{noun}"), "{}", ids.len());
}
