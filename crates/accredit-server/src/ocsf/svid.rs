//! SVIDs that were issued, or not: an authentication of a job, and what it became.

use serde_json::{Map, Value, json};

use super::class::Class;
use super::{Draft, Read};

pub(super) fn draft(read: &Read) -> Draft {
    let failed = read.event.ends_with("-denied");
    let mut draft = Draft::new(Class::issuance(failed));
    draft.set("user", user(read));
    draft.set("service", service(read));
    if let Some(issuer) = read.text("issuer") {
        draft.set("actor", json!({"user": user(read), "idp": {"name": issuer, "issuer": issuer}}));
    }
    draft.perhaps("src_endpoint", read.source().map(|ip| json!({"ip": ip})));
    draft.set("auth_protocol_id", json!(99));
    draft.set("auth_protocol", json!("SPIFFE"));
    draft.set("is_remote", json!(true));
    draft.perhaps("status_code", read.text("reason"));
    let told = read.values.get("explanation").and_then(|told| told.get("summary")).and_then(Value::as_str);
    draft.perhaps("status_detail", told.filter(|told| !told.is_empty()));
    let milliseconds = |name: &str| read.kept.get(name).and_then(Value::as_i64).map(|at| at.saturating_mul(1000));
    if let (false, Some(ends)) = (failed, milliseconds("expiresAt")) {
        draft.set("session", json!({"expiration_time": ends, "created_time": milliseconds("at"), "is_remote": true}));
    }
    let part = |name: &str| read.text(name).unwrap_or("-");
    let message = match failed {
        false => format!("{} -> {}", part("cluster"), part("spiffeId")),
        true => format!("{}  {}", part("cluster"), part("reason")),
    };
    draft.set("message", json!(message));
    draft
}

/// Whom the token is about, and which identity it became.
fn user(read: &Read) -> Value {
    let subject = read.values.get("claims").and_then(|claims| claims.get("sub")).and_then(Value::as_str);
    let mut user = Map::from_iter([
        ("name".to_owned(), json!(subject.unwrap_or("unknown"))),
        ("type_id".to_owned(), json!(4)),
        ("type".to_owned(), json!("Service")),
    ]);
    if let Some(id) = read.text("spiffeId") {
        user.insert("account".to_owned(), json!({"name": id, "type_id": 99, "type": "SPIFFE ID"}));
    }
    if let Some(thumbprint) = read.text("keyThumbprint") {
        user.insert("credential_uid".to_owned(), json!(thumbprint));
    }
    Value::Object(user)
}

fn service(read: &Read) -> Value {
    let name = read.text("cluster").unwrap_or("accredit");
    match read.text("clusterId") {
        Some(id) => json!({"name": name, "uid": id}),
        None => json!({"name": name}),
    }
}
