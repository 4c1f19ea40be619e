//! A database that somebody else wrote to: what he changed counts no more, is named, and everything else goes on.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;

use accredit_e2e::claims::token;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::resources;
use accredit_e2e::server::{Home, Server};
use serde_json::{Value, json};

const SECOND: &str = r#"---
kind: ServiceAccount
name: ci/other
---
kind: Grant
name: shop/ci-other
spec: {api: shop/payments, permissions: [payments.read], to: ci/other}
---
kind: Mapping
name: ci/other-main
spec:
  provider: github
  serviceAccount: ci/other
  match:
    repository_id: "777"
    repository_owner_id: "98"
    ref: refs/heads/main
  condition: assertion.runner_environment == "github-hosted"
  lifetime: 15m
"#;

/// Puts other bytes of the same length into the database file of a server that does not run.
fn edit(home: &Home, old: &str, new: &str) -> usize {
    assert_eq!(old.len(), new.len());
    let path = home.path("data/accredit.db");
    let mut bytes = fs::read(&path).unwrap();
    let places: Vec<_> = (0..bytes.len() - old.len()).filter(|at| bytes[*at..].starts_with(old.as_bytes())).collect();
    for at in &places {
        bytes[*at..*at + new.len()].copy_from_slice(new.as_bytes());
    }
    fs::write(&path, bytes).unwrap();
    places.len()
}

fn ready(server: &Server) -> (u16, Value) {
    let answer = accredit_e2e::http::Connection::unix(&server.socket).get("/readyz");
    (answer.status, answer.json())
}

/// L18: a mapping that was widened with an editor allows nothing, is named, and leaves the others as they are.
#[test]
fn l18_a_mapping_that_was_edited_in_the_database_counts_no_more() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&(resources::usual(&issuer) + SECOND));
    let other = token(&issuer, &json!({"repository_id": "777"}));
    let ours = token(&issuer, &json!({}));
    let account = [("service_account_id", "ci/other")];
    assert_eq!(server.exchange(&other, &account).status, 200);
    assert!(server.stop().success());

    assert!(edit(&home, r#""repository_id":"777""#, r#""repository_id":"666""#) > 0);
    let server = home.start();
    let stranger = token(&issuer, &json!({"repository_id": "666"}));
    for subject in [&stranger, &other] {
        assert_eq!(server.exchange(subject, &account).status, 400);
    }
    assert_eq!(server.exchange(&ours, &[]).status, 200, "what was not touched goes on");
    let (status, told) = ready(&server);
    assert_eq!((status, &told["why"][0]["code"]), (503, &json!("store-tampered")), "{told}");
    let troubles = server.accredit(["status"]).ended(0).stdout;
    assert!(troubles.contains("was changed in the database") && troubles.contains("map_"), "{troubles}");
    assert!(server.log().contains("was changed in the database"));
    assert!(server.stop().success());

    // Put back as it was, all is well.
    edit(&home, r#""repository_id":"666""#, r#""repository_id":"777""#);
    let server = home.start();
    assert_eq!(ready(&server).0, 200);
    assert_eq!(server.exchange(&other, &account).status, 200);
}

/// L18: a store without seals, as an older version leaves it or a thief of seals, is not trusted unless its operator says so,
/// once.
#[test]
fn l18_rows_without_seals_are_trusted_by_word_alone() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    server.accredit(["key", "rewrap"]).ended(0);
    assert!(server.stop().success());
    let refused = accredit_e2e::command::run(
        accredit_e2e::command::accredit()
            .args(["server", "--seal-store", "--config"])
            .arg(home.path("accredit.toml"))
            .env("HOME", home.folder()),
        "",
    );
    assert!(refused.ended(1).stderr.contains("sealed already"));
    // Another key-encryption key, named as it should be: the seals hold on.
    fs::rename(home.path("kek"), home.path("kek.old")).unwrap();
    home.configure(
        "encryption = { file = \"kek\" }",
        "encryption = { file = \"kek\" }\nprevious = { file = \"kek.old\" }",
    );
    let server = home.start();
    assert_eq!(ready(&server).0, 200);
    let changed = server.accredit(["key", "rewrap"]).ended(0);
    assert!(changed.stdout.contains("sealed under"), "{}", changed.stdout);
    assert!(server.stop().success());
    home.configure("\nprevious = { file = \"kek.old\" }", "");
    let server = home.start();
    assert_eq!((ready(&server).0, server.exchange(&token(&issuer, &json!({})), &[]).status), (200, 200));
}
