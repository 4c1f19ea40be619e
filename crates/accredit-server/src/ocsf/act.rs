//! What administrators and the server itself did.

use serde_json::{Value, json};

use super::class::Class;
use super::{Draft, Read, product};

pub(super) fn draft(read: &Read) -> Draft {
    let mut draft = match read.event.as_str() {
        "refusals-counted" => refusals(read),
        "act-refused" | "refused-acts-counted" => refused(read),
        "server-started" | "store-writable-again" | "audit-export-refused" | "audit-export-resumed" => {
            let mut draft = Draft::new(Class::lifecycle(&read.event));
            draft.set("app", product());
            draft.perhaps("status_detail", read.detail("why"));
            draft
        }
        "alarm-raised" | "alarm-acknowledged" => alarm(read),
        _ => changed(read),
    };
    let message = draft.attributes.get("message").is_none().then(|| read.event.replace('-', " "));
    draft.perhaps("message", message);
    draft
}

/// Refusals that nobody has vouched for: one event for all that a record counts.
fn refusals(read: &Read) -> Draft {
    let mut draft = Draft::new(Class::refusals());
    draft.set("user", json!({"name": "unknown", "type_id": 0, "type": "Unknown"}));
    draft.set("service", json!({"name": "accredit"}));
    draft.set("count", json!(counted(read)));
    draft
}

fn refused(read: &Read) -> Draft {
    let method = read.detail("method").unwrap_or_default();
    let mut draft = Draft::new(Class::refused_act(method));
    draft.set("actor", actor(read));
    draft.set("api", json!({"operation": format!("{method} {}", read.detail("path").unwrap_or("-")).trim_start()}));
    draft.set("src_endpoint", endpoint(read));
    draft.perhaps("status_code", read.detail("code"));
    draft.perhaps("status_detail", read.detail("why"));
    if read.event == "refused-acts-counted" {
        draft.set("count", json!(counted(read)));
    }
    draft
}

fn alarm(read: &Read) -> Draft {
    let mut draft = Draft::new(Class::alarm(&read.event));
    let code = read.detail("code").unwrap_or("alarm");
    let provider = read.detail("provider").unwrap_or("-");
    let title = format!("provider {provider}: {code}");
    let uid = read.detail("alarm").or_else(|| read.detail("id")).unwrap_or(code);
    draft.set("finding_info", json!({"uid": uid, "title": title}));
    draft.set("is_alert", json!(read.event == "alarm-raised"));
    draft.set("message", json!(title));
    draft
}

/// A change: the first thing that it is about is the entity, all of them are in the record.
fn changed(read: &Read) -> Draft {
    let changes = read.kept.get("detail").and_then(|detail| detail.get("changes")).and_then(Value::as_array);
    let changes = changes.map(Vec::as_slice).unwrap_or_default();
    let is_null = |change: &Value, side: &str| change.get(side).is_some_and(Value::is_null);
    let all = |side: &str| !changes.is_empty() && changes.iter().all(|change| is_null(change, side));
    let class = match read.event.as_str() {
        "key-made" | "spiral-token-issued" => Class::entity(1, "Create"),
        "token-revoked" | "key-revoked" | "audit-values-erased" | "audit-records-removed" => Class::entity(4, "Delete"),
        "provider-keys-seen" | "sighting-learned" => Class::other_of_entity("Observe"),
        _ if all("before") => Class::entity(1, "Create"),
        _ if all("after") => Class::entity(4, "Delete"),
        _ => Class::entity(3, "Update"),
    };
    let mut draft = Draft::new(class);
    draft.set("entity", changes.first().and_then(first).unwrap_or_else(|| named(read)));
    draft.set("actor", actor(read));
    draft.perhaps("comment", read.detail("reason"));
    draft.set("src_endpoint", endpoint(read));
    let and_more = match changes.len() {
        0 | 1 => String::new(),
        several => format!(", {several} resources"),
    };
    draft.set("message", json!(format!("{}{and_more}", read.event.replace('-', " "))));
    draft
}

/// The resource of a change.
fn first(change: &Value) -> Option<Value> {
    let side = |name: &str| change.get(name).filter(|side| side.is_object());
    let resource = side("after").or_else(|| side("before"))?;
    let name = resource.get("name")?.as_str()?;
    let mut entity = json!({"name": name, "type_id": 99, "type": resource.get("kind")?.as_str()?});
    if let Some(id) = resource.get("id").and_then(Value::as_str) {
        entity["uid"] = json!(id);
    }
    Some(entity)
}

/// What a record without changes is about.
fn named(read: &Read) -> Value {
    let event = read.event.as_str();
    let kind = match event {
        _ if event.starts_with("key-") || event.starts_with("keys-") => "SigningKey",
        "provider-keys-seen" => "KeySet",
        "sighting-learned" => "Provider",
        "token-revoked" | "spiral-token-issued" => "AccessToken",
        _ if event.starts_with("audit-") => "AuditRecord",
        _ => "Server",
    };
    let name = ["provider", "key", "id", "decision", "mapping"].into_iter().find_map(|name| read.detail(name));
    json!({"name": name.unwrap_or(event), "type_id": 99, "type": kind})
}

fn actor(read: &Read) -> Value {
    let name = read.text("actor").unwrap_or("unknown");
    match name {
        "server" => json!({"user": {"name": name, "type_id": 3, "type": "System"}}),
        _ => json!({"user": {"name": name, "type_id": 2, "type": "Admin"}}),
    }
}

fn endpoint(read: &Read) -> Value {
    match read.source() {
        Some(ip) => json!({"ip": ip}),
        None => json!({"name": "local"}),
    }
}

fn counted(read: &Read) -> u64 {
    let detail = read.kept.get("detail");
    let rows = detail.and_then(|detail| detail.get("refused")).and_then(Value::as_array);
    let listed: u64 = rows.into_iter().flatten().filter_map(|row| row.get("count")?.as_u64()).sum();
    let others = match detail.and_then(|detail| detail.get("others")) {
        Some(Value::Object(others)) => others.values().filter_map(Value::as_u64).sum(),
        Some(others) => others.as_u64().unwrap_or_default(),
        None => 0,
    };
    (listed + others).max(1)
}
