//! The end of a server under load: whoever goes where readiness sends him loses no request.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use accredit_e2e::claims::token;
use accredit_e2e::http::Connection;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::resources;
use accredit_e2e::server::Home;
use nix::sys::signal::Signal;
use serde_json::json;

/// On SIGTERM the server says at once that it is not ready, serves on until that was noticed, ends its connections by its
/// answers, and finishes what is under way: exchanges on kept connections, on new ones, and one whose body comes late.
#[test]
fn no_request_fails_when_a_server_is_told_to_end() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    home.configure("[fetch]", "[drain]\ndelay_seconds = 4\n[fetch]");
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    let (gone, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let good = token(&issuer, &json!({}));
    let address = server.address;
    let mut late = server.connect();
    let request = late.exchange_request(&good, &[]);
    let (first, rest) = request.split_at(request.len() - 30);
    late.send(first).unwrap();
    thread::scope(|scope| {
        // Clients that keep their connection as long as they are allowed to.
        for _ in 0..6 {
            scope.spawn(|| {
                let mut connection = Connection::tcp(address);
                while !gone.load(Ordering::SeqCst) {
                    let answer = connection.exchange(&good, &[]);
                    answer.access_token();
                    served.fetch_add(1, Ordering::SeqCst);
                    if answer.header("connection") == Some("close") {
                        if gone.load(Ordering::SeqCst) {
                            break;
                        }
                        connection = Connection::tcp(address);
                    }
                }
            });
        }
        // One that connects anew each time.
        scope.spawn(|| {
            while !gone.load(Ordering::SeqCst) {
                Connection::tcp(address).exchange(&good, &[]).access_token();
                served.fetch_add(1, Ordering::SeqCst);
            }
        });
        // What leads clients to a server looks at its readiness, and sends them elsewhere when it is gone.
        let watch = scope.spawn(|| {
            let ready = loop {
                let answer = Connection::tcp(address).get("/readyz");
                if answer.status != 200 {
                    break answer;
                }
                thread::sleep(Duration::from_millis(200));
            };
            let noticed = Instant::now();
            thread::sleep(Duration::from_millis(300));
            gone.store(true, Ordering::SeqCst);
            (ready, noticed)
        });
        thread::sleep(Duration::from_millis(700));
        let before = served.load(Ordering::SeqCst);
        assert!(before > 0, "nobody was served");
        let told = Instant::now();
        server.signal(Signal::SIGTERM);
        let (ready, noticed) = watch.join().unwrap();
        assert_eq!((ready.status, &ready.json()["why"][0]["code"]), (503, &json!("draining")));
        assert!(noticed.duration_since(told) < Duration::from_secs(3), "it says so late");
        assert!(served.load(Ordering::SeqCst) > before, "nobody was served while it drained");
    });
    thread::sleep(Duration::from_secs(4));
    late.send(rest).unwrap();
    let answer = late.answer().unwrap().unwrap();
    answer.access_token();
    assert_eq!(answer.header("connection"), Some("close"));
    let began = Instant::now();
    assert_eq!(server.ended().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// Whoever never finishes is cut at the deadline, and a second signal ends the delay.
#[test]
fn a_drain_has_an_end() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    home.configure("[fetch]", "[drain]\ndelay_seconds = 600\ndeadline_seconds = 2\n[fetch]");
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    let mut hangs = server.connect();
    let request = hangs.exchange_request(&token(&issuer, &json!({})), &[]);
    hangs.send(&request[..request.len() - 30]).unwrap();
    thread::sleep(Duration::from_millis(100));
    server.signal(Signal::SIGTERM);
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(server.connect().get("/livez").status, 200, "it serves on for the delay");
    let told = Instant::now();
    server.signal(Signal::SIGTERM);
    let log = server.log();
    assert_eq!(server.ended().code(), Some(0), "{log}");
    assert!((1..9).contains(&told.elapsed().as_secs()), "{:?}", told.elapsed());
}
