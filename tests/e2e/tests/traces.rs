//! Traces as a collector gets them, and as little as it gets.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use accredit_e2e::claims::token;
use accredit_e2e::collector::{Collector, Span, resource};
use accredit_e2e::http::{Answer, Connection};
use accredit_e2e::issuer::Issuer;
use accredit_e2e::resources;
use accredit_e2e::server::{Home, Server};
use serde_json::json;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// The steps of the road, in a trace that the caller began; its record names the trace and the trace the decision. L22: what
/// a token or a caller says is in none of it.
#[test]
fn an_exchange_is_told_of_step_by_step() {
    let (collector, home) = (Collector::serve(), Home::new());
    let issuer = Issuer::serve().issuer;
    let server = traced(&home, &collector, "");
    server.apply(&resources::discovered(&issuer));
    let shown = token(&issuer, &json!({"actor": "hunter2-claim"}));
    let answer = called(&server, &shown, "01", "tracestate: hunter2=state\r\nbaggage: hunter2=baggage\r\n");
    let access_token = answer.access_token();
    let spans = collector.trace("POST /oauth/token", |span| span.trace == TRACE);
    let one = |name: &str| {
        let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "{name} in {spans:#?}");
        found[0]
    };
    let root = one("POST /oauth/token");
    assert_eq!((root.parent.as_str(), root.kind, root.status), (CALLER, 2, 0));
    let said = |name: &str| root.attributes.get(name).map(String::as_str);
    assert_eq!(said("accredit.decision.id"), Some(&*answer.decision()));
    for (name, value) in [
        ("accredit.face", "rfc8693"),
        ("accredit.provider", "github"),
        ("accredit.outcome", "allowed"),
        ("http.response.status_code", "200"),
        ("http.request.method", "POST"),
        ("http.route", "/oauth/token"),
    ] {
        assert_eq!(said(name), Some(value), "{name}");
    }
    let mut ids = BTreeSet::from([root.id.as_str()]);
    let mut last = root.began;
    for step in ["gather", "verify", "decide", "mint", "sign", "record"] {
        let step = one(step);
        assert_eq!((step.parent.as_str(), step.kind), (root.id.as_str(), 1));
        assert!(ids.insert(&step.id) && step.began >= last && step.ended >= step.began && step.ended <= root.ended);
        last = step.ended;
    }
    let commit = one("store commit");
    assert_eq!((commit.parent.as_str(), &*commit.attributes["accredit.batch.records"]), (&*one("record").id, "1"));
    // The keys: one fetch behind gathering, two documents, of which each request hands the trace on.
    let fetch = one("fetch keys");
    assert_eq!(fetch.parent, one("gather").id);
    let asked: Vec<_> = spans.iter().filter(|span| span.name == "GET").collect();
    assert_eq!(asked.iter().map(|span| (&*span.parent, span.kind)).collect::<Vec<_>>(), [(&*fetch.id, 3); 2]);
    assert!(asked.iter().all(|span| span.attributes["server.address"] == "127.0.0.1"));

    let record = server.accredit(["audit", "show", &answer.decision(), "-o", "json"]).ended(0).json();
    assert_eq!(record["detail"]["trace"], TRACE, "{record}");
    let refused = called(&server, &token(&issuer, &json!({"ref": "refs/heads/hunter2"})), "01", "");
    assert_eq!(refused.status, 400);
    let about = |span: &Span| span.attributes.get("accredit.decision.id") == Some(&refused.decision());
    let spans = collector.trace("POST /oauth/token", about);
    let root = spans.iter().find(|span| about(span)).unwrap();
    assert_eq!(
        (&*root.attributes["accredit.outcome"], &*root.attributes["error.type"], root.status),
        ("refused", "no-mapping-matched", 0)
    );
    let record = server.accredit(["audit", "show", &refused.decision(), "-o", "json"]).ended(0).json();
    assert_eq!(record["detail"]["trace"], TRACE, "{record}");

    let sent: Vec<u8> = collector.deliveries().iter().flat_map(|delivery| delivery.body.clone()).collect();
    let sent = String::from_utf8_lossy(&sent);
    for secret in ["hunter2", "acme", "refs/heads", "repo:", &shown[..40], &access_token[..40], "eyJ"] {
        assert!(!sent.contains(secret), "`{secret}` was sent");
    }
}

/// Narrowing is told of by the same steps, and its records name the trace and who asked, whatever became of it.
#[test]
fn narrowing_is_told_of_step_by_step() {
    let (collector, home, issuer) = (Collector::serve(), Home::new(), Issuer::new("https://ci.test"));
    let server = traced(&home, &collector, "");
    server.apply(&resources::usual(&issuer));
    let own = server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    let narrowed = |scope: &str| {
        let (grant, kind) = ("grant-type:token-exchange", "token-type:access_token");
        let body = format!(
            "grant_type=urn:ietf:params:oauth:{grant}&subject_token_type=urn:ietf:params:oauth:{kind}&subject_token={own}&scope={scope}"
        );
        let mut connection = server.connect();
        let traceparent = format!("traceparent: 00-{TRACE}-{CALLER}-01\r\n");
        connection.ask(&connection.form_request("/oauth/token", &traceparent, &body))
    };
    let steps: [(&str, u16, &[&str]); 2] = [
        ("payments.read", 200, &["verify", "decide", "mint", "sign", "record"]),
        ("payments.delete", 400, &["verify", "decide"]),
    ];
    for (scope, status, expected) in steps {
        let answer = narrowed(scope);
        assert_eq!(answer.status, status, "{}", answer.text());
        let about = |span: &Span| span.attributes.get("accredit.decision.id") == Some(&answer.decision());
        let spans = collector.trace("POST /oauth/token", about);
        let root = spans.iter().find(|span| about(span)).unwrap();
        for step in ["verify", "decide", "mint", "sign", "record"] {
            let found = spans.iter().filter(|span| span.name == step && span.parent == root.id).count();
            assert_eq!(found, usize::from(expected.contains(&step)), "{step} of {scope} in {spans:#?}");
        }
        let record = server.accredit(["audit", "show", &answer.decision(), "-o", "json"]).ended(0).json();
        assert_eq!((&record["detail"]["trace"], &record["detail"]["source"]), (&json!(TRACE), &json!("127.0.0.1")));
    }
}

/// What is done by administrators is told of by the patterns of routes, with the store's part in it.
#[test]
fn acts_are_told_of_by_their_routes() {
    let (collector, home) = (Collector::serve(), Home::new());
    let server = traced(&home, &collector, "");
    server.apply(&resources::usual(&Issuer::new("https://ci.test")));
    server.admin("GET", "/v1/providers/hunter2", &json!(null));
    let spans = collector.trace("POST /v1/apply", |_| true);
    let root = spans.iter().find(|span| span.name == "POST /v1/apply").unwrap();
    let change = spans.iter().find(|span| span.name == "store change").unwrap();
    assert_eq!((change.parent.as_str(), &*root.attributes["http.response.status_code"]), (root.id.as_str(), "200"));
    let spans = collector.trace("GET /v1/{kinds}/{*name}", |_| true);
    assert_eq!(spans[0].attributes["http.response.status_code"], "404");
    assert!(collector.deliveries().iter().all(|one| !String::from_utf8_lossy(&one.body).contains("hunter2")));
}

/// Who decides what is traced: the caller, within what a second allows, else the share.
#[test]
fn callers_choose_within_the_allowance() {
    let (collector, home, issuer) = (Collector::serve(), Home::new(), Issuer::new("https://ci.test"));
    let server = traced(&home, &collector, "ratio = 0.0\nper_second = 5");
    server.apply(&resources::usual(&issuer));
    let one = token(&issuer, &json!({}));
    server.exchange(&one, &[]).access_token();
    let unsampled = called(&server, &one, "00", "");
    // Not recorded, yet its record can be found by what the caller has.
    let record = server.accredit(["audit", "show", &unsampled.decision(), "-o", "json"]).ended(0).json();
    assert_eq!(record["detail"]["trace"], TRACE);
    let begun = Instant::now();
    for _ in 0..40 {
        called(&server, &one, "01", "").access_token();
    }
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 2;
    server.stop();
    let roots: Vec<_> = collector.spans().into_iter().filter(|span| span.kind == 2).collect();
    assert!(!roots.is_empty() && roots.len() <= 5 * seconds, "{} in {seconds} s", roots.len());
    assert!(roots.iter().all(|span| span.trace == TRACE && span.parent == CALLER), "{roots:#?}");
}

/// A collector that never answers slows nobody: what does not fit is dropped and counted.
#[test]
fn a_silent_collector_slows_nobody() {
    let (collector, home, issuer) = (Collector::serve(), Home::new(), Issuer::new("https://ci.test"));
    collector.hang();
    let server = traced(&home, &collector, "queue = 512\ntimeout_seconds = 2\nper_second = 100000");
    server.apply(&resources::usual(&issuer));
    let (one, mut connection) = (token(&issuer, &json!({})), server.connect());
    let begun = Instant::now();
    for _ in 0..200 {
        connection.exchange(&one, &[]).access_token();
    }
    // Each of them waiting for a collector's two seconds would take minutes.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let page = Connection::unix(&server.socket).get("/metrics").text().to_owned();
    let dropped =
        page.lines().find(|line| line.starts_with("accredit_trace_spans_dropped_total{reason=\"queue-full\"}"));
    assert!(dropped.unwrap().rsplit(' ').next().unwrap().parse::<f64>().unwrap() > 100.0, "{page}");
    assert!(page.contains("\naccredit_trace_queue 512\n"), "{page}");
    let begun = Instant::now();
    assert!(server.stop().success());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// What a collector refuses is counted, and said once.
#[test]
fn what_is_not_taken_is_counted() {
    let (collector, home, issuer) = (Collector::serve(), Home::new(), Issuer::new("https://ci.test"));
    let server = traced(&home, &collector, "");
    server.apply(&resources::usual(&issuer));
    let one = token(&issuer, &json!({}));
    let counted = |reason: &str| {
        let page = Connection::unix(&server.socket).get("/metrics").text().to_owned();
        let line = format!("accredit_trace_spans_dropped_total{{reason=\"{reason}\"}} ");
        page.lines().find_map(|other| other.strip_prefix(&line)).unwrap().parse::<u64>().unwrap()
    };
    let until = |reason: &str, least: u64| {
        let begun = Instant::now();
        while counted(reason) < least {
            assert!(begun.elapsed() < Duration::from_secs(20), "{reason} is {}", counted(reason));
            server.exchange(&one, &[]).access_token();
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    collector.answer("400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    until("not-delivered", 30);
    collector.answer("200 OK\r\ncontent-length: 4\r\n\r\n\x0a\x02\x08\x03");
    until("rejected", 3);
    let log = server.log();
    assert_eq!(log.matches("traces cannot be delivered: the collector answers 400").count(), 1, "{log}");
    assert_eq!(log.matches("the collector takes traces again").count(), 1, "{log}");
}

/// Off until somebody says so: by a variable as by the file. Credentials of the collector are sent there and said nowhere.
#[test]
fn traces_are_off_until_a_collector_is_named() {
    let (collector, home, issuer) = (Collector::serve(), Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    let answer = called(&server, &token(&issuer, &json!({})), "01", "");
    let record = server.accredit(["audit", "show", &answer.decision(), "-o", "json"]).ended(0).json();
    assert!(record["detail"].get("trace").is_none(), "{record}");
    let page = Connection::unix(&server.socket).get("/metrics").text().to_owned();
    assert!(!page.lines().any(|line| line.starts_with("accredit_trace_")), "{page}");
    server.stop();
    assert!(collector.deliveries().is_empty());

    let endpoint = format!("http://{}/", collector.address);
    let server = home.start_with(
        &["--log", "json"],
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=hunter2%20key"),
            ("OTEL_SERVICE_NAME", "tokens"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
            ("OTEL_TRACES_SAMPLER", "always_on"),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
        ],
    );
    server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    collector.trace("POST /oauth/token", |_| true);
    let delivery = collector.deliveries().remove(0);
    assert_eq!((&*delivery.path, &*delivery.headers["x-key"]), ("/v1/traces", "hunter2 key"));
    assert_eq!(delivery.headers["content-type"], "application/x-protobuf");
    let said = resource(&delivery.body);
    assert_eq!((&*said["service.name"], &*said["deployment.environment.name"]), ("tokens", "test"));
    let log = server.log();
    assert!(!log.contains("hunter2") && log.contains("`OTEL_BSP_MAX_QUEUE_SIZE` is `many`"), "{log}");
}

/// What cannot be meant does not start, and is named without its secrets.
#[test]
fn a_wrong_place_is_refused() {
    for (text, expected) in [
        ("endpoint = \"ftp://hunter2\"", "config field `telemetry.traces.endpoint`"),
        ("ratio = 1.5", "config field `telemetry.traces.ratio`: is 1.5, expected 0 to 1"),
        ("queue = 1", "config field `telemetry.traces.queue`: is 1, expected 512 to 1000000"),
        ("headers = \"gone\"", "config field `telemetry.traces.headers`: file `"),
        ("endpint = \"x\"", "unknown field `endpint`"),
    ] {
        let home = Home::new();
        home.configure("[fetch]", &format!("[telemetry.traces]\n{text}\n[fetch]"));
        let ran = home.fail_to_start();
        assert!(ran.stderr.contains(expected) && !ran.stderr.contains("hunter2"), "{text}: {}", ran.stderr);
    }
}

/// A server that traces everything, unless told otherwise.
fn traced(home: &Home, collector: &Collector, more: &str) -> Server {
    let ratio = if more.contains("ratio") { "" } else { "ratio = 1.0\n" };
    let section = format!(
        "[telemetry.traces]\nendpoint = \"http://{}\"\ndelay_milliseconds = 50\n{ratio}{more}\n[fetch]",
        collector.address
    );
    home.configure("[fetch]", &section);
    home.start()
}

/// An exchange whose caller traces it, with these flags.
fn called(server: &Server, token: &str, flags: &str, more: &str) -> Answer {
    let mut connection = server.connect();
    let request = String::from_utf8(connection.exchange_request(token, &[])).unwrap();
    let header = format!("traceparent: 00-{TRACE}-{CALLER}-{flags}\r\n{more}\r\n");
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    connection.ask(format!("{head}\r\n{header}{body}").as_bytes())
}
