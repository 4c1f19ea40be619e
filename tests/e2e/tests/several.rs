//! Several servers on one PostgreSQL: what one does, the others go by; what one forbids, none allows.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use accredit_e2e::claims::{kid, said, token};
use accredit_e2e::http::Answer;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::patience::{eventually, within_a_second};
use accredit_e2e::reader::{Reader, kids};
use accredit_e2e::server::{Home, PATIENCE, Server};
use accredit_e2e::wire::{State, Wire};
use accredit_e2e::{resources, several};
use accredit_test_postgres::{PASSWORD, shared};
use serde_json::json;

/// Servers on a database of their own, with the usual resources.
fn served(count: usize) -> Option<(Vec<Home>, Issuer, Vec<Server>)> {
    let homes = several::homes(shared()?, count);
    let issuer = Issuer::new("https://ci.test");
    // All at once, on an empty database.
    let servers: Vec<Server> = thread::scope(|scope| {
        let starting: Vec<_> = homes.iter().map(|home| scope.spawn(|| home.start())).collect();
        starting.into_iter().map(|server| server.join().unwrap()).collect()
    });
    servers[0].apply(&resources::usual(&issuer));
    for server in &servers[1..] {
        within_a_second("the first resources", || server.exchange(&token(&issuer, &json!({})), &[]).status == 200);
    }
    Some((homes, issuer, servers))
}

/// K05, L18: servers that start at the same time on an empty database race for the first key of seals and the first signing
/// keys. One makes them, all serve by them, and what each writes the others read.
#[test]
fn k05_servers_that_first_start_together_have_one_set_of_keys() {
    for round in 0..3 {
        let Some(cluster) = shared() else { return };
        let homes = several::homes(cluster, 3);
        let start = Barrier::new(homes.len());
        let begin = &|home: &Home| {
            start.wait();
            home.start()
        };
        let servers: Vec<Server> = thread::scope(|scope| {
            let starting: Vec<_> = homes.iter().map(|home| scope.spawn(move || begin(home))).collect();
            starting.into_iter().map(|server| server.join().unwrap()).collect()
        });
        let keys =
            |server: &Server| server.accredit(["key", "list", "--all", "-o", "json"]).ended(0).json()["keys"].clone();
        let ours = keys(&servers[0]);
        let mut active: Vec<_> = ours.as_array().unwrap().iter().filter(|key| key["state"] == "active").collect();
        active.sort_by_key(|key| key["purpose"].to_string() + &key["algorithm"].to_string());
        let count = active.len();
        active.dedup_by_key(|key| key["purpose"].to_string() + &key["algorithm"].to_string());
        assert_eq!((active.len(), count > 1), (count, true), "round {round}: {ours}");
        let published = kids(&servers[0].connect().get("/oauth/jwks"));
        let issuer = Issuer::new("https://ci.test");
        servers[0].apply(&resources::usual(&issuer));
        for (number, server) in servers.iter().enumerate() {
            assert_eq!(keys(server), ours, "round {round}");
            assert_eq!(kids(&server.connect().get("/oauth/jwks")), published, "round {round}");
            server.apply(&format!("kind: ServiceAccount\nname: ci/of-{number}\n"));
        }
        for server in &servers {
            within_a_second("the resources", || server.exchange(&token(&issuer, &json!({})), &[]).status == 200);
            let issued = server.exchange(&token(&issuer, &json!({})), &[]).access_token();
            for other in &servers {
                assert_eq!(other.introspected(&issued, &issued)["active"], true, "round {round}");
            }
        }
        // What was sealed by one is whole to all, and to whoever starts behind them.
        intact(&servers);
        assert!(servers.into_iter().all(|server| server.stop().success()));
        let server = homes[round].start();
        let ready = server.connect().get("/readyz");
        assert_eq!(ready.status, 200, "round {round}: {}", ready.text());
        assert_eq!(keys(&server), ours, "round {round}");
    }
}

/// A change on one server counts at another: what takes something away at once, the rest within a second. L13, K05.
#[test]
fn l13_a_change_on_one_is_in_force_on_all_within_a_second() {
    let Some((_homes, issuer, servers)) = served(3) else { return };
    let subject = || token(&issuer, &json!({}));
    for round in 0..4 {
        let (here, there) = (&servers[round % 3], &servers[(round + 1) % 3]);
        here.accredit(["mapping", "disable", "ci/web-main"]).ended(0);
        for server in &servers {
            let refused = server.exchange(&subject(), &[]);
            assert_eq!(refused.status, 400, "round {round}: {}", refused.text());
        }
        there.accredit(["mapping", "enable", "ci/web-main"]).ended(0);
        for server in &servers {
            within_a_second("what was enabled", || server.exchange(&subject(), &[]).status == 200);
        }
        let name = format!("ci/extra-{round}");
        here.apply(&format!("kind: ServiceAccount\nname: {name}\n"));
        for server in &servers {
            within_a_second("a new account", || server.accredit(["service-account", "get", &name]).code == Some(0));
        }
    }
    // Whoever changes something decides on what the others did, not on what he remembers.
    thread::scope(|scope| {
        for (number, server) in servers.iter().enumerate() {
            scope.spawn(move || {
                for round in 0..10 {
                    server.apply(&format!("kind: ServiceAccount\nname: ci/at-once-{number}-{round}\n"));
                }
            });
        }
    });
    for server in &servers {
        let list = || server.accredit(["service-account", "list", "-o", "json"]).ended(0).stdout;
        within_a_second("what all of them changed", || list().matches("ci/at-once-").count() == 30);
    }
    intact(&servers);
}

/// L18: a server that reads a table to which somebody else wrote issues nothing from that moment on, and not only when it next
/// looks at how things are.
#[test]
fn l18_what_was_tampered_with_is_doubted_at_once() {
    let Some(cluster) = shared() else { return };
    let database = cluster.database();
    let (home, issuer) = (several::home(&database), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    assert_eq!(server.exchange(&token(&issuer, &json!({})), &[]).status, 200);
    cluster.sql(database.rsplit('/').next().unwrap(), "UPDATE head SET seq = seq + 1");
    within_a_second("the doubt", || server.exchange(&token(&issuer, &json!({})), &[]).status == 503);
}

/// K05, K06: a token of one server is everybody's.
#[test]
fn k05_a_token_of_one_is_known_and_revoked_at_all() {
    let Some((_homes, issuer, servers)) = served(2) else { return };
    let (here, there) = (&servers[0], &servers[1]);
    let issued = here.exchange(&token(&issuer, &json!({})), &[]).access_token();
    let bearer = there.exchange(&token(&issuer, &json!({})), &[]).access_token();
    assert!(kids(&there.connect().get("/oauth/jwks")).contains(&kid(&issued)));
    assert_eq!(there.introspected(&bearer, &issued)["active"], true);
    let decision = said(&issued)["jti"].as_str().unwrap().to_owned();
    let told = there.accredit(["decision", &decision, "-o", "json"]).ended(0).json();
    assert_eq!((&told["verdict"], &told["provider"]), (&json!("allow"), &json!("github")));
    // What one refuses, another explains.
    let refused = here.exchange(&token(&issuer, &json!({"ref": "refs/heads/dev"})), &[]);
    assert_eq!(refused.status, 400);
    let told = there.accredit(["decision", &refused.decision(), "-o", "json"]).ended(0).stdout;
    assert!(told.contains("refs/heads/dev"), "{told}");

    let revoked = there.form("/oauth/revoke", &[], &[("token", &issued)]);
    assert_eq!(revoked.status, 200);
    assert_eq!(there.introspected(&bearer, &issued), json!({"active": false}));
    within_a_second("the revocation", || here.introspected(&bearer, &issued) == json!({"active": false}));

    // Whoever hears of it late makes nothing of it all the same.
    for round in 0..5 {
        let issued = here.exchange(&token(&issuer, &json!({})), &[]).access_token();
        let child = narrowed(here, &issued).access_token();
        assert_eq!(there.form("/oauth/revoke", &[], &[("token", &issued)]).status, 200);
        for token in [&issued, &child] {
            let refused = narrowed(here, token);
            assert_eq!((refused.status, refused.member("reason").as_str()), (400, "token-inactive"), "round {round}");
        }
    }

    // A key that is tainted on one signs nowhere any more; one that is revoked takes its tokens along everywhere.
    let before = there.exchange(&token(&issuer, &json!({})), &[]).access_token();
    here.accredit(["key", "taint", &kid(&before), "--reason", "test"]).ended(0);
    let after = there.exchange(&token(&issuer, &json!({})), &[]).access_token();
    assert_ne!(kid(&after), kid(&before));
    here.accredit(["key", "revoke", &kid(&before), "--reason", "test"]).ended(0);
    within_a_second("the revoked key", || there.introspected(&after, &before) == json!({"active": false}));
    intact(&servers);
}

/// J13: keys of a provider that were taken away on one server vouch for nothing at another, from that moment on.
#[test]
fn j13_keys_that_were_replaced_on_one_vouch_for_nothing_at_another() {
    let Some((_homes, issuer, servers)) = served(2) else { return };
    let (mut before, mut after) = (issuer, Issuer::new("https://ci.test"));
    for round in 0..4 {
        let (here, there) = (&servers[round % 2], &servers[(round + 1) % 2]);
        assert_eq!(there.exchange(&token(&before, &json!({})), &[]).status, 200);
        here.apply(&resources::provider("github", &after.url, &resources::keys(&after.key_set())));
        let refused = there.exchange(&token(&before, &json!({})), &[]);
        assert_eq!(refused.status, 400, "round {round}: {}", refused.text());
        within_a_second("the new keys", || there.exchange(&token(&after, &json!({})), &[]).status == 200);
        std::mem::swap(&mut before, &mut after);
    }
    intact(&servers);
}

/// I01: a token that counts once counts once, wherever it is shown, at the same moment or later.
#[test]
fn i01_a_token_that_counts_once_counts_once_on_three_servers() {
    let Some((_homes, issuer, servers)) = served(3) else { return };
    let once = resources::usual(&issuer).replace("lifetime: 15m", "lifetime: 15m\n  replay: once");
    servers[0].apply(&once);
    // A first use that counts is a first use at a server that knows.
    thread::sleep(Duration::from_secs(1));
    for _ in 0..5 {
        let spent = token(&issuer, &json!({}));
        let start = Barrier::new(24);
        let use_it = |server: &Server| {
            let mut connection = server.connect();
            connection.get("/oauth/jwks");
            start.wait();
            connection.exchange(&spent, &[])
        };
        let answers: Vec<Answer> = thread::scope(|scope| {
            let threads: Vec<_> = (0..24)
                .map(|number| {
                    scope.spawn({
                        let (use_it, server) = (&use_it, &servers[number % 3]);
                        move || use_it(server)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            assert_eq!(answer.member("reason"), "jti-reused", "{}", answer.text());
        }
        for server in &servers {
            let refused = server.exchange(&spent, &[]);
            assert_eq!(refused.member("reason"), "jti-reused");
            let told = servers[0].accredit(["decision", &refused.decision(), "-o", "json"]).ended(0).stdout;
            assert!(told.contains(&won[0].decision()), "the first use is not named: {told}");
        }
    }
    intact(&servers);
}

/// K05, K07: who cannot reach the store issues nothing and calls no token active, says that he is not ready, and comes back by
/// himself.
#[test]
fn k07_a_server_that_is_cut_off_issues_nothing_and_comes_back() {
    let Some(cluster) = shared() else { return };
    let wire = Wire::to(cluster.port());
    let database = cluster.database();
    let name = database.rsplit('/').next().unwrap();
    let homes = [several::home(&cluster.url_through(wire.port, name)), several::home(&database)];
    let issuer = Issuer::new("https://ci.test");
    let servers: Vec<Server> = homes.iter().map(Home::start).collect();
    servers[1].apply(&resources::usual(&issuer));
    let subject = || token(&issuer, &json!({}));
    let ready = |server: &Server| server.connect().get("/readyz").status;
    let why = |server: &Server| -> Vec<String> {
        let said = server.connect().get("/readyz").json();
        let why = said["why"].as_array().cloned().unwrap_or_default();
        why.iter().map(|why| why["code"].as_str().unwrap().to_owned()).collect()
    };
    within_a_second("the first resources", || servers[0].exchange(&subject(), &[]).status == 200);
    for (state, is_asked) in [(State::Cut, true), (State::Silent, true), (State::Cut, false)] {
        assert_eq!(ready(&servers[0]), 200);
        // Both are known to the one that is about to be cut off, so that it need not ask the store for them.
        let [bearer, token] = [0, 1].map(|_| servers[0].exchange(&subject(), &[]).access_token());
        let ask = || servers[0].form_as(&bearer, "/oauth/introspect", &[("token", &token)]);
        // A connection that was cut while nobody used it is noticed by whoever uses it next, who is told to come again.
        eventually("the log is read again", || ask().json()["active"] == true);
        wire.be(state);
        if is_asked {
            let refused = servers[0].exchange(&subject(), &[]);
            assert_eq!(refused.status, 503, "{state:?}: {}", refused.text());
            assert!(refused.header("retry-after").is_some());
        }
        eventually("cut off", || why(&servers[0]).contains(&"store-unreachable".to_owned()));
        if state == State::Cut {
            let refused = servers[0].accredit(["service-account", "create", "ci/late"]).ended(4).stderr;
            assert!(refused.contains("hint: `/readyz` and the log say more"), "{refused}");
        }
        assert_eq!(ready(&servers[0]), 503);
        // The others go on, and forbid something meanwhile.
        assert_eq!(servers[1].exchange(&subject(), &[]).status, 200);
        servers[1].accredit(["mapping", "disable", "ci/web-main"]).ended(0);
        assert_eq!(servers[1].form("/oauth/revoke", &[], &[("token", &token)]).status, 200);
        assert_eq!(servers[0].exchange(&subject(), &[]).status, 503);
        eventually("nothing is said of tokens", || ask().status == 503);
        assert!(ask().header("retry-after").is_some());
        wire.be(State::Whole);
        eventually("ready again", || ready(&servers[0]) == 200);
        assert_eq!(ask().status, 401, "the caller is not active either while its mapping is disabled");
        let refused = servers[0].exchange(&subject(), &[]);
        assert_eq!(refused.status, 400, "what was forbidden meanwhile: {}", refused.text());
        servers[1].accredit(["mapping", "enable", "ci/web-main"]).ended(0);
        within_a_second("what was enabled", || servers[0].exchange(&subject(), &[]).status == 200);
        assert_eq!(ask().json(), json!({"active": false}));
    }
    intact(&servers);
    // L22: nobody learns the password of the database from what a server says.
    for server in &servers {
        let log = server.log();
        assert!(log.contains("cannot be followed") || !log.contains("followed again"), "{log}");
        assert!(!log.contains(PASSWORD));
    }
}

/// K04: three rotations on two servers, each of which signs all the time. No reader who keeps the key set of either for as long
/// as he may ever meets a token of either that he does not know.
#[test]
fn k04_two_servers_never_sign_with_an_unpublished_key() {
    let Some(cluster) = shared() else { return };
    let homes = several::homes(cluster, 2);
    for home in &homes {
        let rotation = "encryption = { file = \"kek\" }\nrotation = { every_seconds = 4, cache_seconds = 2, \
                        margin_seconds = 1, leeway_seconds = 1 }";
        home.configure("encryption = { file = \"kek\" }", rotation);
        home.configure("[fetch]", "[limits]\nmax_token_seconds = 10\n\n[fetch]");
    }
    let issuer = Issuer::new("https://ci.test");
    let servers: Vec<Server> = homes.iter().map(Home::start).collect();
    servers[0].apply(&resources::usual(&issuer));
    thread::sleep(Duration::from_secs(1));
    let mut connections: Vec<_> = servers.iter().map(Server::connect).collect();
    let mut readers: Vec<Reader> = (0..6).map(|_| Reader::new()).collect();
    let mut signed_by = [Vec::new(), Vec::new()];
    let (began, mut count) = (Instant::now(), 0);
    while signed_by.iter().any(|keys: &Vec<String>| keys.len() < 4) {
        for signer in 0..2 {
            let issued = connections[signer].exchange(&token(&issuer, &json!({})), &[]).access_token();
            count += 1;
            if signed_by[signer].last() != Some(&kid(&issued)) {
                signed_by[signer].push(kid(&issued));
            }
            // A reader begins every now and then, so that their key sets end at different times; half of them ask each server.
            let begun = (began.elapsed().as_millis() / 370) as usize + 1;
            for (place, reader) in readers.iter_mut().enumerate().take(begun) {
                assert!(
                    reader.knows(&mut connections[place % 2], &issued),
                    "server {signer}, reader {place}, after {count} tokens of {signed_by:?}"
                );
            }
        }
        assert!(began.elapsed() < 3 * PATIENCE, "{signed_by:?}");
        thread::sleep(Duration::from_millis(20));
    }
    for keys in &signed_by {
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "a key signed twice: {signed_by:?}");
    }
    assert_eq!(signed_by[0][..4], signed_by[1][..4], "both sign with the same ones");
    // One step is taken once, whoever takes it.
    let list = servers[0].accredit(["key", "list", "--all", "-o", "json"]).ended(0).json();
    let active =
        list["keys"].as_array().unwrap().iter().filter(|key| key["state"] == "active" && key["purpose"] == "access");
    assert_eq!(active.count(), 1, "{list}");
    intact(&servers);
}

/// K04, K05: a key is tainted on one server while the other one signs without pause. Nothing that was asked for after the verb had
/// ended is signed by it, on either; what it signed before counts on, and no request fails.
#[test]
fn k04_a_key_that_is_tainted_on_one_signs_nowhere() {
    let Some((_homes, issuer, servers)) = served(2) else { return };
    let first = servers[0].exchange(&token(&issuer, &json!({})), &[]).access_token();
    let (tainted, over) = (kid(&first), AtomicBool::new(false));
    let sign = |server: &Server| {
        let (mut connection, mut signed) = (server.connect(), Vec::new());
        while !over.load(Ordering::SeqCst) {
            let asked = Instant::now();
            signed.push((asked, connection.exchange(&token(&issuer, &json!({})), &[]).access_token()));
        }
        signed
    };
    let signed: Vec<(Instant, String)> = thread::scope(|scope| {
        let sign = &sign;
        let start = |server| scope.spawn(move || sign(server));
        let signers: Vec<_> = [&servers[1], &servers[1], &servers[0]].map(start).into_iter().collect();
        thread::sleep(Duration::from_millis(300));
        servers[0].accredit(["key", "taint", &tainted, "--reason", "found in a dump"]).ended(0);
        let ended = Instant::now();
        thread::sleep(Duration::from_millis(500));
        over.store(true, Ordering::SeqCst);
        let signed: Vec<_> = signers.into_iter().flat_map(|signer| signer.join().unwrap()).collect();
        let late = signed.iter().filter(|(asked, token)| *asked > ended && kid(token) == tainted).count();
        assert_eq!(late, 0, "of {} tokens", signed.len());
        signed
    });
    let by_it = signed.iter().filter(|(_, token)| kid(token) == tainted).count();
    assert!(by_it > 0 && by_it < signed.len(), "{by_it} of {}", signed.len());
    let caller = &signed.last().unwrap().1;
    assert_eq!(servers[1].introspected(caller, &first)["active"], true);
    intact(&servers);
}

/// The audit log of all of them, asked of each.
fn intact(servers: &[Server]) {
    for server in servers {
        let verified = server.accredit(["audit", "verify", "-o", "json"]).ended(0).json();
        assert_eq!(verified["breaks"], json!([]), "{verified}");
        assert!(verified["chains"].as_u64().unwrap() >= servers.len() as u64, "{verified}");
    }
}

fn narrowed(server: &Server, token: &str) -> Answer {
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    let grant = "urn:ietf:params:oauth:grant-type:token-exchange";
    let parameters = [("grant_type", grant), ("subject_token_type", kind), ("subject_token", token)];
    server.form("/oauth/token", &[], &parameters)
}
