//! The admin client against a socket that answers well, badly or not at all.

use crate::peer::{Peer, answer};
use accredit_api::admin::{AcknowledgeRequest, ApplyRequest, NamedResource, RepinRequest, VerifyAuditRequest};
use accredit_client::admin::{AdminClient, AdminError};

async fn status(answered: Vec<u8>) -> (Result<accredit_api::admin::Status, AdminError>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let peer = Peer::unix(&path, move |_, _| answered.clone()).await.unwrap();
    let result = AdminClient::new(&peer.address).status().await;
    (result, peer.requests())
}

#[tokio::test]
async fn answers_are_read() {
    let body = r#"{"version":"0.1.0","publicUrl":"http://127.0.0.1:7070","sequence":7,"resources":{"Mapping":2}}"#;
    let (status, requests) = status(answer("200 OK", "", body)).await;
    let status = status.unwrap();
    assert_eq!((status.sequence, status.resources.get("Mapping")), (7, Some(&2)));
    assert!(requests[0].starts_with("GET /v1/status HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[0].contains("host: localhost\r\n"), "{}", requests[0]);
}

/// Each row of the table in `accredit_api::admin`: method, target and body.
#[tokio::test]
async fn every_row_of_the_table_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let peer = Peer::unix(&path, |_, _| answer("500 Oops", "", "")).await.unwrap();
    let admin = AdminClient::new(&path);
    let named = NamedResource { kind: "API".to_owned(), name: "a/b".to_owned(), revision: None, dry_run: true };
    let apply = ApplyRequest { resources: Vec::new(), dry_run: false, prune: true, project: None };
    let (claim, reason) = (Some("repository".to_owned()), "moved".to_owned());
    let repin = RepinRequest { mapping: "a/b".to_owned(), claim, value: None, reason, dry_run: false };
    let known = AcknowledgeRequest { id: "alarm_1".to_owned(), reason: "known".to_owned() };
    admin.apply(&apply).await.unwrap_err();
    admin.list(None, None).await.unwrap_err();
    admin.list(Some("API"), Some("a b&c")).await.unwrap_err();
    admin.resource("API", "a/b").await.unwrap_err();
    admin.delete(&named).await.unwrap_err();
    admin.enable(&named).await.unwrap_err();
    admin.disable(&named).await.unwrap_err();
    admin.explain(&Default::default()).await.unwrap_err();
    admin.decision("dec_1\r\nx: y").await.unwrap_err();
    admin.audit(5, None, &[]).await.unwrap_err();
    admin.audit(5, Some("1.4.0"), &[("event", Some("exchange-denied")), ("from", None)]).await.unwrap_err();
    admin.audit_record("act_1").await.unwrap_err();
    admin.verify_audit(&VerifyAuditRequest::default()).await.unwrap_err();
    admin.pins("a/b").await.unwrap_err();
    admin.repin(&repin).await.unwrap_err();
    admin.alarms(None, false).await.unwrap_err();
    admin.alarms(Some("a b"), true).await.unwrap_err();
    admin.alarm("alarm_1").await.unwrap_err();
    admin.acknowledge(&known).await.unwrap_err();
    admin.status().await.unwrap_err();
    let asked: Vec<String> = peer
        .requests()
        .iter()
        .map(|request| {
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            format!("{} {body}", head.lines().next().unwrap().trim_end_matches(" HTTP/1.1")).trim_end().to_owned()
        })
        .collect();
    let named = r#"{"kind":"API","name":"a/b","dryRun":true}"#;
    let expected = [
        r#"POST /v1/apply {"resources":[],"dryRun":false,"prune":true}"#.to_owned(),
        "GET /v1/resources".to_owned(),
        "GET /v1/resources?kind=API&project=a+b%26c".to_owned(),
        "GET /v1/resource?kind=API&name=a%2Fb".to_owned(),
        format!("POST /v1/resource/delete {named}"),
        format!("POST /v1/resource/enable {named}"),
        format!("POST /v1/resource/disable {named}"),
        "POST /v1/explain {}".to_owned(),
        "GET /v1/decision?id=dec_1%0D%0Ax%3A+y".to_owned(),
        "GET /v1/audit?limit=5".to_owned(),
        "GET /v1/audit?limit=5&before=1.4.0&event=exchange-denied".to_owned(),
        "GET /v1/audit/record?id=act_1".to_owned(),
        r#"POST /v1/audit/verify {"heads":[]}"#.to_owned(),
        "GET /v1/pins?mapping=a%2Fb".to_owned(),
        r#"POST /v1/pins/repin {"mapping":"a/b","claim":"repository","reason":"moved","dryRun":false}"#.to_owned(),
        "GET /v1/alarms".to_owned(),
        "GET /v1/alarms?provider=a+b&all=true".to_owned(),
        "GET /v1/alarm?id=alarm_1".to_owned(),
        r#"POST /v1/alarm/acknowledge {"id":"alarm_1","reason":"known"}"#.to_owned(),
        "GET /v1/status".to_owned(),
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_problem_is_a_refusal() {
    let body = r##"{"type":"urn:accredit:problem:documents-refused","code":"documents-refused","status":422,"title":"documents are faulty","detail":"1 fault","errors":[{"document":1,"pointer":"#/resources/1/spec/ref","field":"spec.ref","detail":"is a number"}]}"##;
    let error = status(answer("400 Bad Request", "", body)).await.0.unwrap_err();
    assert_eq!(error.to_string(), "1 fault");
    let AdminError::Refused(problem) = error else { unreachable!("{error}") };
    assert_eq!((problem.faults[0].document, problem.faults[0].field.as_str()), (1, "spec.ref"));
}

#[tokio::test]
async fn what_is_no_admin_api_is_said() {
    let huge = answer("200 OK", "", &" ".repeat(65 * 1024 * 1024));
    for (answered, said) in [
        (answer("200 OK", "", "<html>"), "cannot be read: expected value"),
        (answer("404 Not Found", "", "nothing here"), "status 404 without a problem document"),
        (b"220 mail.example.org ESMTP\r\n".to_vec(), "cannot be read: not HTTP"),
        (huge, "cannot be read: more than 64 MiB"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec(), "no server answers at"),
    ] {
        let error = status(answered).await.0.unwrap_err();
        assert!(error.to_string().contains(said), "{said}: {error}");
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let error = AdminClient::new(folder.path().join("none.sock")).status().await.unwrap_err();
    let AdminError::Unreachable { cause, .. } = error else { unreachable!("{error}") };
    assert_eq!(cause.kind(), std::io::ErrorKind::NotFound);
}
