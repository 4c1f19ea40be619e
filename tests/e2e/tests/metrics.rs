//! What whoever watches the server is told.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::net::SocketAddr;

use accredit_e2e::claims::token;
use accredit_e2e::command::exists;
use accredit_e2e::http::Connection;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::resources;
use accredit_e2e::server::{Home, Server};
use accredit_e2e::skip;
use serde_json::{Value, json};

/// Every exchange is counted where it belongs, on a page that Prometheus reads. L22: no claim, and nothing else that a caller
/// chose, is on it.
#[test]
fn exchanges_are_counted_and_nothing_is_told_of_them() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    home.configure("[fetch]", "[metrics]\nlisten = \"127.0.0.1:0\"\n[fetch]");
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    for _ in 0..3 {
        server.exchange(&token(&issuer, &json!({"actor": "hunter2-claim"})), &[]).access_token();
    }
    let policy = token(&issuer, &json!({"sub": "hunter2-subject", "ref": "refs/heads/hunter2-branch"}));
    assert_eq!(server.exchange(&policy, &[]).status, 400);
    assert_eq!(server.exchange(&token(&issuer, &json!({})), &[("audience", "https://hunter2.test")]).status, 400);
    let unknown = Issuer::new("https://hunter2-issuer.test");
    assert_eq!(server.exchange(&token(&unknown, &json!({})), &[]).status, 400);
    let named = token(&issuer, &json!({}));
    assert_eq!(server.exchange(&named, &[("identity_provider_id", "hunter2-provider")]).status, 400);
    assert_eq!(server.exchange("hunter2-token", &[]).status, 400);
    assert_eq!(server.connect().get("/hunter2-path").status, 404);

    let page = scrape(&server);
    for line in [
        r#"accredit_exchanges_total{face="rfc8693",provider="github",outcome="allowed",reason="-"} 3"#,
        r#"accredit_exchanges_total{face="rfc8693",provider="github",outcome="refused",reason="no-mapping-matched"} 1"#,
        r#"accredit_exchanges_total{face="rfc8693",provider="-",outcome="refused",reason="issuer-unknown"} 1"#,
        r#"accredit_exchanges_total{face="rfc8693",provider="-",outcome="refused",reason="provider-unknown"} 1"#,
        r#"accredit_exchanges_total{face="rfc8693",provider="-",outcome="refused",reason="malformed"} 1"#,
        r#"accredit_exchange_duration_seconds_count{outcome="allowed"} 3"#,
        r#"accredit_exchange_duration_seconds_count{outcome="refused"} 5"#,
        r#"accredit_throttled_total{budget="source"} 0"#,
        r#"accredit_unready{reason="draining"} 0"#,
        "accredit_ready 1",
        "accredit_record_queue 0",
        "accredit_record_failures_total 0",
    ] {
        assert!(page.lines().any(|other| other == line), "`{line}` is not on the page:\n{page}");
    }
    for (name, least) in [
        ("accredit_record_commit_seconds_count", 4.0),
        ("accredit_record_batch_records_sum", 4.0),
        ("accredit_connections_accepted_total{listener=\"public\"}", 8.0),
        ("accredit_store_bytes", 4096.0),
        ("accredit_store_sequence", 1.0),
        ("process_resident_memory_bytes", 1e6),
        ("process_open_fds", 5.0),
        ("accredit_clock_seconds", 1.7e9),
    ] {
        assert!(value(&page, name) >= least, "{name}:\n{page}");
    }
    assert!(!page.contains("hunter2") && !page.contains("repo:acme"), "{page}");
    check_format(&page);
}

/// How the keys of each provider are, by its name, and our own: whoever watches sees in time what will fail.
#[test]
fn keys_are_watched() {
    let (home, served) = (Home::new(), Issuer::serve());
    home.configure("[fetch]", "[metrics]\nlisten = \"127.0.0.1:0\"\n[fetch]");
    let server = home.start();
    // Nobody listens at the second one's address.
    let gone = resources::provider("gone", "http://127.0.0.1:1", "{discovery: {}}");
    server.apply(&format!("{}---\n{gone}", resources::discovered(&served.issuer)));
    let page = scrape(&server);
    assert!(!page.contains("accredit_provider_keys_age_seconds{"), "nothing was asked for yet:\n{page}");
    server.exchange(&token(&served.issuer, &json!({})), &[]).access_token();
    assert_ne!(server.exchange(&token(&Issuer::new("http://127.0.0.1:1"), &json!({})), &[]).status, 200);
    let page = scrape(&server);
    for (name, expected) in [
        (r#"accredit_provider_keys_stale{provider="github"}"#, 0.0..=0.0),
        (r#"accredit_provider_keys_stale{provider="gone"}"#, 1.0..=1.0),
        (r#"accredit_provider_keys_usable{provider="github"}"#, 1.0..=1.0),
        (r#"accredit_provider_keys_usable{provider="gone"}"#, 0.0..=0.0),
        (r#"accredit_provider_keys_age_seconds{provider="github"}"#, 0.0..=30.0),
        (r#"accredit_provider_keys_fetched_timestamp_seconds{provider="github"}"#, 1.7e9..=1e11),
        (r#"accredit_provider_keys_usable_until_timestamp_seconds{provider="github"}"#, 1.7e9..=1e11),
        (r#"accredit_provider_keys_fetches_total{provider="github",outcome="allowed"}"#, 1.0..=1.0),
        (r#"accredit_provider_keys_fetches_total{provider="gone",outcome="refused"}"#, 1.0..=1.0),
        ("accredit_stale_providers", 1.0..=1.0),
        (r#"accredit_signing_key_overdue_seconds{purpose="access",algorithm="ES256"}"#, 0.0..=0.0),
        (r#"accredit_signing_keys{purpose="access",algorithm="ES256",state="active"}"#, 1.0..=1.0),
        ("accredit_signing_keys_read_age_seconds", 0.0..=30.0),
        ("accredit_record_commit_running_seconds", 0.0..=5.0),
        ("accredit_audit_unsigned_seconds", 0.0..=30.0),
        ("accredit_clock_behind_seconds", 0.0..=1.0),
    ] {
        assert!(expected.contains(&value(&page, name)), "{name}:\n{page}");
    }
    assert!(!page.contains("gone\"} NaN") && !page.contains("age_seconds{provider=\"gone\""), "{page}");
    let due = value(&page, r#"accredit_signing_key_due_timestamp_seconds{purpose="access",algorithm="ES256"}"#);
    assert!(due > value(&page, "accredit_clock_seconds") + 29.0 * 86400.0, "{due}");
    check_format(&page);
}

/// The page is for whoever watches: not on the public listener, and under no name that somebody else may own (L24).
#[test]
fn the_page_is_not_for_the_public() {
    let home = Home::new();
    home.configure("[fetch]", "[metrics]\nlisten = \"127.0.0.1:0\"\nhosts = [\"watch.test\"]\n[fetch]");
    let server = home.start();
    assert_eq!(server.connect().get("/metrics").status, 404);
    let address = listener(&server);
    let ask = |host: &str| {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n");
        Connection::tcp(address).ask(request.as_bytes()).status
    };
    let port = address.port();
    for (host, status) in [
        (format!("127.0.0.1:{port}"), 200),
        (format!("localhost:{port}"), 200),
        (format!("10.0.0.7:{port}"), 200),
        ("watch.test".to_owned(), 200),
        ("127.0.0.1:1".to_owned(), 421),
        (format!("rebound.example:{port}"), 421),
        (String::new(), 421),
    ] {
        assert_eq!(ask(&host), status, "`{host}`");
    }
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(Connection::tcp(address).get(path).status, 200, "{path}");
        assert_eq!(Connection::unix(&server.socket).get(path).status, 200, "{path}");
    }
    for path in ["/", "/v1/status", "/oauth/token", "/debug/pprof"] {
        assert_eq!(Connection::tcp(address).get(path).status, 404, "{path}");
    }
}

/// K07: a server that cannot write says so to whoever would send it somebody, and finds out by itself when it can again.
#[test]
fn a_server_that_cannot_write_is_not_ready() {
    if !exists("prlimit", "--version") {
        return skip("readiness without a disk", "there is no `prlimit` here");
    }
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start_after("trap '' XFSZ");
    server.apply(&resources::usual(&issuer));
    let limit = |bytes: &str| server.limit(&format!("--fsize={bytes}:unlimited"));
    let ready = || {
        let answer = server.connect().get("/readyz");
        (answer.status, answer.json())
    };
    assert_eq!(ready().0, 200);
    limit("1");
    assert_eq!(server.exchange(&token(&issuer, &json!({})), &[]).status, 503);
    let (status, said) = ready();
    assert_eq!((status, &said["ready"], &said["why"][0]["code"]), (503, &json!(false), &json!("store-not-writable")));
    assert_eq!(server.connect().get("/livez").status, 200, "restarting it would not help");
    let page = Connection::unix(&server.socket).get("/metrics");
    assert!(value(page.text(), "accredit_record_failures_total") >= 1.0);
    assert!(value(page.text(), "accredit_ready") < 0.5);
    limit("unlimited");
    let begun = std::time::Instant::now();
    while ready().0 != 200 {
        assert!(begun.elapsed().as_secs() < 25, "it never comes back");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    assert_eq!(server.accredit(["audit", "verify", "-o", "json"]).ended(0).json()["breaks"], Value::Array(Vec::new()));
}

fn scrape(server: &Server) -> String {
    let answer = Connection::tcp(listener(server)).get("/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4"));
    answer.text().to_owned()
}

fn listener(server: &Server) -> SocketAddr {
    let log = server.log();
    let line = log.lines().find(|line| line.contains("metrics are served")).unwrap();
    line.split("address=").nth(1).unwrap().trim().parse().unwrap()
}

fn value(page: &str, name: &str) -> f64 {
    let line = page.lines().find(|line| line.split(' ').next() == Some(name));
    line.unwrap_or_else(|| panic!("no `{name}` in:\n{page}")).rsplit(' ').next().unwrap().parse().unwrap()
}

/// The text format: a help and a type before each metric, each sample once, each value a number.
fn check_format(page: &str) {
    let (mut types, mut samples) = (BTreeSet::new(), BTreeSet::new());
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(types.insert(rest.split(' ').next().unwrap()), "{line}");
        } else if !line.starts_with("# HELP ") {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            assert!(samples.insert(sample) && value.parse::<f64>().is_ok(), "{line}");
            let name = sample.split('{').next().unwrap();
            let of = ["_bucket", "_sum", "_count"].iter().filter_map(|suffix| name.strip_suffix(suffix));
            assert!(of.chain([name]).any(|name| types.contains(name)), "{line}");
        }
    }
    assert!(page.ends_with('\n') && types.len() > 15);
}
