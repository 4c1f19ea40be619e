//! The log of several servers on one store, delivered elsewhere: what a server leaves behind the others deliver.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use accredit_e2e::claims::token;
use accredit_e2e::delivered::{events_of, exchange, export, lacking, metric, records, repeated, until};
use accredit_e2e::issuer::Issuer;
use accredit_e2e::patience::Ends;
use accredit_e2e::sink::{Collector, Manner};
use accredit_e2e::{resources, several};
use accredit_test_postgres::shared;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// K05, K08: two servers under load deliver one log, to a file each and to one collector, which answers 503 for a while and
/// hangs up for another. One is killed in the middle with records that nobody has; the other delivers them, however much it
/// writes itself meanwhile. Nothing is missing anywhere, and what comes twice is the same under the same id.
#[test]
fn k05_what_a_dead_server_wrote_is_delivered_by_another() {
    let Some(cluster) = shared() else { return };
    let store = cluster.database();
    let database = store.rsplit('/').next().unwrap();
    let (issuer, collector) = (Issuer::new("https://ci.test"), Collector::new(None));
    let homes = [several::home(&store), several::home(&store)];
    for home in &homes {
        let file = r#"{ to = "file", path = "out/audit.ndjson" }"#;
        let http = format!(r#"{{ to = "http", url = "http://{}/events", batch = 20 }}"#, collector.address);
        export(home, &format!("export = [{file}, {http}]"));
        fs::create_dir(home.path("out")).unwrap();
    }
    let servers = homes.each_ref().map(|home| home.start());
    servers[0].apply(&resources::usual(&issuer));
    for server in &servers {
        until("both issue tokens", || server.exchange(&token(&issuer, &json!({})), &[]).status == 200);
    }

    let [one, other] = &servers;
    let (issuer, over) = (&issuer, &AtomicBool::new(false));
    let (tokens, left) = thread::scope(|scope| {
        let ends = Ends(over);
        let client = |server| scope.spawn(move || exchange(server, issuer, over));
        let load = |server| [client(server), client(server), client(server)];
        let (mine, theirs) = (load(one), load(other));
        thread::sleep(Duration::from_millis(700));
        collector.is(Manner::HangsUp);
        thread::sleep(Duration::from_millis(500));
        // From here on nobody has what is written.
        collector.is(Manner::Answers(503, None));
        thread::sleep(Duration::from_millis(700));
        other.signal(Signal::SIGKILL);
        let left: Vec<String> = theirs.into_iter().flat_map(|client| client.join().unwrap()).collect();
        let missing = lacking(&left, &collector.events());
        assert!(!missing.is_empty(), "the collector had all of {}, so nothing was interrupted", left.len());
        collector.is(Manner::TakesSlowly);
        // Three minutes later: nobody has heard of it, and its chains are anybody's.
        cluster.sql(database, "UPDATE audit_cursor SET held_until = held_until - 200");
        until("the collector has what the dead one wrote", || lacking(&left, &collector.events()).is_empty());
        drop(ends);
        let mut tokens: Vec<String> = mine.into_iter().flat_map(|client| client.join().unwrap()).collect();
        tokens.extend_from_slice(&left);
        (tokens, left)
    });

    // It comes back, with a chain of its own.
    let [one, other] = servers;
    other.kill();
    let other = homes[1].start();
    let more = [other.exchange(&token(issuer, &json!({})), &[]).decision()];
    collector.is(Manner::Takes);
    let recorded = records(&one);
    let files = || homes.iter().flat_map(|home| events_of(&home.path("out"), "audit.ndjson")).collect::<Vec<Value>>();
    until("the collector has everything", || lacking(&recorded, &collector.events()).is_empty());
    until("the files have everything between them", || lacking(&recorded, &files()).is_empty());
    for server in [&one, &other] {
        for sink in ["file", "http"] {
            until("nobody is behind", || metric(server, "lag_records", sink) == Some(0.0));
        }
    }
    for (sink, events) in [("collector", collector.events()), ("files", files())] {
        let missing = lacking(&[tokens.as_slice(), &more].concat(), &events);
        assert!(
            missing.is_empty(),
            "{sink}: {} of {} are missing, {} of them the dead one's",
            missing.len(),
            tokens.len(),
            lacking(&left, &events).len()
        );
        let twice = repeated(sink, &events);
        assert!(sink == "files" || twice > 0, "nothing came twice, so nothing was interrupted");
    }
    let verified = one.accredit(["audit", "verify", "-o", "json"]).ended(0).json();
    assert_eq!(verified["breaks"], json!([]));
    assert!(one.stop().success() && other.stop().success());
}
