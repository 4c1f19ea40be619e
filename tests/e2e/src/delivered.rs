//! What sinks of the audit log have got, held to what clients got and to what the log says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::claims::{said, token};
use crate::http::Connection;
use crate::issuer::Issuer;
use crate::server::{Home, PATIENCE, Server};

/// Gives a server sinks: `export = [...]` in the words of its configuration.
///
/// # Panics
/// Its configuration is not the usual one.
pub fn export(home: &Home, text: &str) {
    home.configure("[fetch]", &format!("[metrics]\nlisten = \"127.0.0.1:0\"\n\n[audit]\n{text}\n\n[fetch]"));
}

/// Those of the ids that no event has.
pub fn lacking(ids: &[String], events: &[Value]) -> Vec<String> {
    let there: BTreeSet<&str> = events.iter().filter_map(|event| event["metadata"]["uid"].as_str()).collect();
    ids.iter().filter(|id| !there.contains(id.as_str())).cloned().collect()
}

/// Exchanges until it is over; gives the ids of the tokens that came.
///
/// # Panics
/// A token has no id.
pub fn exchange(server: &Server, issuer: &Issuer, over: &AtomicBool) -> Vec<String> {
    let (mut connection, mut got) = (server.connect(), Vec::new());
    while !over.load(Ordering::SeqCst) {
        let request = connection.exchange_request(&token(issuer, &json!({})), &[]);
        let Ok(Some(answer)) = connection.send(&request).and_then(|()| connection.answer()) else { break };
        if answer.status == 200 {
            got.push(said(&answer.access_token())["jti"].as_str().unwrap().to_owned());
        }
        thread::sleep(Duration::from_millis(2));
    }
    got
}

/// The ids of every record of the log.
///
/// # Panics
/// The log cannot be read.
pub fn records(server: &Server) -> Vec<String> {
    let (mut ids, mut before) = (Vec::new(), None::<String>);
    loop {
        let path = match &before {
            None => "/v1/audit?limit=1000".to_owned(),
            Some(before) => format!("/v1/audit?limit=1000&before={before}"),
        };
        let (status, page) = server.admin("GET", &path, &Value::Null);
        assert_eq!(status, 200, "{page}");
        ids.extend(page["records"].as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap().to_owned()));
        match page["nextPageToken"].as_str() {
            Some(next) => before = Some(next.to_owned()),
            None => return ids,
        }
    }
}

/// How many of the last hundred records there are of an event.
pub fn listed(server: &Server, event: &str) -> usize {
    let (_, page) = server.admin("GET", &format!("/v1/audit?limit=100&event={event}"), &Value::Null);
    page["records"].as_array().map_or(0, Vec::len)
}

/// Sees that what came twice is the same, and says how many events came so.
///
/// # Panics
/// It is not.
pub fn repeated(what: &str, events: &[Value]) -> usize {
    let mut by_id: BTreeMap<&str, &Value> = BTreeMap::new();
    for event in events {
        let before = by_id.insert(event["metadata"]["uid"].as_str().unwrap(), event);
        assert!(before.is_none_or(|before| before == event), "{what}: {before:?} {event}");
    }
    events.len() - by_id.len()
}

/// What `accredit_audit_export_NAME` says of a sink.
pub fn metric(server: &Server, name: &str, sink: &str) -> Option<f64> {
    let page = Connection::unix(&server.socket).get("/metrics").text().to_owned();
    let line = format!("accredit_audit_export_{name}{{sink=\"{sink}\"}} ");
    page.lines().find_map(|found| found.strip_prefix(&line)?.parse().ok())
}

/// Waits until it is so; sinks rest between two tries.
///
/// # Panics
/// It never came to be.
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < 4 * PATIENCE, "it never came that {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// The lines of a file and of all that it was renamed or rotated to.
///
/// # Panics
/// There is no such folder, or a line is no JSON.
pub fn events_of(folder: &Path, name: &str) -> Vec<Value> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mine = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name));
    mine.flat_map(|path| lines(&fs::read_to_string(path).unwrap())).collect()
}

/// Whole lines; the last one may be on its way.
///
/// # Panics
/// One is no JSON.
pub fn lines(text: &str) -> Vec<Value> {
    let text = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(read).collect()
}
