//! What is kept of the log, what is erased, and that it is told from what somebody took away.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::thread;
use std::time::Duration;

use accredit_e2e::claims::token;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::patience::eventually;
use accredit_e2e::resources;
use accredit_e2e::server::{Home, Server};
use serde_json::{Value, json};

fn record(server: &Server, id: &str) -> Value {
    server.accredit(["audit", "show", id, "-o", "json"]).ended(0).json()
}

fn verified(server: &Server) -> Value {
    let verified = server.accredit(["audit", "verify", "-o", "json"]).ended(0).json();
    assert_eq!(verified["breaks"], json!([]));
    verified
}

/// A person's values go, everybody else's stay, what was decided stays, and the act says who did it and why but not whose.
#[test]
fn a_persons_values_are_erased_on_request() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    let exchange =
        |sub: &str, more: &str| server.exchange(&token(&issuer, &json!({"sub": sub, "ref": more})), &[]).decision();
    let (his, hers) = ("repo:acme/web:actor:mallory-hunter2", "repo:acme/web:ref:refs/heads/main");
    let allowed = exchange(his, "refs/heads/main");
    let denied = exchange(his, "refs/heads/other");
    let other = exchange(hers, "refs/heads/main");
    assert_eq!(record(&server, &allowed)["detail"]["claims"]["sub"], his);
    assert_eq!(record(&server, &allowed)["detail"]["source"], "127.0.0.1");
    // Which key vouched for it is on record for refusals as well, and stays.
    let thumbprint = record(&server, &allowed)["detail"]["keyThumbprint"].clone();
    assert!(thumbprint.is_string());
    assert_eq!(record(&server, &denied)["detail"]["keyThumbprint"], thumbprint);

    let reason = ["--reason", "Art. 17 request of 2027-01-15"];
    let erase = |more: &[&str]| {
        let arguments = ["audit", "erase"].iter().chain(&reason).chain(more).copied().collect::<Vec<_>>();
        server.accredit(arguments).ended(0).stdout
    };
    assert_eq!(erase(&["--subject", his, "--dry-run"]), "2 records would lose their values\n");
    assert_eq!(erase(&["--subject", his, "--provider", "gitlab"]), "0 records lost their values\n");
    assert_eq!(erase(&["--subject", his, "--provider", "github"]), "2 records lost their values\n");
    assert_eq!(erase(&["--subject", his]), "0 records lost their values\n");
    for (id, event) in [(&allowed, "exchange-allowed"), (&denied, "exchange-denied")] {
        let left = record(&server, id);
        assert_eq!((&left["event"], left["detail"].get("claims")), (&json!(event), None));
        assert!(!left.to_string().contains("hunter2"), "{left}");
        assert_eq!(left["detail"]["keyThumbprint"], thumbprint);
    }
    assert_eq!(record(&server, &other)["detail"]["claims"]["sub"], hers);
    let verdict = server.accredit(["decision", &denied]).ended(0).stdout;
    assert!(verdict.contains("its values were erased"), "{verdict}");
    assert_eq!(verified(&server)["erased"], 2);

    assert_eq!(erase(&["--decision", &other]), "1 record lost their values\n");
    let acts = server.accredit(["audit", "list", "--event", "audit-values-erased", "-o", "json"]).ended(0).json();
    let acts = acts["records"].as_array().unwrap();
    assert_eq!(acts.len(), 2);
    assert_eq!(acts[1]["detail"]["actor"], "local socket");
    assert_eq!(acts[1]["detail"]["detail"]["reason"], "Art. 17 request of 2027-01-15");
    assert_eq!(acts[1]["detail"]["detail"]["records"], 2);
    assert!(!acts.iter().any(|act| act.to_string().contains("hunter2")), "{acts:?}");
    let shown = server.accredit(["audit", "verify"]).ended(0).stdout;
    assert!(shown.starts_with("whole ") && shown.contains("3 without its value"), "{shown}");
    assert!(server.stop().success());

    // On the disk, too: nothing of it is left in the file or in what SQLite keeps beside it.
    for name in ["accredit.db", "accredit.db-wal"] {
        let bytes = std::fs::read(home.path("data").join(name)).unwrap_or_default();
        assert!(!bytes.windows(7).any(|seven| seven == b"hunter2"), "{name} still holds what was erased");
    }
}

/// By age, without anybody; one record tells of it, and a sweep that finds nothing leaves none.
#[test]
fn old_values_go_by_themselves() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    let old: Vec<String> = (0..5).map(|_| server.exchange(&token(&issuer, &json!({})), &[]).decision()).collect();
    assert!(server.stop().success());
    home.configure("[fetch]", "[audit]\nretention = { values = \"1s\" }\n\n[fetch]");
    thread::sleep(Duration::from_secs(2));
    let server = home.start();
    eventually("old values go", || old.iter().all(|id| record(&server, id)["detail"].get("claims").is_none()));
    // Swept now and then, not at every second.
    let young = server.exchange(&token(&issuer, &json!({})), &[]).decision();
    assert!(record(&server, &young)["detail"].get("claims").is_some());
    assert_eq!(verified(&server)["erased"], 5);
    assert_eq!(swept(&server), 1);
    assert!(server.stop().success());
    thread::sleep(Duration::from_secs(2));
    let server = home.start();
    eventually("the young one's go, too", || record(&server, &young)["detail"].get("claims").is_none());
    assert_eq!((verified(&server)["erased"].clone(), swept(&server)), (json!(6), 2));
    assert!(server.stop().success());
    thread::sleep(Duration::from_secs(2));
    let server = home.start();
    thread::sleep(Duration::from_secs(1));
    assert_eq!(swept(&server), 2);
}

fn swept(server: &Server) -> usize {
    let acts = server.accredit(["audit", "list", "--event", "audit-values-erased", "-o", "json"]).ended(0).json();
    acts["records"].as_array().unwrap().len()
}
