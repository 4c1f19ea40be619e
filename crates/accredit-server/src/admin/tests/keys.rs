//! `Idempotency-Key`: the same key with the same request has the same answer, whatever happened in between. And where faults
//! lie in a request.

use serde_json::{Value, json};

use super::Stage;

#[tokio::test]
async fn a_key_has_one_answer() {
    let stage = Stage::set().await;
    let new = json!({"name": "ci/new", "spec": {"description": "one"}});
    let post = async |who: &str, key: &str, body: &Value| {
        stage.by_with(who, "POST", "/v1/service-accounts", body.clone(), &[("idempotency-key", key)]).await
    };
    // A refusal is judged anew.
    assert_eq!(post("olga", "\"k1\"", &json!({"name": "nowhere/new"})).await.status, 422);
    let first = post("olga", "\"k1\"", &new).await;
    assert_eq!(first.status, 201);
    stage.local("DELETE", "/v1/service-accounts/ci/new", Value::Null).await;
    let again = post("olga", "\"k1\"", &new).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &first.body));
    assert_eq!(
        (&again.headers["etag"], &again.headers["location"]),
        (&first.headers["etag"], &first.headers["location"])
    );
    assert_eq!(stage.local("GET", "/v1/service-accounts/ci/new", Value::Null).await.status, 404);
    let other = post("olga", "\"k1\"", &json!({"name": "ci/new"})).await;
    assert_eq!((other.status.as_u16(), &other.body["code"]), (422, &json!("idempotency-key-reused")));
    // Keys are each actor's own, and end with the rights that they were used with.
    let own = post("paula", "\"k1\"", &new).await;
    assert_eq!((own.status.as_u16(), own.body == first.body), (201, false));
    stage.local("POST", "/v1/administrators/paula/disable", Value::Null).await;
    assert_eq!(post("paula", "\"k1\"", &new).await.status, 403);
    assert_eq!(post("olga", "\"\"", &new).await.status, 400);
    // What goes with no method is told so first.
    let nothing = stage.by_with("olga", "PUT", "/v1/projects/ci/disable", json!({}), &[("idempotency-key", "\"\"")]);
    assert_eq!(nothing.await.status, 405);
    // Sets have keys too.
    let set = json!({"resources": [{"kind": "Project", "name": "late"}]});
    let apply =
        async || stage.by_with("olga", "POST", "/v1/apply", set.clone(), &[("idempotency-key", "\"k2\"")]).await;
    let (first, again) = (apply().await, apply().await);
    assert_eq!((&first.body["changes"][0]["action"], &first.body), (&json!("create"), &again.body));
}

/// Whatever writes a resource may be asked for again, when it has long become something else.
#[tokio::test]
async fn every_write_of_a_resource_has_keys() {
    let stage = Stage::set().await;
    let name = json!({"kind": "service-account", "name": "ci/web"});
    let mut seen = Vec::new();
    let writes = [
        ("PUT", "/v1/service-accounts/ci/web", json!({"spec": {"description": "one"}})),
        ("POST", "/v1/service-accounts/ci/web/disable", Value::Null),
        ("POST", "/v1/resource/enable", name.clone()),
        ("POST", "/v1/resource/disable", name),
        ("POST", "/v1/service-accounts/ci/web/enable", Value::Null),
        ("DELETE", "/v1/mappings/ci/web", Value::Null),
        ("POST", "/v1/resource/delete", json!({"kind": "mapping", "name": "shop/web"})),
        ("DELETE", "/v1/service-accounts/ci/web", Value::Null),
    ];
    for round in 0..2 {
        for (key, (method, path, body)) in writes.iter().enumerate() {
            let key = format!("\"{key}\"");
            let answer = stage.by_with("olga", method, path, body.clone(), &[("idempotency-key", &key)]).await;
            assert_eq!(answer.status, 200, "{round} {method} {path}: {:?}", answer.body);
            seen.push((answer.body, answer.headers.get("etag").cloned()));
        }
    }
    let (first, again) = seen.split_at(writes.len());
    assert_eq!(first, again);
    assert!(first.iter().all(|(body, _)| body["changes"][0]["action"] != "unchanged"), "{first:?}");
    // Another revision is another request.
    let path = "/v1/service-accounts/shop/web/disable";
    for (tag, status) in [("\"1\"", 200), ("\"1\"", 200), ("*", 422)] {
        let headers = [("idempotency-key", "\"tagged\""), ("if-match", tag)];
        assert_eq!(stage.by_with("olga", "POST", path, Value::Null, &headers).await.status, status, "{tag}");
    }
}

/// What wrote nothing is judged anew, and an answer ends with the rights that it was given for (L23).
#[tokio::test]
async fn l23_an_answer_is_kept_of_what_was_written_for_whoever_may_still_have_it() {
    let stage = Stage::set().await;
    let new = json!({"name": "ci/new"});
    let post =
        async |path: &str| stage.by_with("paula", "POST", path, new.clone(), &[("idempotency-key", "\"k\"")]).await;
    let dry = post("/v1/service-accounts?dry_run=true").await;
    assert_eq!((dry.status.as_u16(), &dry.body["dryRun"]), (200, &json!(true)));
    stage.local("POST", "/v1/service-accounts", new.clone()).await;
    let there = post("/v1/service-accounts").await;
    assert_eq!((there.status.as_u16(), &there.body["changes"][0]["action"]), (200, &json!("unchanged")));
    stage.local("DELETE", "/v1/service-accounts/ci/new", Value::Null).await;
    let first = post("/v1/service-accounts").await;
    assert_eq!(first.status, 201);
    assert_eq!(post("/v1/service-accounts").await.body, first.body);
    for (role, project, status) in
        [("owner", Value::Null, 200), ("project-viewer", json!("ci"), 200), ("project-admin", json!("shop"), 403)]
    {
        let spec = json!({"provider": "people", "match": {"sub": "paula"}, "role": role, "project": project});
        assert_eq!(stage.local("PUT", "/v1/administrators/paula", json!({"spec": spec})).await.status, 200);
        let seen = post("/v1/service-accounts").await;
        assert!(seen.status == status && seen.body != first.body, "{role}: {:?}", seen.body);
    }
    let spec =
        json!({"provider": "people", "match": {"sub": "paula"}, "role": "project-admin", "project": json!("ci")});
    stage.local("PUT", "/v1/administrators/paula", json!({"spec": spec})).await;
    assert_eq!(post("/v1/service-accounts").await.body, first.body);
}

#[tokio::test]
async fn two_at_once_are_carried_out_once() {
    let stage = Stage::set().await;
    let new = json!({"name": "ci/new"});
    let held = stage.app.changing.lock().await;
    let post = || stage.by_with("olga", "POST", "/v1/service-accounts", new.clone(), &[("idempotency-key", "\"k\"")]);
    let mut first = Box::pin(post());
    tokio::select! {
        _ = &mut first => panic!("nothing changes while the lock is held"),
        () = tokio::time::sleep(std::time::Duration::from_millis(50)) => {}
    }
    let second = post().await;
    assert_eq!((second.status.as_u16(), &second.body["code"]), (409, &json!("idempotency-key-in-flight")));
    // The first client goes away. What it asked for is finished all the same, once, and its answer is kept.
    drop(first);
    drop(held);
    let kept = loop {
        let seen = post().await;
        if seen.status != 409 {
            break seen;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((kept.status.as_u16(), &kept.body["resource"]["name"]), (201, &json!("ci/new")), "{:?}", kept.body);
    let again = post().await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &kept.body));
    let created = |event: &Value| event.to_string().contains("ci/new");
    let events = stage.local("GET", "/v1/audit?page_size=500", Value::Null).await;
    assert_eq!(
        events.body["records"].as_array().unwrap().iter().filter(|event| created(event)).count(),
        1,
        "{:?}",
        events.body
    );
}

/// RFC 9457 with RFC 6901: each fault of a document says where in the body it lies.
#[tokio::test]
async fn faults_point_into_the_request() {
    let stage = Stage::set().await;
    let mapping = json!({"kind": "Mapping", "name": "ci/x", "spec": {"provider": "nobody", "serviceAccount": "ci/web", "match": {"sub": "a"}}});
    let typed = json!({"kind": "Mapping", "name": "ci/y", "spec": {"provider": "dex", "serviceAccount": "ci/web", "match": {"https://a.b/c": 1.5}}});
    let set = json!({"resources": [{"kind": "Project", "name": "ci"}, mapping, typed]});
    let seen = stage.local("POST", "/v1/apply", set.clone()).await;
    let errors = seen.body["errors"].as_array().unwrap();
    let places: Vec<&str> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(places, ["#/resources/1/spec/provider", "#/resources/2/spec/match/https:~1~1a.b~1c"], "{:?}", seen.body);
    assert_eq!((&errors[0]["document"], &errors[0]["field"]), (&json!(1), &json!("spec.provider")));
    assert!(errors[0]["detail"].as_str().unwrap().contains("does not exist"), "{:?}", errors[0]);
    assert_eq!(seen.body["type"], "urn:accredit:problem:documents-refused");
    let seen = stage.local("PUT", "/v1/mappings/ci/x", json!({"spec": set["resources"][1]["spec"]})).await;
    assert_eq!(seen.body["errors"][0]["pointer"], "#/spec/provider", "{:?}", seen.body);
    let create = json!({"name": "ci/x", "spec": set["resources"][1]["spec"]});
    let seen = stage.local("POST", "/v1/mappings", create).await;
    assert_eq!(seen.body["errors"][0]["pointer"], "#/spec/provider", "{:?}", seen.body);
}
