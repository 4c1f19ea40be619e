//! First-use pins and alarms over the whole product: what a name meant at first it goes on meaning, whatever happens to
//! the server, until somebody says why not; and what an issuer newly sends is told.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Mutex;
use std::thread;

use accredit_e2e::claims::token;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::patience::within_a_second;
use accredit_e2e::server::{Home, Server};
use accredit_e2e::{resources, several};
use accredit_test_postgres::shared;
use serde_json::{Value, json};

/// A mapping that trusts names alone.
const BY_NAME: &str = "kind: Mapping
name: ci/web-main
spec: {provider: github, serviceAccount: ci/web, match: {repository: [acme/web, acme/shop], ref: refs/heads/main}}
";

/// A home, an issuer, and a server whose mapping trusts names.
fn served() -> (Home, Issuer, Server) {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    server.apply(BY_NAME);
    (home, issuer, server)
}

/// The status of an exchange by a job of a repository with this name and id.
fn exchange(server: &Server, issuer: &Issuer, name: &str, id: &str) -> u16 {
    server.exchange(&token(issuer, &json!({"repository": name, "repository_id": id})), &[]).status
}

fn pins(server: &Server) -> Vec<(String, String)> {
    let list = server.accredit(["mapping", "pins", "ci/web-main", "-o", "json"]).ended(0).json();
    let pin = |pin: &Value| (pin["value"].as_str().unwrap().to_owned(), pin["id"].as_str().unwrap().to_owned());
    list["pins"].as_array().unwrap().iter().map(pin).collect()
}

fn pinned(pins: &[(&str, &str)]) -> Vec<(String, String)> {
    pins.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned())).collect()
}

/// F14, H13: a repository that somebody else registered again under its name is refused, over a crash, and is told nothing.
#[test]
fn f14_a_reused_name_is_refused_until_it_is_repinned() {
    let (home, issuer, server) = served();
    let first = server.exchange(&token(&issuer, &json!({})), &[]);
    first.access_token();
    assert_eq!(pins(&server), pinned(&[("acme/web", "123")]));
    // Nothing waits between the answer and the end of the process.
    server.kill();
    let server = home.start();
    assert_eq!(exchange(&server, &issuer, "acme/web", "123"), 200);
    let stranger = || token(&issuer, &json!({"repository_id": "456", "repository_owner_id": "7"}));
    let refused = server.exchange(&stranger(), &[]);
    assert_eq!((refused.status, refused.member("reason").as_str()), (400, "no-mapping-matched"));
    for word in ["pinned", "pin-", "web-main", "reused"] {
        assert!(!refused.text().contains(word), "{}", refused.text());
    }
    let told = server.accredit(["decision", &refused.decision()]).ended(0).stdout;
    assert!(told.starts_with("denied   pin-mismatch   dec_"), "{told}");
    assert!(told.contains("ci/web-main: `repository_id` is 456, pinned to 123\n"), "{told}");
    assert!(
        told.contains(
            "hint: the name was reused; if that is right: `accredit mapping repin ci/web-main --reason ...`\n"
        )
    );
    // A question sets no pin, and shows those that are set.
    let other = home.write("shop", &token(&issuer, &json!({"repository": "acme/shop", "repository_id": "9"})));
    server.accredit(["explain", "--token", other.to_str().unwrap()]).ended(0);
    assert_eq!(pins(&server), pinned(&[("acme/web", "123")]));
    let own = home.write("web", &token(&issuer, &json!({})));
    let told = server.accredit(["explain", "--token", own.to_str().unwrap()]).ended(0).stdout;
    assert!(told.contains("`repository_id` is pinned to 123 since its name was first used\n"), "{told}");

    let repin = ["mapping", "repin", "ci/web-main", "--reason", "made anew by acme, ticket 7"];
    let table = server.accredit(repin.iter().copied().chain(["--dry-run"])).ended(0).stdout;
    assert!(table.contains("repository_id") && table.contains(&first.decision()), "{table}");
    assert_eq!(server.exchange(&stranger(), &[]).status, 400);
    server.accredit(repin).ended(0);
    server.accredit(repin).ended(1);
    assert_eq!(server.exchange(&stranger(), &[]).status, 200);
    assert_eq!(exchange(&server, &issuer, "acme/web", "123"), 400);
    assert_eq!(pins(&server), pinned(&[("acme/web", "456")]));
    let log = server.accredit(["audit", "list", "-o", "json"]).ended(0).json();
    let act = log["records"].as_array().unwrap().iter().find(|record| record["event"] == "mapping-repinned").unwrap();
    let detail = &act["detail"]["detail"];
    assert_eq!(
        (&detail["reason"], &detail["changes"][0]["before"]["pin"]["id"], &detail["changes"][0]["after"]),
        (&json!("made anew by acme, ticket 7"), &json!("123"), &Value::Null)
    );
}

/// F14: fifty jobs of two repositories with one name come at the same time: one of the two has it.
#[test]
fn f14_one_of_many_first_uses_wins() {
    let (home, issuer, server) = served();
    let allowed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for number in 0..50 {
            let (server, issuer, allowed) = (&server, &issuer, &allowed);
            scope.spawn(move || {
                let id = if number % 2 == 0 { "123" } else { "456" };
                let status = exchange(server, issuer, "acme/web", id);
                assert!(status == 200 || status == 400, "{status}");
                allowed.lock().unwrap().push((id, status == 200));
            });
        }
    });
    let pins = pins(&server);
    let winner = pins[0].1.as_str();
    let allowed = allowed.into_inner().unwrap();
    assert!(allowed.iter().all(|(id, is_allowed)| (*id == winner) == *is_allowed), "{winner} won: {allowed:?}");
    server.kill();
    assert_eq!(self::pins(&home.start()), pins);
}

/// F14: what a name means at one server it means at all that share the store, also where both meet it at the same time; what is
/// repinned at one is repinned at all.
#[test]
fn f14_a_name_means_the_same_on_two_servers() {
    let Some(cluster) = shared() else { return };
    let (homes, issuer) = (several::homes(cluster, 2), Issuer::new("https://ci.test"));
    let servers: Vec<Server> = homes.iter().map(Home::start).collect();
    servers[0].apply(&resources::usual(&issuer));
    servers[0].apply(BY_NAME);
    let allowed = |server: &Server, id: &str| exchange(server, &issuer, "acme/shop", id) == 200;
    within_a_second("the mapping", || allowed(&servers[1], "1"));
    // The other one has not heard of it yet, or has: it makes no difference.
    assert!(!allowed(&servers[0], "2"));
    assert!(allowed(&servers[0], "1"));
    let repin = |server: &Server| {
        server.accredit(["mapping", "repin", "ci/web-main", "--reason", "another one"]).ended(0);
    };
    for round in 0..5 {
        // Whoever was pinned is refused, and whoever was not has the name, at the other server too.
        let (here, there) = (&servers[round % 2], &servers[(round + 1) % 2]);
        repin(here);
        let (before, after) = (format!("{}", round + 1), format!("{}", round + 2));
        within_a_second("the new name", || allowed(there, &after));
        assert!(!allowed(here, &before) && !allowed(there, &before), "round {round}");
    }
    // Both meet it at the same time.
    let met = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for number in 0..40 {
            let (server, issuer, met) = (&servers[number % 2], &issuer, &met);
            scope.spawn(move || {
                let id = if number / 2 % 2 == 0 { "123" } else { "456" };
                let status = exchange(server, issuer, "acme/web", id);
                assert!(status == 200 || status == 400, "{status}");
                met.lock().unwrap().push((id, status == 200));
            });
        }
    });
    let first = pins(&servers[0]);
    let (_, winner) = first.iter().find(|(name, _)| name == "acme/web").unwrap();
    let met = met.into_inner().unwrap();
    assert!(met.iter().all(|(id, is_allowed)| (id == winner) == *is_allowed), "{winner} won: {met:?}");
    within_a_second("the pins", || pins(&servers[1]) == first);
}

/// Pins follow what the mapping expects; neither export nor apply touches them.
#[test]
fn pins_live_as_long_as_their_names() {
    let (home, issuer, server) = served();
    assert_eq!(exchange(&server, &issuer, "acme/web", "123"), 200);
    assert_eq!(exchange(&server, &issuer, "acme/shop", "124"), 200);
    let both = pinned(&[("acme/shop", "124"), ("acme/web", "123")]);
    assert_eq!(pins(&server), both);
    let exported = server.accredit(["export"]).ended(0).stdout;
    assert!(!exported.contains("pinned") && !exported.contains("repository_id"), "{exported}");
    server.apply(&exported);
    server.apply(&BY_NAME.replace("ref: refs/heads/main", "ref: [refs/heads/main, refs/heads/next]"));
    assert_eq!(pins(&server), both);
    let repin =
        ["mapping", "repin", "ci/web-main", "--reason", "moved", "--claim", "repository", "--value", "acme/shop"];
    server.accredit(repin).ended(0);
    assert_eq!(pins(&server), pinned(&[("acme/web", "123")]));
    server.apply(&BY_NAME.replace("[acme/web, acme/shop]", "acme/shop"));
    assert_eq!(pins(&server), []);
    assert_eq!(exchange(&server, &issuer, "acme/shop", "125"), 200);
    server.accredit(["mapping", "delete", "ci/web-main"]).ended(0);
    server.apply(BY_NAME);
    assert_eq!(pins(&server), []);
    assert!(server.stop().success());
    assert_eq!(pins(&home.start()), []);
}

/// F13: an issuer that changes how it writes subjects, or sends a claim that nobody listed, is told once, for good.
#[test]
fn f13_what_an_issuer_newly_sends_raises_one_alarm() {
    let (home, issuer, server) = served();
    let send = |server: &Server, changes: Value| server.exchange(&token(&issuer, &changes), &[]);
    send(&server, json!({})).access_token();
    server.accredit(["alarm", "list"]).ended(0);
    let list = |server: &Server, more: &[&str]| {
        let all = ["alarm", "list", "-o", "json"].iter().chain(more);
        server.accredit(all.copied()).ended(0).json()["alarms"].as_array().unwrap().clone()
    };
    assert_eq!(list(&server, &[]), Vec::<Value>::new());
    let new = || json!({"sub": "repo:acme@98/web@123:ref:refs/heads/main", "quantum": "yes"});
    let first = send(&server, new());
    first.access_token();
    for _ in 0..3 {
        send(&server, new()).access_token();
    }
    let seen: Vec<Value> =
        list(&server, &[]).into_iter().map(|alarm| json!([alarm["code"], alarm["thing"], alarm["decision"]])).collect();
    let decision = first.decision();
    assert_eq!(
        seen,
        [json!(["claim-unlisted", "quantum", decision]), json!(["subject-format-changed", "immutable", decision])]
    );
    server.kill();
    let server = home.start();
    send(&server, new()).access_token();
    let alarms = list(&server, &[]);
    assert_eq!(alarms.len(), 2);
    let provider = server.accredit(["provider", "get", "github"]).ended(0);
    assert!(provider.stderr.contains("alarm: tokens of provider `github` have claim `quantum`, which nobody listed"));
    let id = alarms[0]["id"].as_str().unwrap();
    let told = server.accredit(["alarm", "acknowledge", id, "--reason", "announced"]).ended(0).stdout;
    assert!(told.contains("known    announced\n"), "{told}");
    assert_eq!((list(&server, &[]).len(), list(&server, &["--all"]).len()), (1, 2));
    let log = server.accredit(["audit", "list", "-o", "json"]).ended(0).json();
    let count =
        |event: &str| log["records"].as_array().unwrap().iter().filter(|record| record["event"] == event).count();
    assert_eq!((count("alarm-raised"), count("alarm-acknowledged")), (2, 1));
    server.accredit(["mapping", "delete", "ci/web-main"]).ended(0);
    server.accredit(["provider", "delete", "github"]).ended(0);
    assert_eq!(list(&server, &["--all"]), Vec::<Value>::new());
}
