//! What the log keeps of acts: refused ones, and large ones whole.

use serde_json::{Value, json};

use super::{Seen, Stage};

fn detail(seen: &Seen) -> &Value {
    &seen.body["detail"]["detail"]
}

/// L23: who was refused which act, and why; the answer names the record, and nobody but readers of everything finds it.
#[tokio::test]
async fn a_refused_act_is_recorded() {
    let stage = Stage::set().await;
    let provider = json!({"spec": {"type": "oidc", "issuer": "https://new.example.org"}});
    let refused = stage.by("paula", "PUT", "/v1/providers/new", provider).await;
    let id = refused.body["decision"].as_str().unwrap().to_owned();
    assert_eq!((refused.status.as_u16(), id.starts_with("act_")), (403, true), "{:?}", refused.body);
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    for read in [format!("/v1/audit/{id}"), format!("/v1/audit/{}", id.replace("act_", "adm_"))] {
        let seen = stage.by("aude", "GET", &read, Value::Null).await;
        assert_eq!((&seen.body["event"], &seen.body["id"]), (&json!("act-refused"), &json!(id)));
        assert_eq!(seen.body["detail"]["actor"], "paula");
        let told = detail(&seen);
        assert_eq!((&told["method"], &told["path"]), (&json!("PUT"), &json!("/v1/providers/new")));
        assert_eq!((&told["code"], &told["by"]["source"]), (&json!("right-missing"), &json!("192.0.2.7")));
        assert_eq!(told["why"], "`paula` may not write provider `new`, which takes role `owner`");
        assert_eq!(stage.by("paula", "GET", &read, Value::Null).await.status, 404);
    }
    let own = stage.by("olga", "DELETE", "/v1/administrators/olga", Value::Null).await;
    assert_eq!((&own.body["code"], own.body["decision"].is_string()), (&json!("own-admission"), true));
    // A flood of them is counted, and what is counted is a record in its turn.
    for _ in 0..30 {
        stage.by("vera", "POST", "/v1/audit/verify", Value::Null).await;
    }
    let list = stage.local("GET", "/v1/audit?event=act-refused&page_size=500", Value::Null).await;
    assert_eq!(list.body["records"].as_array().unwrap().len(), 2 + 20);
    stage.app.note_tally().await;
    let list = stage.local("GET", "/v1/audit?event=refused-acts-counted", Value::Null).await;
    assert_eq!(list.body["records"][0]["detail"]["detail"]["refused"], json!([{"actor": "vera", "count": 10}]));
}

/// An act of more than a record holds keeps each resource before and after, and so does a resource of more than that.
#[tokio::test]
async fn a_large_act_is_kept_whole() {
    let stage = Stage::set().await;
    let text = |letter: &str| format!("{}\"\\ä", letter.repeat(600 * 1024));
    let account = |number: u32, description: String| json!({"kind": "ServiceAccount", "name": format!("ci/a{number}"), "spec": {"description": description}});
    let many = |letter: &str| (0..20).map(|number| account(number, letter.repeat(40 * 1024))).collect::<Vec<_>>();
    for letter in ["a", "b"] {
        let mut documents = many(letter);
        documents.push(account(99, text(letter)));
        let applied = stage.local("POST", "/v1/apply", json!({"resources": documents})).await;
        assert_eq!(applied.status, 200, "{:?}", applied.body);
    }
    let list = stage.local("GET", "/v1/audit?event=resources-applied&page_size=1", Value::Null).await;
    let first = &list.body["records"][0];
    let parts = first["detail"]["detail"]["parts"].as_array().unwrap().clone();
    assert!(parts.len() > 3, "{parts:?}");
    let mut changes = first["detail"]["detail"]["changes"].as_array().unwrap().clone();
    for (place, part) in parts.iter().enumerate() {
        let part = stage.local("GET", &format!("/v1/audit/{}", part.as_str().unwrap()), Value::Null).await;
        assert_eq!((&detail(&part)["continues"], &detail(&part)["part"]), (&first["id"], &json!(place + 2)));
        assert_eq!((&detail(&part)["parts"], &part.body["event"]), (&json!(parts.len() + 1), &json!("act-continued")));
        changes.extend(detail(&part)["changes"].as_array().unwrap().iter().cloned());
    }
    let whole = changes.iter().filter(|change| {
        let spec =
            |side: &str| change[side]["spec"]["description"].as_str().map(|text| (text.len(), text.as_bytes()[0]));
        (spec("before"), spec("after")) == (Some((40 * 1024, b'a')), Some((40 * 1024, b'b')))
    });
    assert_eq!(whole.count(), 20);
    for (side, letter) in [("before", "a"), ("after", "b")] {
        let pieces = changes.iter().filter_map(|change| change[side]["json"].as_str());
        let resource: Value = serde_json::from_str(&pieces.collect::<String>()).unwrap();
        assert_eq!((&resource["name"], &resource["spec"]["description"]), (&json!("ci/a99"), &json!(text(letter))));
    }
    let verified = stage.local("POST", "/v1/audit/verify", Value::Null).await;
    assert_eq!(verified.body["breaks"], json!([]));
    // A reader of another project is shown no piece of it.
    stage.local("PUT", "/v1/administrators/sven", json!({"spec": {"provider": "people", "match": {"sub": "sven"}, "role": "project-viewer", "project": "shop"}})).await;
    let seen = stage.by("sven", "GET", "/v1/audit?page_size=500", Value::Null).await;
    assert_eq!(seen.body["records"], json!([]));
}
