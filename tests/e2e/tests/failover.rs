//! The database under several servers is lost: what anybody was given has its record on the one that takes its place.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use accredit_e2e::claims::{said, token};
use accredit_e2e::http::Connection;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::server::{Home, PATIENCE, Server};
use accredit_e2e::{resources, several};
use accredit_test_postgres::Cluster;
use serde_json::json;

/// I04, K07: the first database is killed under load, a synchronous standby is promoted, and the servers find it by themselves.
/// Every token that anybody saw has its record there, and no token that counts once was taken twice.
#[test]
fn i04_a_fail_over_loses_no_record_and_gives_no_token_back() {
    let Some(first) = Cluster::start(&[]) else { return };
    let database = first.database();
    let mut second = first.start_standby();
    let name = database.rsplit('/').next().unwrap();
    let both =
        database.replace(&format!(":{}/", first.port()), &format!(":{},127.0.0.1:{}/", first.port(), second.port()));
    let homes = [several::home(&both), several::home(&both)];
    let issuer = Issuer::new("https://ci.test");
    let servers: Vec<Server> = homes.iter().map(Home::start).collect();
    let once = resources::usual(&issuer).replace("lifetime: 15m", "lifetime: 15m\n  replay: once");
    servers[0].apply(&once);
    thread::sleep(Duration::from_secs(1));

    // Each subject token, and the decisions that took it.
    let seen: Mutex<BTreeMap<String, Vec<String>>> = Mutex::default();
    let (ended, promoted) = (AtomicBool::new(false), AtomicBool::new(false));
    let after = Mutex::new(0);
    thread::scope(|scope| {
        for number in 0..4 {
            let (seen, ended, promoted, after, issuer) = (&seen, &ended, &promoted, &after, &issuer);
            let (here, there) = (&servers[number % 2], &servers[(number + 1) % 2]);
            scope.spawn(move || {
                let (mut here, mut there) = (here.connect(), there.connect());
                while !ended.load(Ordering::Relaxed) {
                    let subject = token(issuer, &json!({}));
                    let was_promoted = promoted.load(Ordering::Relaxed);
                    // Shown twice: whichever of the two servers is later must refuse it, whatever happens in between.
                    for connection in [&mut here, &mut there] {
                        if let Some(decision) = taken(connection, &subject) {
                            seen.lock().unwrap().entry(subject.clone()).or_default().push(decision);
                            *after.lock().unwrap() += usize::from(was_promoted);
                        }
                    }
                }
            });
        }
        let _end = End(&ended);
        await_count(&seen, 100);
        // Whatever is answered while the standby is away would be lost with the first one.
        second.stop();
        thread::sleep(Duration::from_millis(500));
        first.kill();
        second.start_again();
        second.promote();
        promoted.store(true, Ordering::Relaxed);
        let began = Instant::now();
        while *after.lock().unwrap() < 50 {
            assert!(began.elapsed() < PATIENCE, "nothing is issued behind the fail-over:\n{}", servers[0].log());
            thread::sleep(Duration::from_millis(20));
        }
    });

    let seen = seen.into_inner().unwrap();
    for (subject, decisions) in &seen {
        assert_eq!(decisions.len(), 1, "{} was taken twice: {decisions:?}", said(subject)["jti"]);
    }
    for decision in seen.values().flatten() {
        let (status, told) = servers[1].admin("GET", &format!("/v1/decisions/{decision}"), &json!(null));
        assert_eq!((status, &told["verdict"]), (200, &json!("allow")), "{decision} was seen and has no record: {told}");
    }
    for server in &servers {
        let verified = server.accredit(["audit", "verify", "-o", "json"]).ended(0).json();
        assert_eq!(verified["breaks"], json!([]));
        assert_eq!(server.connect().get("/readyz").status, 200);
    }
    assert_eq!(second.sql(name, "SELECT pg_is_in_recovery()"), "f");
}

/// Ends those who show tokens, also when the test fails.
struct End<'e>(&'e AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Shows a token; gives the decision that took it.
fn taken(connection: &mut Connection, subject: &str) -> Option<String> {
    let answer = connection.exchange(subject, &[]);
    match answer.status {
        200 => Some(answer.decision()),
        400 => {
            assert_eq!(answer.member("reason"), "jti-reused", "{}", answer.text());
            None
        }
        503 => {
            thread::sleep(Duration::from_millis(20));
            None
        }
        status => unreachable!("{status}: {}", answer.text()),
    }
}

fn await_count(seen: &Mutex<BTreeMap<String, Vec<String>>>, count: usize) {
    let began = Instant::now();
    while seen.lock().unwrap().len() < count {
        assert!(began.elapsed() < PATIENCE, "too few tokens");
        thread::sleep(Duration::from_millis(20));
    }
}
