//! Records of the log as events of the Open Cybersecurity Schema Framework (OCSF), one of each.
//!
//! An event says in OCSF's attributes what OCSF has attributes for, and holds the record itself under `unmapped`, so that
//! nothing is lost on the way. Pure: a record in, an event out, the same one each time; `metadata.uid` is the record's id, by
//! which whoever gets an event twice knows it.
//!
//! | module | holds |
//! |---|---|
//! | `class` | which class and activity an event of the log is |
//! | `decision` | exchanges and logins |
//! | `svid` | SVIDs that jobs asked for, or operators |
//! | `act` | what administrators and the server itself did |

mod act;
mod class;
mod decision;
mod svid;
#[cfg(test)]
mod tests;

use accredit_core::model::DecisionId;
use accredit_store::Found;
use accredit_store::audit::Value as Erasable;
use serde_json::{Map, Value, json};

use class::Class;

/// The version of OCSF whose classes and attributes these are.
pub(crate) const VERSION: &str = "1.7.0";

/// A record, read.
struct Read {
    event: String,
    /// What stays.
    kept: Map<String, Value>,
    /// What may be erased, where it is there and wanted.
    values: Map<String, Value>,
}

/// What the parts of an event are made from, and into.
struct Draft {
    class: Class,
    attributes: Map<String, Value>,
}

/// The event of a record. Values that may be erased are in it where they are still there and `with_values`.
pub(crate) fn event(found: &Found, with_values: bool) -> Value {
    let read = Read::of(found, with_values);
    let mut draft = match read.event.as_str() {
        "exchange-allowed" | "exchange-denied" | "login-allowed" | "login-denied" => decision::draft(&read),
        "svid-issued" | "svid-denied" => svid::draft(&read),
        _ => act::draft(&read),
    };
    let at = read.kept.get("at").and_then(Value::as_i64).unwrap_or(found.written_at);
    draft.set("time", json!(at.saturating_mul(1000)));
    draft.set("timezone_offset", json!(0));
    draft.set("metadata", metadata(found, &read));
    let mut unmapped = Map::from_iter([("position".to_owned(), json!(found.place.to_string()))]);
    unmapped.insert("record".to_owned(), Value::Object(read.kept));
    if !read.values.is_empty() {
        unmapped.insert("values".to_owned(), Value::Object(read.values));
    }
    draft.set("unmapped", Value::Object(unmapped));
    draft.finish()
}

/// One line of NDJSON.
pub(crate) fn line(found: &Found, with_values: bool) -> Vec<u8> {
    let mut line = event(found, with_values).to_string().into_bytes();
    line.push(b'\n');
    line
}

/// The id under which the record is found: `dec_...` of decisions, `act_...` of acts.
pub(crate) fn record_id(event: &str, id: [u8; 16]) -> String {
    let decision = DecisionId::new(id).to_string();
    match ["exchange-", "login-", "svid-"].iter().any(|prefix| event.starts_with(prefix)) {
        true => decision,
        false => decision.replacen("dec_", "act_", 1),
    }
}

fn metadata(found: &Found, read: &Read) -> Value {
    let mut metadata = json!({
        "version": VERSION,
        "uid": record_id(&read.event, found.record.id),
        "event_code": read.event,
        "log_name": "audit",
        "logged_time": found.written_at.saturating_mul(1000),
        "product": product(),
    });
    // By which spans of the same request are found.
    if let Some(trace) = read.text("trace") {
        metadata["correlation_uid"] = json!(trace);
    }
    metadata
}

/// What wrote the log.
fn product() -> Value {
    json!({"name": "Accredit", "vendor_name": "Accredit", "version": env!("CARGO_PKG_VERSION")})
}

// === impl Read ===

impl Read {
    fn of(found: &Found, with_values: bool) -> Self {
        let read = |bytes: &[u8]| serde_json::from_slice::<Map<String, Value>>(bytes).unwrap_or_default();
        let kept = read(&found.record.bytes);
        let values = match &found.record.value {
            Erasable::Present(bytes) if with_values => read(bytes),
            Erasable::Present(_) | Erasable::Erased | Erasable::None => Map::new(),
        };
        let event = kept.get("event").and_then(Value::as_str).unwrap_or("unknown").to_owned();
        Self { event, kept, values }
    }

    /// A text that stays.
    fn text(&self, name: &str) -> Option<&str> {
        self.kept.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A text of an act's detail.
    fn detail(&self, name: &str) -> Option<&str> {
        self.kept.get("detail")?.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// Where it came from.
    fn source(&self) -> Option<&str> {
        let of_act = || self.kept.get("detail")?.get("by")?.get("source")?.as_str();
        let of_operator = || self.kept.get("by")?.get("source")?.as_str();
        let kept = self.values.get("source").and_then(Value::as_str).or_else(|| self.text("source"));
        kept.or_else(of_act).or_else(of_operator)
    }
}

// === impl Draft ===

impl Draft {
    fn new(class: Class) -> Self {
        Self { class, attributes: Map::new() }
    }

    fn set(&mut self, name: &str, value: Value) {
        self.attributes.insert(name.to_owned(), value);
    }

    /// Sets what is there to be set.
    fn perhaps(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value.into());
        }
    }

    fn finish(mut self) -> Value {
        let Class { category, category_name, class, class_name, activity, activity_name, severity, failed } =
            self.class;
        let uid = category * 1000 + class;
        let status = match failed {
            true => (2, "Failure"),
            false => (1, "Success"),
        };
        let severity_name = match severity {
            1 => "Informational",
            2 => "Low",
            3 => "Medium",
            _ => "High",
        };
        // What is found is new or resolved, not a success.
        if class_name != "Detection Finding" {
            self.set("status_id", json!(status.0));
            self.set("status", json!(status.1));
        }
        for (name, value) in [
            ("category_uid", json!(category)),
            ("category_name", json!(category_name)),
            ("class_uid", json!(uid)),
            ("class_name", json!(class_name)),
            ("type_uid", json!(uid * 100 + activity)),
            ("type_name", json!(format!("{class_name}: {activity_name}"))),
            ("activity_id", json!(activity)),
            ("activity_name", json!(activity_name)),
            ("severity_id", json!(severity)),
            ("severity", json!(severity_name)),
        ] {
            self.set(name, value);
        }
        Value::Object(self.attributes)
    }
}
