//! Backups: made while the server serves, looked at without one, restored all or nothing, and nothing of before counts.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use accredit_e2e::claims::token;
use accredit_e2e::command::{Ran, accredit, run};
use accredit_e2e::issuer::Issuer;
use accredit_e2e::server::{Home, Server};
use accredit_e2e::{resources, several};
use accredit_test_postgres::{PASSWORD, shared};
use serde_json::{Value, json};

fn once(issuer: &Issuer) -> String {
    resources::usual(issuer).replace("lifetime: 15m", "lifetime: 15m\n  replay: once")
}

fn backup(server: &Server, home: &Home, name: &str) -> Value {
    server.accredit(["backup", "create", home.path(name).to_str().unwrap(), "-o", "json"]).ended(0).json()
}

fn verify(home: &Home, name: &str) -> Ran {
    run(accredit().args(["backup", "verify", home.path(name).to_str().unwrap(), "-o", "json"]), "")
}

/// Restores into the place that the home's configuration names.
fn restore(home: &Home, name: &str) -> Ran {
    run(
        accredit()
            .args(["backup", "restore", home.path(name).to_str().unwrap(), "-o", "json", "--config"])
            .arg(home.path("accredit.toml"))
            .env("HOME", home.folder()),
        "",
    )
}

/// L16: what was spent, revoked and signed before a restore stays dead behind it; what was changed since is told loudly.
#[test]
fn l16_nothing_of_before_counts_after_a_restore() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&once(&issuer));
    let heads = home.path("heads");
    let hers = server.exchange(&token(&issuer, &json!({"sub": "repo:acme/web:actor:mallory"})), &[]).decision();
    let first = backup(&server, &home, "first.backup");
    assert_eq!((first["epoch"].as_i64(), first["audit"]["breaks"].as_array().map(Vec::len)), (Some(0), Some(0)));
    // Behind the backup: values are erased, a token is spent, another one waits, and the log goes on.
    let erase = |server: &Server| {
        let erased = server.accredit(["audit", "erase", "--decision", &hers, "--reason", "on request"]).ended(0).stdout;
        assert!(erased.starts_with("1 record"), "{erased}");
    };
    let subject = |server: &Server| {
        server.accredit(["audit", "show", &hers, "-o", "json"]).ended(0).json()["detail"]["claims"]["sub"].clone()
    };
    erase(&server);
    assert_eq!(subject(&server), Value::Null);
    let (spent, kept) = (token(&issuer, &json!({})), token(&issuer, &json!({})));
    let issued = server.exchange(&spent, &[]).access_token();
    assert_eq!(server.form_as(&issued, "/oauth/introspect", &[("token", &issued)]).status, 200);
    let kids = |server: &Server| -> Vec<String> {
        let keys = server.connect().get("/oauth/jwks").json();
        keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let before = kids(&server);
    assert!(server.stop().success());
    let server = home.start();
    server.accredit(["audit", "heads", "--append", heads.to_str().unwrap()]).ended(0);
    assert!(server.stop().success());

    // Onto a store that is there: refused, and left as it is.
    let refused = restore(&home, "first.backup").ended(1);
    assert!(refused.stderr.contains("store is not empty"), "{}", refused.stderr);
    fs::rename(home.path("data"), home.path("lost")).unwrap();
    let told = restore(&home, "first.backup").ended(0);
    assert_eq!(told.json()["epoch"], 1);
    for word in ["disabled", "count again", "out of use", "values that were erased since are there again"] {
        assert!(told.stderr.contains(word), "{}", told.stderr);
    }

    let server = home.start();
    for subject in [&spent, &kept] {
        let answer = server.exchange(subject, &[]);
        assert_eq!((answer.status, answer.member("reason").as_str()), (400, "jti-reused"), "{}", answer.text());
    }
    // As the page says: a restore undoes an erasure, and it can be made again.
    assert_eq!(subject(&server), "repo:acme/web:actor:mallory");
    erase(&server);
    assert_eq!(subject(&server), Value::Null);
    let after = kids(&server);
    assert!(after.len() == 2 && after.iter().all(|kid| !before.contains(kid)), "{before:?} {after:?}");
    assert_eq!(server.form_as(&issued, "/oauth/introspect", &[("token", &issued)]).status, 401);
    // What was lost is told by heads that were kept elsewhere, and by nothing else.
    server.accredit(["audit", "verify"]).ended(0);
    let verified = server.accredit(["audit", "verify", "--heads", heads.to_str().unwrap()]).ended(1);
    assert!(verified.stdout.contains("had reached") || verified.stdout.contains("missing"), "{}", verified.stdout);
    let records = server.accredit(["audit", "list", "--event", "store-restored", "-o", "json"]).ended(0).json();
    assert_eq!(records["records"].as_array().unwrap().len(), 1, "{records}");
}

/// A backup is one moment of a store that goes on, and a restored store goes on as any other.
#[test]
fn a_backup_is_made_under_load_and_restored_elsewhere() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    let (over, exchanged) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut connection = server.connect();
                while !over.load(Ordering::SeqCst) {
                    assert_eq!(connection.exchange(&token(&issuer, &json!({})), &[]).status, 200);
                    exchanged.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        while exchanged.load(Ordering::SeqCst) < 50 {
            thread::sleep(Duration::from_millis(5));
        }
        for number in 0..3 {
            backup(&server, &home, &format!("{number}.backup"));
        }
        over.store(true, Ordering::SeqCst);
    });
    // Private: it holds what is in the log, and sealed keys.
    let file = home.path("2.backup");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions()) & 0o777, 0o600);
    let kek = fs::read_to_string(home.path("kek")).unwrap();
    let bytes = fs::read(&file).unwrap();
    assert!(!bytes.windows(40).any(|window| window == &kek.as_bytes()[..40]));
    let exists = server.accredit(["backup", "create", file.to_str().unwrap()]).ended(1);
    assert!(exists.stderr.contains("exists"), "{}", exists.stderr);
    // In use: refused.
    let in_use = restore(&home, "2.backup").ended(1);
    assert!(in_use.stderr.contains("in use by another server"), "{}", in_use.stderr);
    assert!(server.stop().success());

    let elsewhere = Home::new();
    for name in ["kek", "2.backup"] {
        fs::copy(home.path(name), elsewhere.path(name)).unwrap();
    }
    let told = restore(&elsewhere, "2.backup").ended(0).json();
    assert!(told["backup"]["audit"]["records"].as_u64().unwrap() >= 50, "{told}");
    let server = elsewhere.start();
    assert_eq!(server.exchange(&token(&issuer, &json!({})), &[]).status, 200);
    server.accredit(["audit", "verify"]).ended(0);
}

/// L18: a backup that was altered, cut short or made by somebody else is refused, and so is the wrong key-encryption key;
/// nothing is written then.
#[test]
fn l18_what_is_not_whole_is_not_restored() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    backup(&server, &home, "good");
    assert!(server.stop().success());
    fs::rename(home.path("data"), home.path("lost")).unwrap();
    let good = fs::read(home.path("good")).unwrap();
    let put = |bytes: &[u8]| fs::write(home.path("bad"), bytes).unwrap();
    let mut altered = good.clone();
    let place = good.windows(12).position(|window| window == b"repository_i").unwrap();
    altered[place] ^= 1;
    for (bytes, expected) in [
        (altered.as_slice(), "altered"),
        (&good[..good.len() - 1], "ends in the middle"),
        (&good[..good.len() / 2], "ends in the middle"),
        (&[good.as_slice(), b"x"].concat()[..], "behind its end"),
        (b"SQLite format 3\0", "no Accredit backup"),
        (b"", "no Accredit backup"),
    ] {
        put(bytes);
        for ran in [verify(&home, "bad"), restore(&home, "bad")] {
            let ran = ran.ended(1);
            assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
        }
    }
    fs::rename(home.path("kek"), home.path("kek.away")).unwrap();
    let without = restore(&home, "good").ended(1);
    assert!(without.stderr.contains("does not exist"), "{}", without.stderr);
    home.write("kek", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    let other = restore(&home, "good").ended(1);
    assert!(other.stderr.contains("is wrapped by"), "{}", other.stderr);
    assert!(!home.path("data/accredit.db").exists(), "nothing was made");
    fs::rename(home.path("kek.away"), home.path("kek")).unwrap();
    verify(&home, "good").ended(0);
    restore(&home, "good").ended(0);
}

/// Killed at any moment, a restore leaves a whole store or an empty one.
#[test]
fn a_restore_that_is_killed_leaves_no_half_of_a_store() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    let accounts: String = (0..400).map(|number| format!("---\nkind: ServiceAccount\nname: ci/a{number}\n")).collect();
    server.apply(&format!("{}{accounts}", resources::usual(&issuer)));
    backup(&server, &home, "good");
    assert!(server.stop().success());
    let mut whole = 0;
    for pause in [2, 10, 20, 30, 40, 50, 60, 80, 100, 140] {
        let _ = fs::remove_dir_all(home.path("data"));
        let mut child = accredit()
            .args(["backup", "restore", home.path("good").to_str().unwrap(), "--config"])
            .arg(home.path("accredit.toml"))
            .env("HOME", home.folder())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(pause));
        let _ = child.kill();
        child.wait().unwrap();
        // Empty: it is restored now. Whole: it is refused as not empty, and serves.
        let again = restore(&home, "good");
        match again.code {
            Some(0) => {}
            _ => {
                whole += 1;
                assert!(again.stderr.contains("not empty"), "{}", again.stderr);
            }
        }
    }
    let server = home.start();
    let status = server.accredit(["status", "-o", "json"]).ended(0).json();
    assert_eq!(status["resources"]["service-account"], 401, "{status} {whole}");
}

/// L16, L18: the same on PostgreSQL, under servers that share a store: what is restored goes on on all of them.
#[test]
fn l16_a_backup_of_several_servers_is_restored_for_several() {
    let Some(cluster) = shared() else { return };
    let (homes, issuer) = (several::homes(cluster, 2), Issuer::new("https://ci.test"));
    let servers: Vec<Server> = homes.iter().map(Home::start).collect();
    servers[0].apply(&once(&issuer));
    let spent = token(&issuer, &json!({}));
    servers[0].exchange(&spent, &[]).access_token();
    let made = backup(&servers[1], &homes[1], "all.backup");
    assert_eq!(made["audit"]["breaks"], json!([]));
    assert!(servers.into_iter().all(|server| server.stop().success()));
    let refused = restore(&homes[1], "all.backup").ended(1);
    assert!(refused.stderr.contains("store is not empty"), "{}", refused.stderr);

    let others = several::homes(cluster, 2);
    fs::copy(homes[1].path("all.backup"), others[0].path("all.backup")).unwrap();
    let restored = restore(&others[0], "all.backup").ended(0);
    assert_eq!(restored.json()["epoch"], 1);
    assert!(restored.stdout.contains("postgres://") && !restored.stdout.contains(PASSWORD), "{}", restored.stdout);
    let servers: Vec<Server> = others.iter().map(Home::start).collect();
    for server in &servers {
        let answer = server.exchange(&spent, &[]);
        assert_eq!((answer.status, answer.member("reason").as_str()), (400, "jti-reused"), "{}", answer.text());
        assert_eq!(server.connect().get("/readyz").status, 200);
        server.accredit(["audit", "verify"]).ended(0);
    }
    // Changes are sealed and followed there as before.
    servers[1].apply("kind: ServiceAccount\nname: ci/later\n");
    assert!(servers.into_iter().all(|server| server.stop().success()));
    let server = others[0].start();
    assert_eq!(server.connect().get("/readyz").status, 200);
}
