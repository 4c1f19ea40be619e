//! Exchanges and logins.

use serde_json::{Map, Value, json};

use super::class::Class;
use super::{Draft, Read};

pub(super) fn draft(read: &Read) -> Draft {
    let is_login = read.event.starts_with("login-");
    let failed = read.event.ends_with("-denied");
    let mut draft = Draft::new(if is_login { Class::logon(failed) } else { Class::exchange(failed) });
    draft.set("user", user(read, is_login));
    draft.set("service", service(read, is_login));
    if let Some(idp) = idp(read) {
        draft.set("actor", json!({"user": user(read, is_login), "idp": idp}));
    }
    draft.perhaps("src_endpoint", read.source().map(|ip| json!({"ip": ip})));
    draft.set("auth_protocol_id", json!(6));
    draft.set("auth_protocol", json!("OAUTH 2.0"));
    draft.set("is_remote", json!(true));
    draft.perhaps("status_code", read.text("reason"));
    let told = read.values.get("explanation").and_then(|told| told.get("summary")).and_then(Value::as_str);
    draft.perhaps("status_detail", told.filter(|told| !told.is_empty()));
    if let Some(session) = session(read).filter(|_| !failed) {
        draft.set("session", session);
    }
    draft.set("message", json!(message(read, is_login, failed)));
    draft
}

/// Whom the evidence is about. Without its values the record still tells which account it became or wanted.
fn user(read: &Read, is_login: bool) -> Value {
    let claim = |name: &str| read.values.get("claims")?.get(name)?.as_str().filter(|text| !text.is_empty());
    let name = claim("sub").or_else(|| claim("arn")).or_else(|| read.text("actor"));
    let (type_id, kind) = if is_login { (2, "Admin") } else { (4, "Service") };
    let mut user = Map::from_iter([
        ("name".to_owned(), json!(name.unwrap_or("unknown"))),
        ("type_id".to_owned(), json!(type_id)),
        ("type".to_owned(), json!(kind)),
    ]);
    let account = read.text("serviceAccount").or_else(|| read.text("askedServiceAccount"));
    if let Some(account) = account {
        let mut object = json!({"name": account, "type_id": 99, "type": "Service Account"});
        if let Some(id) = read.text("serviceAccountId") {
            object["uid"] = json!(id);
        }
        user.insert("account".to_owned(), object);
    }
    if let Some(thumbprint) = read.text("keyThumbprint") {
        user.insert("credential_uid".to_owned(), json!(thumbprint));
    }
    Value::Object(user)
}

fn service(read: &Read, is_login: bool) -> Value {
    let name = read.text("api").or_else(|| read.text("askedApi"));
    let name = name.unwrap_or(if is_login { "accredit admin" } else { "accredit" });
    match read.text("apiId") {
        Some(id) => json!({"name": name, "uid": id}),
        None => json!({"name": name}),
    }
}

fn idp(read: &Read) -> Option<Value> {
    let mut idp = json!({"name": read.text("provider")?});
    if let Some(id) = read.text("providerId") {
        idp["uid"] = json!(id);
    }
    if let Some(issuer) = read.text("issuer") {
        idp["issuer"] = json!(issuer);
    }
    Some(idp)
}

/// The token that was issued. Its `jti` is the decision, so that its uses are found by it.
fn session(read: &Read) -> Option<Value> {
    let milliseconds = |name: &str| read.kept.get(name).and_then(Value::as_i64).map(|at| at.saturating_mul(1000));
    let mut session = json!({"expiration_time": milliseconds("expiresAt")?, "is_remote": true});
    if let Some(at) = milliseconds("at") {
        session["created_time"] = json!(at);
    }
    Some(session)
}

fn message(read: &Read, is_login: bool, failed: bool) -> String {
    let part = |name: &str| read.text(name).unwrap_or("-");
    match (is_login, failed) {
        (false, false) => {
            format!("{} -> {}  {}  {}", part("provider"), part("serviceAccount"), part("api"), part("scope"))
        }
        (true, false) => format!("{} as {}", part("actor"), part("administrators")),
        (_, true) => format!("{}  {}", part("provider"), part("reason")),
    }
}
