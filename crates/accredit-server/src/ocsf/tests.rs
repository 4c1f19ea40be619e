//! Each kind of record, against OCSF's own schema.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use accredit_store::audit::{ChainId, Content, Erasable, NewRecord, Record};
use accredit_store::{Entry, Store};
use serde_json::{Map, Value, json};

use super::{VERSION, event};

/// What OCSF says of the classes and objects that are used here: each attribute's type and what must be there.
fn schema() -> Value {
    serde_json::from_str(include_str!("../../../../vectors/ocsf/schema-1.7.0.json")).unwrap()
}

fn cases() -> Vec<Value> {
    let cases: Value = serde_json::from_str(include_str!("../../../../vectors/ocsf/records.json")).unwrap();
    cases.as_array().unwrap().clone()
}

/// A record as it is found in a log: the place of a record is the store's alone to say.
async fn found(record: &Value, values: Option<&Value>) -> accredit_store::Found {
    let store = Store::open("sqlite::memory:").await.unwrap();
    let mut chain = store.open_chain(ChainId([1; 16]), 1_800_000_000).await.unwrap();
    let erasable = values.map(|values| Erasable { salt: [1; 16], bytes: values.to_string().into_bytes() });
    let content = Content { bytes: record.to_string().into_bytes(), erasable };
    let NewRecord { id, content } = NewRecord { id: [0xab; 16], content };
    let entry = Entry {
        id,
        record: content,
        mark: None,
        proof: None,
        if_replayed: None,
        pins: Vec::new(),
        rests_on: Vec::new(),
        decided_on: i64::MAX,
    };
    store.commit_records(&mut chain, &[entry], 1_800_000_001).await.unwrap();
    store.find_record(&id).await.unwrap().unwrap()
}

#[tokio::test]
async fn every_record_is_an_event_that_ocsf_knows() {
    let schema = schema();
    assert_eq!(schema["version"], VERSION);
    for case in cases() {
        let (record, expected) = (&case["record"], &case["event"]);
        let found = found(record, case.get("values")).await;
        let told = event(&found, true);
        let mut faults = Vec::new();
        check_event(&schema, &told, &mut faults);
        assert_eq!(faults, Vec::<String>::new(), "{}: {told:#}", record["event"]);
        for (path, value) in expected.as_object().unwrap() {
            // What must not be there is expected to be null.
            let expected = Some(value).filter(|value| !value.is_null());
            assert_eq!(told.pointer(path), expected, "{} {path}: {told:#}", record["event"]);
        }
        // The same record is the same event, so that it is known when it comes again.
        assert_eq!(told, event(&found, true));
        assert_eq!(told["unmapped"]["record"], *record);
    }
}

/// What somebody may have erased is not told where the configuration says so.
#[tokio::test]
async fn values_stay_at_home_unless_they_are_wanted() {
    let schema = schema();
    for case in cases() {
        let found = found(&case["record"], case.get("values")).await;
        let told = event(&found, false);
        let mut faults = Vec::new();
        check_event(&schema, &told, &mut faults);
        assert_eq!(faults, Vec::<String>::new(), "{told:#}");
        assert!(!told.to_string().contains("hunter2"), "{told:#}");
    }
}

/// Bytes that are no record of ours are an event all the same: nothing is left out of the log that is delivered.
#[tokio::test]
async fn what_cannot_be_read_is_told_of() {
    let mut found = found(&json!({}), None).await;
    found.record = Record { bytes: b"\xff not JSON".to_vec(), ..found.record };
    let told = event(&found, true);
    let mut faults = Vec::new();
    check_event(&schema(), &told, &mut faults);
    assert_eq!((faults, &told["metadata"]["event_code"]), (vec![], &json!("unknown")));
}

/// The schema can find fault: without what is required, with what is unknown, of another type, with another number.
#[tokio::test]
async fn the_schema_is_no_rubber_stamp() {
    let schema = schema();
    let found = found(&cases()[0]["record"], None).await;
    let told = event(&found, true);
    for (path, value) in [
        ("/user", None),
        ("/metadata/version", None),
        ("/type_uid", None),
        ("/service", None),
        ("/colour", Some(json!("blue"))),
        ("/user/colour", Some(json!("blue"))),
        ("/time", Some(json!("yesterday"))),
        ("/activity_id", Some(json!(42))),
        ("/user", Some(json!({"type_id": 1}))),
        ("/class_uid", Some(json!(3999))),
    ] {
        let mut worse = told.clone();
        let (parent, name) = path.rsplit_once('/').unwrap();
        let object = worse.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Some(value) => object.insert(name.to_owned(), value),
            None => object.remove(name),
        };
        let mut faults = Vec::new();
        check_event(&schema, &worse, &mut faults);
        assert!(!faults.is_empty(), "{path}");
    }
}

fn check_event(schema: &Value, event: &Value, faults: &mut Vec<String>) {
    let uid = event["class_uid"].to_string();
    let Some(class) = schema["classes"].get(&uid) else { return faults.push(format!("no class {uid}")) };
    check_object(schema, class, event, "", faults);
    let number = |name: &str| event[name].as_i64().unwrap_or_default();
    if number("type_uid") != number("class_uid") * 100 + number("activity_id") {
        faults.push("/type_uid is not that of class and activity".to_owned());
    }
    if number("category_uid") != number("class_uid") / 1000 {
        faults.push("/category_uid is not that of the class".to_owned());
    }
}

fn check_object(schema: &Value, said: &Value, seen: &Value, path: &str, faults: &mut Vec<String>) {
    let Some(seen) = seen.as_object() else { return faults.push(format!("{path} is no object")) };
    let attributes = said["attributes"].as_object().unwrap();
    for (name, attribute) in attributes {
        if attribute["required"] == json!(true) && !seen.contains_key(name) {
            faults.push(format!("{path}/{name} is missing"));
        }
    }
    let one_of: Vec<&str> = said["at_least_one"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !one_of.is_empty() && !one_of.iter().any(|name| seen.contains_key(*name)) {
        faults.push(format!("{path} has none of {one_of:?}"));
    }
    for (name, value) in seen {
        let path = format!("{path}/{name}");
        match attributes.get(name) {
            None => faults.push(format!("{path} is unknown")),
            Some(attribute) => check_value(schema, attribute, value, &path, faults),
        }
    }
}

fn check_value(schema: &Value, attribute: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    let kind = attribute["type"].as_str().unwrap();
    let fits = match kind {
        "integer_t" | "long_t" | "timestamp_t" | "port_t" => value.is_i64() || value.is_u64(),
        "boolean_t" => value.is_boolean(),
        "ip_t" => value.as_str().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
        "string_t" | "username_t" | "hostname_t" => value.is_string(),
        // Anything: what has no place of its own.
        "object" | "json_t" => true,
        object => {
            match schema["objects"].get(object) {
                Some(said) => check_object(schema, said, value, path, faults),
                None => faults.push(format!("{path} is of type `{object}`, which the table does not hold")),
            }
            true
        }
    };
    let listed = attribute["enum"].as_array();
    if !fits || listed.is_some_and(|listed| !listed.contains(value)) {
        faults.push(format!("{path} is {value}, expected {kind}"));
    }
}

/// Only a hint for whoever reads a fault: an object that is empty says nothing.
#[test]
fn the_table_holds_what_is_checked() {
    let schema = schema();
    let empty: Vec<&String> = ["classes", "objects"]
        .iter()
        .flat_map(|part| schema[*part].as_object().unwrap())
        .filter(|(_, said)| said["attributes"].as_object().is_none_or(Map::is_empty))
        .map(|(name, _)| name)
        .collect();
    assert!(empty.is_empty(), "{empty:?}");
}
