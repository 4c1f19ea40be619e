//! A store moves to another database, and its schema to another release.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::thread;
use std::time::{Duration, Instant};

use accredit_e2e::claims::{said, token};
use accredit_e2e::command::{Ran, accredit, run};
use accredit_e2e::issuer::Issuer;
use accredit_e2e::patience::eventually;
use accredit_e2e::server::{Home, Server};
use accredit_e2e::{resources, several};
use accredit_test_postgres::{Cluster, PASSWORD, shared};
use serde_json::json;

/// From SQLite to PostgreSQL and back: what was spent stays spent, what was revoked stays revoked, the keys sign on, and the
/// audit log verifies as the same one on both sides. K09.
#[test]
fn k09_a_store_moves_to_postgresql_and_back() {
    let Some(cluster) = shared() else { return };
    let home = several::home("sqlite:data/first.db");
    let issuer = Issuer::new("https://ci.test");
    let server = home.start();
    server.apply(&resources::usual(&issuer).replace("lifetime: 15m", "lifetime: 15m\n  replay: once"));
    let known = Known {
        spent: token(&issuer, &json!({})),
        revoked: server.exchange(&token(&issuer, &json!({})), &[]).access_token(),
        kid: server.connect().get("/oauth/jwks").text().to_owned(),
    };
    let decision = server.exchange(&known.spent, &[]).decision();
    assert_eq!(server.form("/oauth/revoke", &[], &[("token", &known.revoked)]).status, 200);
    known.holds(&server, &issuer, &decision);
    assert!(server.stop().success());

    let first = format!("sqlite:{}", home.path("data/first.db").display());
    let database = cluster.database();
    let told = copy(&first, &database).ended(0).stdout;
    assert!(told.contains("the audit log is the same on both sides: 1 chain"), "{told}");
    let again = copy(&first, &database).ended(1);
    assert!(again.stderr.contains("is not empty") && again.stderr.contains("hint: "), "{}", again.stderr);
    home.configure("sqlite:data/first.db", &database);
    let server = home.start();
    known.holds(&server, &issuer, &decision);
    let verified = server.accredit(["audit", "verify", "-o", "json"]).ended(0).json();
    assert_eq!((&verified["chains"], &verified["breaks"]), (&json!(2), &json!([])));
    // What goes on is not copied.
    let second = format!("sqlite:{}", home.path("data/second.db").display());
    let refused = copy(&database, &second).ended(1);
    assert!(refused.stderr.contains("is in use") && !refused.stderr.contains(PASSWORD), "{}", refused.stderr);
    assert!(server.stop().success());

    std::fs::remove_file(home.path("data/second.db")).ok();
    let told = copy(&database, &second).ended(0).stdout;
    assert!(told.contains("2 chains"), "{told}");
    home.configure(&database, "sqlite:data/second.db");
    let server = home.start();
    known.holds(&server, &issuer, &decision);
    let verified = server.accredit(["audit", "verify", "-o", "json"]).ended(0).json();
    assert_eq!((&verified["chains"], &verified["breaks"]), (&json!(3), &json!([])));
    assert!(server.stop().success());

    // A name that was mistyped is no empty store, and an address that cannot be reached is one of two.
    let nowhere = home.path("data/typo.db");
    let refused = copy(&format!("sqlite:{}", nowhere.display()), &cluster.database()).ended(1);
    assert!(refused.stderr.contains("there is no store to copy"), "{}", refused.stderr);
    assert!(!nowhere.exists(), "a store was made where there was none");
    let away = "postgres://accredit:secret@127.0.0.1:1/accredit";
    let refused = copy(&second, away).ended(1).stderr;
    assert!(refused.starts_with("error: the store to copy to: ") && !refused.contains("secret"), "{refused}");
    let refused = copy(away, &second).ended(1).stderr;
    assert!(refused.starts_with("error: the store to copy: ") && !refused.contains("secret"), "{refused}");

    // The database's own words, and nothing of its source.
    let refused = copy(&second, &cluster.database().replace(PASSWORD, "wrong")).ended(1).stderr;
    assert!(refused.contains("(SQLSTATE 28P01) [store-unavailable]") && !refused.contains("at line"), "{refused}");

    // L18: a row that somebody changed is as forged in the copy.
    cluster.sql(name(&database), "UPDATE resource SET body = '{}' WHERE name = 'shop/ci-web'");
    let forged = format!("sqlite:{}", home.path("data/forged.db").display());
    copy(&database, &forged).ended(0);
    home.configure("sqlite:data/second.db", "sqlite:data/forged.db");
    let server = home.start();
    let said = server.connect().get("/readyz").json();
    assert_eq!(said["why"][0]["code"], "store-tampered", "{said}");
    server.kill();

    // L18: a log that was tampered with is not copied, which would hide when that came about.
    cluster.sql(name(&database), "UPDATE audit_batch SET written_at = written_at + 1 WHERE chain = 1 AND number = 1");
    let third = format!("sqlite:{}", home.path("data/third.db").display());
    let refused = copy(&database, &third).ended(1);
    assert!(refused.stderr.contains("the store to copy is not what was written: "), "{}", refused.stderr);
    assert!(!home.path("data/third.db").exists());
}

/// Servers go on beside a step that spares them, and no longer than they are spared.
#[test]
fn servers_are_replaced_one_by_one() {
    let Some(cluster) = shared() else { return };
    let homes = several::homes(cluster, 3);
    let issuer = Issuer::new("https://ci.test");
    let servers: Vec<Server> = homes[..2].iter().map(Home::start).collect();
    servers[0].apply(&resources::usual(&issuer));
    thread::sleep(Duration::from_secs(1));
    let database = store_of(&homes[0]);
    let sql = |statement: &str| cluster.sql(name(&database), statement);
    let status = |server: &Server| server.exchange(&token(&issuer, &json!({})), &[]).status;

    // As a later release would, under servers that run.
    sql("ALTER TABLE resource ADD COLUMN later TEXT; INSERT INTO schema_step (number, oldest) VALUES (9000, 1)");
    thread::sleep(Duration::from_secs(1));
    for server in &servers {
        assert_eq!((status(server), server.connect().get("/readyz").status), (200, 200));
    }
    servers[1].apply("kind: ServiceAccount\nname: ci/later\n");
    assert_eq!(status(&homes[2].start()), 200, "one that is started beside it");
    let told = migrate(&homes[2], &["--check"]).ended(0).stdout;
    assert!(told.contains("schema 9000; nothing is to be done"), "{told}");

    sql("INSERT INTO schema_step (number, oldest) VALUES (9001, 9001)");
    let began = Instant::now();
    while servers.iter().any(|server| status(server) != 503 || server.connect().get("/readyz").status != 503) {
        assert!(began.elapsed() < Duration::from_secs(5), "it goes on behind a step that does not spare it");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(servers[0].log().contains("schema 9001"), "{}", servers[0].log());
    let said = servers[0].connect().get("/readyz").json();
    assert!(said["why"].to_string().contains("store-not-followed"), "{said}");
    assert!(!said["why"].to_string().contains("store-unreachable"), "{said}");
    let refused = homes[2].fail_to_start().ended(1).stderr;
    assert!(refused.contains("schema 9001"), "{refused}");
    let told = migrate(&homes[2], &["--check"]).ended(1).stdout;
    assert!(told.contains("9001"), "{told}");
}

/// The step behind which programs of before must not go on: they would write rows without seals.
const SEALS: i64 = 36;

/// A schema of before is brought up to date by command, or at the start.
#[test]
fn an_old_schema_is_brought_up_to_date() {
    let Some(cluster) = shared() else { return };
    let home = &several::homes(cluster, 1)[0];
    let told = migrate(home, &["--check"]).ended(1).stdout;
    assert!(told.starts_with("schema 0 to ") && told.contains("would be taken"), "{told}");
    migrate(home, &[]).ended(0);
    let told = migrate(home, &["--check"]).ended(0).stdout;
    assert!(told.contains("nothing is to be done"), "{told}");
    // One step back.
    let database = store_of(home);
    let back = || {
        cluster.sql(name(&database), "ALTER TABLE audit_chain DROP COLUMN beside");
        cluster.sql(name(&database), "DELETE FROM schema_step WHERE number = 27");
    };
    back();
    home.configure(&format!("url = \"{database}\""), &format!("url = \"{database}\"\nmigrate = false"));
    let refused = home.fail_to_start().ended(1).stderr;
    assert!(refused.contains("accredit server migrate") && !refused.contains(PASSWORD), "{refused}");
    assert!(
        refused.contains("database lacks steps 27 of the schema") && refused.contains("[store-too-old]"),
        "{refused}"
    );
    // Nor is it copied, which would bring it up to date without anybody having asked for that.
    let copied = copy(&database, &format!("sqlite:{}", home.path("copy.db").display())).ended(1).stderr;
    assert!(copied.starts_with("error: the store to copy: database lacks steps 27"), "{copied}");
    let checked = migrate(home, &["--check", "-o", "json"]).ended(1).json();
    assert_eq!((&checked["pending"], &checked["oldestThen"]), (&json!([27]), &json!(SEALS)));
    assert_eq!(cluster.sql(name(&database), "SELECT count(*) FROM schema_step WHERE number = 27"), "0");
    let told = migrate(home, &[]).ended(0).stdout;
    assert!(told.contains("steps 27 were taken"), "{told}");
    assert!(home.start().stop().success());
    back();
    home.configure("\nmigrate = false", "");
    assert!(home.start().stop().success());
}

/// L18: a store of before there were seals is left as it is until somebody answers for its rows, so that the servers of before,
/// which know no seals, can go on with it.
#[test]
fn l18_a_refused_upgrade_changes_nothing() {
    let Some(cluster) = shared() else { return };
    let home = &several::homes(cluster, 1)[0];
    let issuer = Issuer::new("https://ci.test");
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    assert!(server.stop().success());
    let database = store_of(home);
    let sql = |statement: &str| cluster.sql(name(&database), statement);
    for table in ["head", "resource", "signing_key", "name_pin", "revoked_token"] {
        sql(&format!("ALTER TABLE {table} DROP COLUMN seal"));
    }
    sql("ALTER TABLE head DROP COLUMN ledger; DROP TABLE seal_key; DELETE FROM schema_step WHERE number IN (36, 37)");
    let everything = || {
        sql("SELECT (SELECT count(*) FROM audit_chain), (SELECT max(oldest) FROM schema_step), count(*) \
                             FROM schema_step")
    };
    let before = everything();
    let refused = home.fail_to_start().ended(1).stderr;
    assert!(refused.contains("have no seals") && refused.contains("`--seal-store`"), "{refused}");
    assert_eq!(everything(), before);
    assert!(home.start_with(&["--seal-store"], []).stop().success());
    let server = home.start();
    assert_eq!(server.exchange(&token(&issuer, &json!({})), &[]).status, 200);
}

/// K09, L16: under a server that runs, the database is replaced by an earlier one. It goes by what there is now, and issues
/// nothing, since its own log is not there; started again, it goes on.
#[test]
fn l16_a_store_that_went_back_is_noticed() {
    let Some(cluster) = shared() else { return };
    let home = &several::homes(cluster, 1)[0];
    let issuer = Issuer::new("https://ci.test");
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    assert!(server.stop().success());
    let database = store_of(home);
    let now = name(&database);
    let earlier = cluster.database_like(now);
    let server = home.start();
    server.apply("kind: ServiceAccount\nname: ci/later\n");
    assert_eq!(server.exchange(&token(&issuer, &json!({})), &[]).status, 200);

    let sql = |statement: String| cluster.sql("postgres", &statement);
    sql(format!("ALTER DATABASE {now} WITH ALLOW_CONNECTIONS false"));
    sql(format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{now}'"));
    sql(format!("ALTER DATABASE {now} RENAME TO {now}_lost"));
    sql(format!("ALTER DATABASE {} RENAME TO {now}", name(&earlier)));
    let began = Instant::now();
    while !server.log().contains("the store has gone back") {
        assert!(began.elapsed() < Duration::from_secs(20), "nobody notices:\n{}", server.log());
        thread::sleep(Duration::from_millis(50));
    }
    while server.accredit(["service-account", "get", "ci/later"]).code == Some(0) {
        assert!(began.elapsed() < Duration::from_secs(20), "it goes by what is not there");
    }
    // It is only known that nothing can be written once something was to be.
    eventually("not ready", || {
        let refused = server.exchange(&token(&issuer, &json!({})), &[]);
        assert_eq!(refused.status, 503, "{}", refused.text());
        server.connect().get("/readyz").status == 503
    });
    server.kill();
    let server = home.start();
    assert_eq!(server.exchange(&token(&issuer, &json!({})), &[]).status, 200);
    assert_eq!(server.accredit(["audit", "verify", "-o", "json"]).ended(0).json()["breaks"], json!([]));
}

/// The database is reached by TLS, and must show that it is the one that is meant; else nothing is sent to it.
#[test]
fn a_database_elsewhere_proves_who_it_is() {
    let signed = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = signed.signing_key.serialize_pem();
    let Some(cluster) = Cluster::start_with_tls(&signed.cert.pem(), &key) else { return };
    let database = cluster.database();
    let home = several::home(&database);
    let configured = |parameters: &str| {
        let text = std::fs::read_to_string(home.path("accredit.toml")).unwrap();
        let line = text.lines().find(|line| line.starts_with("url = ")).unwrap().to_owned();
        home.configure(&line, &format!("url = \"{database}{parameters}\""));
    };
    let authority = |pem: &str| home.write("authority.pem", pem).display().to_string();
    configured(&format!("?sslmode=verify-full&sslrootcert={}", authority(&other.cert.pem())));
    let refused = home.fail_to_start().ended(1).stderr;
    assert!(refused.contains("database is unavailable") && !refused.contains(PASSWORD), "{refused}");
    configured("?sslmode=verify-full");
    home.fail_to_start().ended(1);
    configured(&format!("?sslmode=verify-full&sslrootcert={}", authority(&signed.cert.pem())));
    let server = home.start();
    let spoken = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
                  WHERE s.ssl AND a.application_name = 'accredit'";
    assert!(cluster.sql(name(&database), spoken).parse::<u32>().unwrap() >= 2);
    assert!(server.stop().success());
}

/// What a store must take along.
struct Known {
    spent: String,
    revoked: String,
    kid: String,
}

impl Known {
    fn holds(&self, server: &Server, issuer: &Issuer, decision: &str) {
        let Known { spent, revoked, kid } = self;
        let refused = server.exchange(spent, &[]);
        assert_eq!((refused.status, refused.member("reason").as_str()), (400, "jti-reused"), "{}", refused.text());
        let bearer = server.exchange(&token(issuer, &json!({})), &[]).access_token();
        assert_eq!(server.introspected(&bearer, revoked), json!({"active": false}));
        assert_eq!(server.connect().get("/oauth/jwks").text(), kid);
        let told = server.accredit(["decision", decision, "-o", "json"]).ended(0).json();
        assert_eq!(told["verdict"], "allow");
        assert_eq!(said(&bearer)["iss"], accredit_e2e::server::PUBLIC_URL);
    }
}

fn copy(from: &str, to: &str) -> Ran {
    run(accredit().args(["store", "copy", from, to]), "")
}

fn migrate(home: &Home, more: &[&str]) -> Ran {
    let mut command = accredit();
    command.args(["server", "migrate", "--config"]).arg(home.path("accredit.toml")).args(more);
    run(&mut command, "")
}

fn store_of(home: &Home) -> String {
    let text = std::fs::read_to_string(home.path("accredit.toml")).unwrap();
    text.split("url = \"postgres").nth(1).map(|rest| format!("postgres{}", rest.split('"').next().unwrap())).unwrap()
}

fn name(database: &str) -> &str {
    database.rsplit('/').next().unwrap()
}
