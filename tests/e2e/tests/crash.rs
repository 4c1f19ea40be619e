//! Kill -9 at any moment: no token without its record, no damaged store, no half of a change.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use accredit_e2e::claims::{random, said, token};
use accredit_e2e::command::exists;
use accredit_e2e::http::Connection;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::server::{Home, Server};
use accredit_e2e::{resources, skip};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// What clients and operator know at the moment of the crash.
#[derive(Default)]
struct Known {
    /// The ids of all tokens that clients received.
    tokens: Mutex<Vec<String>>,
    /// Subject tokens that were spent, and that nobody may spend again.
    spent: Mutex<Vec<String>>,
    /// The last generation of resources that the server acknowledged.
    generation: AtomicUsize,
    over: AtomicBool,
}

/// I04: ten rounds with eight clients and an operator, who changes twenty accounts at once.
#[test]
fn after_a_kill_every_token_has_its_record_and_every_change_is_whole() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let mut server = home.start();
    server.apply(&[resources::usual(&issuer), resources::once("ci/web-once", "github", "once")].join("---\n"));
    let known = Known::default();
    assert_eq!(apply(&server.socket, 0), Some(200));
    let mut seen = 0;
    for round in 0..ROUNDS {
        known.over.store(false, Ordering::SeqCst);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| exchange(&server, &issuer, &known));
            }
            scope.spawn(|| operate(&server, &known));
            thread::sleep(Duration::from_millis(120 + u64::from(random()[0])));
            server.signal(Signal::SIGKILL);
            known.over.store(true, Ordering::SeqCst);
        });
        server.kill();
        let began = Instant::now();
        server = home.start();
        let took = began.elapsed();
        assert!(took < Duration::from_secs(5), "round {round}: started in {took:?}");
        seen = check(&server, &known, seen);
    }
    assert!(seen > 100, "only {seen} tokens were issued");
    assert!(known.generation.load(Ordering::SeqCst) >= ROUNDS, "the operator was too slow to be interrupted");
    assert!(server.stop().success());
}

/// The first start makes keys and a store; whenever it is interrupted, the next one goes on.
#[test]
fn a_start_may_be_killed_at_any_moment() {
    let home = Home::new();
    for pause in [0, 5, 10, 20, 40, 60, 80, 100, 130, 160, 200] {
        let server = home.begin(&[], []);
        thread::sleep(Duration::from_millis(pause));
        server.kill();
    }
    let server = home.start();
    let verified = server.accredit(["audit", "verify", "-o", "json"]).ended(0).json();
    assert_eq!(verified["breaks"], json!([]));
    let keys = server.connect().get("/oauth/jwks").json();
    // The one that signs, and the one that will be next.
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "{keys}");
}

/// K07: a disk that takes nothing more means no token, for as long as that lasts and no longer.
#[test]
fn without_its_record_no_token_leaves() {
    if !exists("prlimit", "--version") {
        return skip("a full disk", "there is no `prlimit` here");
    }
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    // A write beyond the limit is then an error and not the end.
    let server = home.start_after("trap '' XFSZ");
    server.apply(&resources::usual(&issuer));
    let limit = |bytes: &str| server.limit(&format!("--fsize={bytes}:unlimited"));
    let mut connection = server.connect();
    connection.exchange(&token(&issuer, &json!({})), &[]).access_token();
    let written = fs::metadata(home.path("data/accredit.db-wal")).unwrap().len();
    limit(&written.to_string());
    for _ in 0..3 {
        let refused = connection.exchange(&token(&issuer, &json!({})), &[]);
        assert_eq!((refused.status, refused.member("error").as_str()), (503, "temporarily_unavailable"));
        assert!(refused.header("retry-after").is_some() && refused.json().get("access_token").is_none());
    }
    server.accredit(["disable", "mapping", "ci/web-main"]).ended(4);
    limit("unlimited");
    let id = connection.exchange(&token(&issuer, &json!({})), &[]);
    id.access_token();
    server.accredit(["decision", &id.decision()]).ended(0);
    let verified = server.accredit(["audit", "verify", "-o", "json"]).ended(0).json();
    assert_eq!(verified["breaks"], json!([]));
    assert!(server.stop().success());
}

fn exchange(server: &Server, issuer: &Issuer, known: &Known) {
    let mut connection = server.connect();
    while !known.over.load(Ordering::SeqCst) {
        let (plain, once) = (token(issuer, &json!({})), token(issuer, &json!({"ref": "refs/heads/once"})));
        for subject in [plain, once.clone()] {
            let request = connection.exchange_request(&subject, &[]);
            let Ok(Some(answer)) = connection.send(&request).and_then(|()| connection.answer()) else { return };
            if answer.status == 200 {
                let id = said(&answer.access_token())["jti"].as_str().unwrap().to_owned();
                known.tokens.lock().unwrap_or_else(PoisonError::into_inner).push(id);
                if subject == once {
                    known.spent.lock().unwrap_or_else(PoisonError::into_inner).push(subject);
                }
            }
        }
    }
}

fn operate(server: &Server, known: &Known) {
    while !known.over.load(Ordering::SeqCst) {
        let next = known.generation.load(Ordering::SeqCst) + 1;
        match apply(&server.socket, next) {
            Some(status) => assert_eq!(status, 200),
            None => return,
        }
        known.generation.store(next, Ordering::SeqCst);
    }
}

/// Brings twenty accounts into this generation; `None` when nobody answered.
fn apply(socket: &Path, generation: usize) -> Option<u16> {
    let account = |number| json!({"kind": "ServiceAccount", "name": format!("ci/many-{number}"), "spec": {"description": generation.to_string()}});
    let body = json!({"resources": (0..20).map(account).collect::<Vec<_>>()}).to_string();
    let head = "POST /v1/apply HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    std::os::unix::net::UnixStream::connect(socket).ok()?;
    let mut connection = Connection::unix(socket);
    connection.send(request.as_bytes()).ok()?;
    connection.answer().ok().flatten().map(|answer| answer.status)
}

/// Checks a restarted server against what was known. Returns how many tokens were checked by now.
fn check(server: &Server, known: &Known, seen: usize) -> usize {
    let mut admin = Connection::unix(&server.socket);
    let tokens = known.tokens.lock().unwrap_or_else(PoisonError::into_inner);
    for id in &tokens[seen..] {
        let answer = admin.get(&format!("/v1/decision?id={id}"));
        assert_eq!((answer.status, &answer.json()["verdict"]), (200, &json!("allow")), "token {id} has no record");
    }
    let spent = std::mem::take(&mut *known.spent.lock().unwrap_or_else(PoisonError::into_inner));
    for subject in spent.iter().rev().take(20) {
        assert_eq!(server.exchange(subject, &[]).member("reason"), "jti-reused");
    }
    let verified = admin.json("POST", "/v1/audit/verify", &Value::Null).json();
    assert_eq!(verified["breaks"], json!([]));
    let list = admin.get("/v1/resources?kind=service-account&project=ci").json();
    let is_one_of_many = |resource: &&Value| resource["name"].as_str().unwrap().starts_with("ci/many-");
    let many: Vec<_> = list["resources"].as_array().unwrap().iter().filter(is_one_of_many).collect();
    let generation = &many[0]["spec"]["description"];
    assert!(
        many.len() == 20 && many.iter().all(|one| one["spec"]["description"] == *generation),
        "half a change: {many:?}"
    );
    let acknowledged = known.generation.load(Ordering::SeqCst);
    let stored: usize = generation.as_str().unwrap().parse().unwrap();
    assert!(stored == acknowledged || stored == acknowledged + 1, "generation {stored} after {acknowledged}");
    known.generation.store(stored, Ordering::SeqCst);
    tokens.len()
}

const ROUNDS: usize = 10;
