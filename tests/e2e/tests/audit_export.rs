//! The log delivered elsewhere: every record, at least once, whatever dies and whoever is away.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use accredit_e2e::claims::{random, token};
use accredit_e2e::delivered::{events_of, exchange, export, lacking, lines, listed, metric, records, repeated, until};
use accredit_e2e::issuer::Issuer;
use accredit_e2e::resources;
use accredit_e2e::server::Home;
use accredit_e2e::sink::{Collector, Manner};
use nix::sys::signal::Signal;
use rustls::ServerConfig;
use serde_json::{Value, json};

/// Four rounds of clients and kill -9, with a file that is renamed and one that rotates under it, and a collector that hangs up
/// in the middle. K08: what is delivered holds no token.
#[test]
fn nothing_is_lost_by_any_death() {
    let (home, issuer, collector) = (Home::new(), Issuer::new("https://ci.test"), Collector::new(None));
    export(
        &home,
        &format!(
            r#"export = [
  {{ to = "file", path = "out/audit.ndjson" }},
  {{ to = "file", name = "small", path = "out/small.ndjson", rotate_mib = 1, keep = 1000 }},
  {{ to = "http", url = "http://{}/events", batch = 50 }},
]"#,
            collector.address
        ),
    );
    fs::create_dir(home.path("out")).unwrap();
    let mut server = home.start();
    server.apply(&resources::usual(&issuer));
    let (mut tokens, mut renamed) = (Vec::new(), 0);
    for round in 0..4 {
        let over = AtomicBool::new(false);
        collector.is(if round % 2 == 0 { Manner::HangsUp } else { Manner::Takes });
        let got = thread::scope(|scope| {
            let clients: Vec<_> = (0..4).map(|_| scope.spawn(|| exchange(&server, &issuer, &over))).collect();
            thread::sleep(Duration::from_millis(400));
            let moved = fs::rename(home.path("out/audit.ndjson"), home.path(&format!("out/audit.ndjson.{round}")));
            renamed += usize::from(moved.is_ok());
            thread::sleep(Duration::from_millis(700 + 2 * u64::from(random()[0])));
            server.signal(Signal::SIGKILL);
            over.store(true, Ordering::SeqCst);
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(!got.is_empty(), "round {round}: no token was issued");
        tokens.extend(got);
        server.kill();
        // What a crash may leave of a line.
        let path = home.path("out/small.ndjson");
        let torn = format!("{}{{\"class_uid\": 30", fs::read_to_string(&path).unwrap_or_default());
        fs::write(&path, torn).unwrap();
        server = home.start();
    }
    collector.is(Manner::Takes);
    assert!(renamed > 0, "no file was there to be renamed");
    let recorded = records(&server);
    let has_all = |events: &[Value]| lacking(&recorded, events).is_empty();
    until("the file has everything", || has_all(&events_of(&home.path("out"), "audit.ndjson")));
    until("the small files have everything", || has_all(&events_of(&home.path("out"), "small.ndjson")));
    until("the collector has everything", || has_all(&collector.events()));
    for sink in ["file", "small", "http"] {
        until(&format!("sink {sink} is known to have it"), || metric(&server, "lag_records", sink) == Some(0.0));
    }
    let delivered = [
        ("file", events_of(&home.path("out"), "audit.ndjson")),
        ("small", events_of(&home.path("out"), "small.ndjson")),
        ("http", collector.events()),
    ];
    for (sink, events) in &delivered {
        repeated(sink, events);
        let missing = lacking(&tokens, events);
        assert!(missing.is_empty(), "{sink} lacks {} of {}: {missing:?}", missing.len(), tokens.len());
        let classes: BTreeSet<i64> = events.iter().map(|event| event["class_uid"].as_i64().unwrap()).collect();
        assert!(classes.is_superset(&BTreeSet::from([3002, 3004, 6002])), "{sink}: {classes:?}");
        assert!(!events.iter().any(|event| event.to_string().contains("eyJhbGci")), "{sink} holds a token");
    }
    assert!(delivered[2].1.len() > recorded.len(), "nothing came twice, so nothing was interrupted");
    let verified = server.accredit(["audit", "verify", "-o", "json"]).ended(0).json();
    assert_eq!(verified["breaks"], json!([]));
    assert!(server.stop().success());
}

/// A collector that stalls, fails, refuses and comes back. Exchanges notice nothing of it, whoever watches does.
#[test]
fn a_sink_that_is_away_only_falls_behind() {
    let (home, issuer, collector) = (Home::new(), Issuer::new("https://ci.test"), Collector::new(None));
    export(&home, &format!(r#"export = [{{ to = "http", name = "siem", url = "http://{}/" }}]"#, collector.address));
    collector.is(Manner::Stalls);
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    until("the collector stalls", || !collector.requests().is_empty());
    let mut connection = server.connect();
    let mut slowest = Duration::ZERO;
    for _ in 0..100 {
        let subject = token(&issuer, &json!({}));
        let began = Instant::now();
        connection.exchange(&subject, &[]).access_token();
        slowest = slowest.max(began.elapsed());
    }
    assert!(slowest < Duration::from_secs(5), "an exchange waited {slowest:?} for a collector");
    until("it is known how far it is behind", || {
        metric(&server, "lag_records", "siem").is_some_and(|lag| lag >= 100.0)
            && metric(&server, "lag_seconds", "siem").is_some_and(|lag| lag >= 1.0)
    });
    assert!(collector.events().is_empty());

    // It asks to be left alone, and is.
    collector.is(Manner::Answers(503, Some(3)));
    until("it has answered 503", || metric(&server, "failures_total", "siem") >= Some(2.0));
    let asked = collector.requests().len();
    collector.is(Manner::Answers(403, None));
    until("it is asked again", || collector.requests().len() > asked);
    let requests = collector.requests();
    let apart = requests[asked].0 - requests[asked - 1].0;
    assert!(apart >= Duration::from_millis(2900), "asked again after {apart:?}, though it said 3 s");

    // It refuses for good: said aloud everywhere, and nothing is skipped.
    until("the refusal is known", || metric(&server, "refused", "siem") == Some(1.0));
    until("the refusal is on record", || listed(&server, "audit-export-refused") == 1);
    assert!(server.log().contains("the sink refuses an event for good"), "{}", server.log());
    assert!(collector.events().is_empty());

    // Too much at once goes in smaller parts.
    collector.is(Manner::TakesOneByOne);
    until("it has caught up", || metric(&server, "lag_records", "siem") == Some(0.0));
    assert_eq!(metric(&server, "refused", "siem"), Some(0.0));
    until("its return is on record", || listed(&server, "audit-export-resumed") == 1);
    until("it has everything", || lacking(&records(&server), &collector.events()).is_empty());
    assert!(server.stop().success());
}

/// A collector that refuses an event in other words each time, with the number of the request in them: one record, and not one
/// for each try.
#[test]
fn a_refusal_is_told_once_however_it_is_worded() {
    let (home, collector) = (Home::new(), Collector::new(None));
    export(&home, &format!(r#"export = [{{ to = "http", name = "siem", url = "http://{}/" }}]"#, collector.address));
    collector.is(Manner::Complains(400));
    let server = home.start();
    until("the refusal is known", || metric(&server, "refused", "siem") == Some(1.0));
    let asked = collector.requests().len();
    until("it is tried again", || collector.requests().len() >= asked + 3);
    assert_eq!(listed(&server, "audit-export-refused"), 1);
    assert!(server.log().contains("answered 400: no (request "), "{}", server.log());
    assert!(server.stop().success());
}

/// A disk that is full in the middle of a line: the file ends with a whole line whenever somebody looks, no exchange notices, and
/// with room the log is all there, each record once.
#[test]
fn a_full_disk_leaves_whole_lines_and_loses_nothing() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    export(&home, r#"export = [{ to = "file", path = "out/audit.ndjson" }]"#);
    fs::create_dir(home.path("out")).unwrap();
    // A process that may write no file beyond 16 MiB meets what a disk without room is: a part arrives, then none does.
    let (file, most) = (home.path("out/audit.ndjson"), 16 << 20);
    let before = format!("{{\"padding\": \"{}\"}}\n", "x".repeat(most - 1000));
    fs::write(&file, &before).unwrap();
    let server = home.start_after("trap '' XFSZ; ulimit -f 32768");
    server.apply(&resources::usual(&issuer));
    let mut connection = server.connect();
    for _ in 0..20 {
        connection.exchange(&token(&issuer, &json!({})), &[]).access_token();
        // But for the moment in which it is taken back.
        let is_whole = || {
            thread::sleep(Duration::from_millis(10));
            fs::read(&file).unwrap().last() == Some(&b'\n')
        };
        assert!((0..5).any(|_| is_whole()), "the file ends with half a line");
    }
    until("it is known", || {
        metric(&server, "failures_total", "file") >= Some(1.0) && metric(&server, "lag_records", "file") >= Some(20.0)
    });
    assert_eq!(metric(&server, "refused", "file"), Some(0.0));
    assert!(server.log().contains("events are not delivered: File too large"), "{}", server.log());
    fs::rename(&file, home.path("full.ndjson")).unwrap();
    until("it has everything", || metric(&server, "lag_records", "file") == Some(0.0));
    let (recorded, mut events) = (records(&server), events_of(&home.path("out"), "audit.ndjson"));
    let kept = fs::read_to_string(home.path("full.ndjson")).unwrap();
    assert_eq!(lines(&kept[before.len()..]).len(), kept[before.len()..].lines().count());
    events.extend(lines(&kept[before.len()..]));
    assert_eq!(lacking(&recorded, &events), [""; 0]);
    assert_eq!(repeated("the files", &events), 0);
    assert!(server.stop().success());
}

/// A collector with a certificate of a private authority and a bearer token; standard output without values; a sink that begins
/// with what comes from now on.
#[test]
fn sinks_are_met_as_they_are_configured() {
    let (certificate, tls) = pair();
    let (home, issuer, collector) = (Home::new(), Issuer::new("https://ci.test"), Collector::new(Some(tls)));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    assert!(server.stop().success());
    home.write("ca.pem", &certificate);
    home.write("token", "hunter2-bearer\n");
    export(
        &home,
        &format!(
            r#"export = [
  {{ to = "http", url = "https://localhost:{}/v1?source=accredit", ca = "ca.pem", token = "token", from = "now" }},
  {{ to = "stdout", values = false }},
]"#,
            collector.address.port()
        ),
    );
    let out = home.path("stdout.ndjson");
    let server = home.start_after(&format!("exec 1>{}", out.display()));
    let id = server.exchange(&token(&issuer, &json!({"sub": "repo:acme/web:ref:refs/heads/main"})), &[]).decision();
    let ids = [id.clone()];
    until("the collector has it", || lacking(&ids, &collector.events()).is_empty());
    until("standard output has it", || lacking(&ids, &lines(&fs::read_to_string(&out).unwrap())).is_empty());
    let of = |events: &[Value]| events.iter().find(|event| event["metadata"]["uid"] == json!(id)).cloned().unwrap();
    let (told, printed) = (of(&collector.events()), of(&lines(&fs::read_to_string(&out).unwrap())));
    assert_eq!(told["user"]["name"], "repo:acme/web:ref:refs/heads/main");
    assert_eq!(told["src_endpoint"]["ip"], "127.0.0.1");
    assert_eq!((&printed["user"]["name"], printed.get("src_endpoint")), (&json!("unknown"), None));
    assert_eq!(printed["user"]["account"]["name"], "ci/web");
    let started = |events: &[Value]| events.iter().filter(|event| event["type_uid"] == json!(600_203)).count();
    // The one was there from the beginning, the other from this start on.
    assert_eq!((started(&collector.events()), started(&lines(&fs::read_to_string(&out).unwrap()))), (1, 2));
    let (_, head) = collector.requests().remove(0);
    assert!(head.starts_with("POST /v1?source=accredit HTTP/1.1"), "{head}");
    assert!(head.to_ascii_lowercase().contains("authorization: bearer hunter2-bearer"), "{head}");
    assert!(!server.log().contains("hunter2"), "{}", server.log());

    // By hand: the same events, from a time on.
    let printed = lines(&server.accredit(["audit", "export", "-o", "ocsf"]).ended(0).stdout);
    assert_eq!(of(&printed), told);
    assert!(printed.len() >= records(&server).len());
    let later = server.accredit(["audit", "export", "--since", "2099-01-01T00:00:00Z"]).ended(0);
    assert_eq!(later.stdout, "");
    assert!(server.stop().success());

    // Somebody else's certificate is nobody to talk to.
    let (other, _) = pair();
    home.write("ca.pem", &other);
    let server = home.start();
    until("it is not met", || metric(&server, "failures_total", "http") >= Some(1.0));
    assert!(server.log().contains("authority that is not trusted here"), "{}", server.log());
    drop(server);
    home.write("token", "two words");
    assert!(home.fail_to_start().stderr.contains("does not hold one token"));
}

/// A certificate that is its own authority, and a listener's configuration with it.
fn pair() -> (String, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.der().clone(), made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], rustls::pki_types::PrivatePkcs8KeyDer::from(key).into())
        .unwrap();
    (made.cert.pem(), Arc::new(config))
}
