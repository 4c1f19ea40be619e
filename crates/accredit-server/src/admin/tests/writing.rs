//! Writing one resource: revisions, creates that may be repeated, pages, and input that nobody meant well.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::Stage;

#[tokio::test]
async fn a_create_may_be_repeated() {
    let stage = Stage::set().await;
    let new = json!({"name": "ci/new", "spec": {"description": "one"}});
    let first = stage.local("POST", "/v1/service-accounts", new.clone()).await;
    assert_eq!(
        (first.status.as_u16(), &first.headers["location"]),
        (201, &"/v1/service-accounts/ci/new".parse().unwrap())
    );
    let again = stage.local("POST", "/v1/service-accounts", new).await;
    assert_eq!((again.status.as_u16(), &again.body["resource"]), (200, &first.body["resource"]));
    let other = json!({"name": "ci/new", "spec": {"description": "two"}});
    let other = stage.local("POST", "/v1/service-accounts", other).await;
    assert_eq!((other.status.as_u16(), &other.body["code"]), (409, &json!("conflict")));
    let dry = stage.local("POST", "/v1/service-accounts?dry_run=true", json!({"name": "ci/dry"})).await;
    assert_eq!((dry.status.as_u16(), dry.body.get("resource")), (200, None));
    assert_eq!(stage.local("GET", "/v1/service-accounts/ci/dry", Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_revision_holds_a_writer_to_what_he_read() {
    let stage = Stage::set().await;
    let path = "/v1/service-accounts/ci/web";
    let read = stage.local("GET", path, Value::Null).await;
    assert_eq!((&read.headers["etag"], &read.body["revision"]), (&"\"1\"".parse().unwrap(), &json!(1)));
    let spec = |text: &str| json!({"spec": {"description": text}});
    let put = async |text: &str, headers: &[(&str, &str)]| {
        stage.by_with("olga", "PUT", path, spec(text), headers).await.status.as_u16()
    };
    assert_eq!(put("a", &[("if-match", "\"1\"")]).await, 200);
    assert_eq!(put("b", &[("if-match", "\"1\"")]).await, 412);
    assert_eq!(put("b", &[("if-match", "\"7\", \"2\"")]).await, 200);
    assert_eq!(put("c", &[("if-match", "2")]).await, 400);
    assert_eq!(put("c", &[("if-none-match", "*")]).await, 412);
    assert_eq!(put("c", &[("if-match", "*")]).await, 200);
    let stale = json!({"revision": 1, "spec": {}});
    assert_eq!(stage.local("PUT", path, stale).await.body["code"], "revision-changed");
    let gone = stage.by_with("olga", "DELETE", path, Value::Null, &[("if-match", "\"1\"")]).await;
    assert_eq!(gone.status.as_u16(), 412, "{:?}", gone.body);
    let absent = stage.by_with("olga", "PUT", "/v1/projects/new", spec("x"), &[("if-match", "*")]).await;
    assert_eq!(absent.status.as_u16(), 412);
    // By id as by name, with the slash as it is or encoded.
    let id = read.body["id"].as_str().unwrap();
    for path in [format!("/v1/service-accounts/{id}"), "/v1/service-accounts/ci%2Fweb".to_owned()] {
        assert_eq!(stage.local("PUT", &path, spec("d")).await.status.as_u16(), 200, "{path}");
    }
    let missing = "/v1/service-accounts/sa_00000000000000000000000000";
    assert_eq!(stage.local("PUT", missing, spec("d")).await.status.as_u16(), 404);
}

#[tokio::test]
async fn pages_stay_whole_under_writes() {
    let stage = Stage::set().await;
    let account = |name: &str| json!({"kind": "ServiceAccount", "name": name});
    let many: Vec<Value> = (0..25).map(|number| account(&format!("ci/a{number:02}"))).collect();
    assert_eq!(stage.local("POST", "/v1/apply", json!({"resources": many})).await.status, 200);
    let mut seen = Vec::new();
    let mut path = "/v1/service-accounts?project=ci&page_size=10".to_owned();
    for round in 0.. {
        let page = stage.local("GET", &path, Value::Null).await.body;
        let names =
            page["resources"].as_array().unwrap().iter().map(|resource| resource["name"].as_str().unwrap().to_owned());
        seen.extend(names);
        // Written behind and before where the reader is: neither skips nor repeats what stays.
        let new = account(&format!("ci/a{:02}x", if round == 0 { 1 } else { 23 }));
        assert_eq!(stage.local("POST", "/v1/apply", json!({"resources": [new]})).await.status, 200);
        let Some(token) = page["nextPageToken"].as_str() else { break };
        path = format!("/v1/service-accounts?project=ci&page_size=10&page_token={token}");
        let other_list = format!("/v1/service-accounts?page_token={token}");
        assert_eq!(stage.local("GET", &other_list, Value::Null).await.status, 400);
    }
    let mut expected: Vec<String> = (0..25).map(|number| format!("ci/a{number:02}")).collect();
    expected.extend(["ci/a23x".to_owned(), "ci/web".to_owned()]);
    expected.sort();
    assert_eq!(seen, expected);
    for size in ["0", "501", "-1", "x"] {
        let path = format!("/v1/projects?page_size={size}");
        assert_eq!(stage.local("GET", &path, Value::Null).await.status, 400, "{size}");
    }
}

/// Hostile input of an administrator: huge, deep, of the wrong type, unknown, twice. Always a problem, never a 5xx.
#[tokio::test]
async fn what_is_no_request_is_a_problem() {
    let stage = Stage::set().await;
    let deep = format!("{{\"name\": \"ci/a\", \"spec\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let long = format!("{{\"name\": \"{}\", \"spec\": {{}}}}", "a".repeat(2 * 1024 * 1024));
    let json = Some("application/json");
    type Row = (&'static str, &'static str, Option<&'static str>, Vec<u8>, u16);
    let rows: Vec<Row> = vec![
        ("POST", "/v1/service-accounts", json, deep.into_bytes(), 400),
        ("POST", "/v1/service-accounts", json, long.into_bytes(), 400),
        ("POST", "/v1/service-accounts", json, b"{\"name\": \"ci/a\", \"name\": \"ci/b\"}".to_vec(), 400),
        ("POST", "/v1/service-accounts", json, b"{\"name\": \"ci/a\", \"spec\": {\"a\": 1, \"a\": 2}}".to_vec(), 400),
        ("POST", "/v1/service-accounts", json, b"{\"name\": \"ci/a\", \"sepc\": {}}".to_vec(), 400),
        ("POST", "/v1/service-accounts", json, b"{\"name\": 7}".to_vec(), 400),
        ("POST", "/v1/service-accounts", json, b"[]".to_vec(), 400),
        ("POST", "/v1/service-accounts", json, b"".to_vec(), 400),
        ("POST", "/v1/service-accounts", json, b"{\"spec\": {}}".to_vec(), 400),
        ("POST", "/v1/service-accounts", json, b"\xff\xfe".to_vec(), 400),
        ("POST", "/v1/service-accounts", json, b"{\"name\": \"../../etc\"}".to_vec(), 422),
        ("POST", "/v1/service-accounts", json, b"{\"name\": \"ci/a\", \"kind\": \"API\"}".to_vec(), 400),
        ("POST", "/v1/service-accounts", json, b"{\"name\": \"ci/a\", \"spec\": [1]}".to_vec(), 422),
        ("POST", "/v1/service-accounts", json, b"{\"name\": \"ci/a\", \"id\": \"adm_x\"}".to_vec(), 422),
        ("POST", "/v1/service-accounts", Some("text/plain"), b"{}".to_vec(), 415),
        ("POST", "/v1/service-accounts", None, b"{}".to_vec(), 415),
        ("PUT", "/v1/service-accounts/ci/a", json, b"{\"name\": \"ci/b\"}".to_vec(), 400),
        ("PUT", "/v1/nothings/a", json, b"{}".to_vec(), 404),
        ("PATCH", "/v1/projects/ci", json, b"{}".to_vec(), 405),
        ("POST", "/v1/projects/ci/explode", json, b"".to_vec(), 405),
        ("PUT", "/v1/projects/ci/disable", json, b"{}".to_vec(), 405),
        ("GET", "/v1/projects/%ff", None, b"".to_vec(), 400),
        ("GET", "/v1/projects/a%00b", None, b"".to_vec(), 404),
        ("GET", "/v1/projects?page_token=AAAA", None, b"".to_vec(), 400),
        ("GET", "/v1/projects?unknown=1", None, b"".to_vec(), 400),
        ("GET", "/v1/audit?from=x", None, b"".to_vec(), 400),
        ("GET", "/v1/audit/dec_00", None, b"".to_vec(), 400),
        ("GET", "/v1/decisions/none", None, b"".to_vec(), 400),
    ];
    for (method, path, media, body, expected) in rows {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(media) = media {
            request = request.header("content-type", media);
        }
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let mut router = super::super::local(stage.app.clone());
        let response =
            tower_service::Service::call(&mut router, request.body(Body::from(body)).unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), expected, "{method} {path} {shown}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{method} {path} {shown}");
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let problem: Value = serde_json::from_slice(&bytes).unwrap();
        let code = problem["code"].as_str().unwrap();
        assert_eq!(problem["type"], format!("urn:accredit:problem:{code}"), "{method} {path} {shown}");
        assert_eq!(problem["status"], expected);
        assert!(bytes.len() < 4096, "{method} {path} {shown}: an answer of {} bytes", bytes.len());
    }
}
