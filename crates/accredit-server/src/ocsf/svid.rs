//! SVIDs that were issued, or not: an authentication of a job, or of an operator, and what it became.

use serde_json::{Map, Value, json};

use super::class::Class;
use super::{Draft, Read};

pub(super) fn draft(read: &Read) -> Draft {
    let failed = read.event.ends_with("-denied");
    let mut draft = Draft::new(Class::issuance(failed));
    draft.set("user", user(read));
    draft.set("service", service(read));
    if let Some(idp) = idp(read) {
        draft.set("actor", json!({"user": user(read), "idp": idp}));
    }
    let source = read.source();
    draft.perhaps("src_endpoint", source.map(|ip| json!({"ip": ip})));
    draft.set("auth_protocol_id", json!(99));
    draft.set("auth_protocol", json!("SPIFFE"));
    // A job always comes over the network; an operator may sit at the server's own socket.
    draft.set("is_remote", json!(operator(read).is_none() || source.is_some()));
    draft.perhaps("status_code", read.text("reason"));
    let told = read.values.get("explanation").and_then(|told| told.get("summary")).and_then(Value::as_str);
    draft.perhaps("status_detail", told.filter(|told| !told.is_empty()));
    if let Some(session) = session(read).filter(|_| !failed) {
        draft.set("session", session);
    }
    let part = |name: &str| read.text(name).unwrap_or("-");
    let message = match (failed, read.text("why")) {
        (false, None) => format!("{} -> {}", part("cluster"), part("spiffeId")),
        (false, Some(why)) => format!("{} -> {}  {why}", part("cluster"), part("spiffeId")),
        (true, _) => format!("{}  {}", part("cluster"), part("reason")),
    };
    draft.set("message", json!(message));
    draft
}

/// What the log calls the operator on whose word an SVID was made; `None` for a job.
fn operator(read: &Read) -> Option<&str> {
    read.text("actor")
}

/// Whom the token is about, or who minted for a test, and which identity came of it.
fn user(read: &Read) -> Value {
    let subject = || read.values.get("claims").and_then(|claims| claims.get("sub")).and_then(Value::as_str);
    let (name, type_id, kind) = match operator(read) {
        Some(name) => (name, 2, "Admin"),
        None => (subject().filter(|text| !text.is_empty()).unwrap_or("unknown"), 4, "Service"),
    };
    let mut user = Map::from_iter([
        ("name".to_owned(), json!(name)),
        ("type_id".to_owned(), json!(type_id)),
        ("type".to_owned(), json!(kind)),
    ]);
    if let Some(id) = read.text("spiffeId") {
        user.insert("account".to_owned(), json!({"name": id, "type_id": 99, "type": "SPIFFE ID"}));
    }
    if let Some(thumbprint) = read.text("keyThumbprint") {
        user.insert("credential_uid".to_owned(), json!(thumbprint));
    }
    Value::Object(user)
}

/// Who said so: the issuer of a job's token, or the provider by which an operator logged in.
fn idp(read: &Read) -> Option<Value> {
    let issuer = read.text("issuer").map(|issuer| json!({"name": issuer, "issuer": issuer}));
    let admitted = || read.kept.get("by")?.get("admitted")?.get(0)?.get("provider")?.as_str();
    issuer.or_else(|| Some(json!({"name": admitted()?})))
}

/// How long the SVID that lives longest does, and whose authority stands behind them.
fn session(read: &Read) -> Option<Value> {
    let milliseconds = |name: &str| read.kept.get(name).and_then(Value::as_i64).map(|at| at.saturating_mul(1000));
    let mut session = json!({"expiration_time": milliseconds("expiresAt")?, "is_remote": true});
    if let Some(at) = milliseconds("at") {
        session["created_time"] = json!(at);
    }
    if let Some(domain) = read.text("trustDomain") {
        session["issuer"] = json!(format!("spiffe://{domain}"));
    }
    Some(session)
}

fn service(read: &Read) -> Value {
    let name = read.text("cluster").unwrap_or("accredit");
    match read.text("clusterId") {
        Some(id) => json!({"name": name, "uid": id}),
        None => json!({"name": name}),
    }
}
