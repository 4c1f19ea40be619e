//! The server's own signing keys: replaced in time and by order, under load, over crashes, sealed anew.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use accredit_e2e::claims::{kid, random, said, token};
use accredit_e2e::command::{accredit, run};
use accredit_e2e::http::Answer;
use accredit_e2e::issuer::{Issuer, now};
use accredit_e2e::patience::eventually;
use accredit_e2e::reader::{Reader, kids};
use accredit_e2e::resources;
use accredit_e2e::server::{Home, PATIENCE, Server};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// K04: three rotations under load. No reader who keeps the key set for as long as he may ever meets a token of a key that he
/// does not know, new or old.
#[test]
fn k04_no_reader_ever_meets_an_unknown_key() {
    let (home, issuer) = (short_lived(4), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    let subject = || token(&issuer, &json!({}));
    let first = kid(&exchanged(&server, &subject()));
    let mut connection = server.connect();
    let mut readers: Vec<Reader> = (0..5).map(|_| Reader::new()).collect();
    let (mut signed_by, mut tokens) = (Vec::new(), Vec::new());
    let began = Instant::now();
    let mut count = 0;
    loop {
        let token = connection.exchange(&subject(), &[]).access_token();
        count += 1;
        if signed_by.last() != Some(&kid(&token)) {
            signed_by.push(kid(&token));
        }
        // A reader begins every now and then, so that their key sets end at different times.
        let begun = (began.elapsed().as_millis() / 370) as usize + 1;
        for reader in readers.iter_mut().take(begun) {
            assert!(reader.knows(&mut connection, &token), "after {count} tokens of {signed_by:?}");
        }
        tokens.push(token);
        if count % 20 == 0 {
            // Every token counts until its end.
            tokens.retain(|token| said(token)["exp"].as_i64().unwrap() > now() + 1);
            for token in &tokens {
                assert!(readers.iter_mut().take(begun).all(|reader| reader.knows(&mut connection, token)), "{token}");
            }
        }
        let left = !kids(&connection.get("/oauth/jwks")).contains(&first);
        if signed_by.len() > 3 && left {
            break;
        }
        assert!(began.elapsed() < 3 * PATIENCE, "{signed_by:?}, {}", server.accredit(["key", "list"]).stdout);
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(signed_by.iter().collect::<BTreeSet<_>>().len(), signed_by.len(), "a key signed twice: {signed_by:?}");
    assert!(count > 100, "only {count} tokens");
    let listed = keys_of(&server, "access");
    let states: Vec<&str> = listed.iter().map(|key| key["state"].as_str().unwrap()).collect();
    assert!(states.contains(&"active") && states.contains(&"published") && states.contains(&"retired"), "{states:?}");
    assert_eq!(server.accredit(["audit", "verify", "-o", "json"]).ended(0).json()["breaks"], json!([]));
    assert!(server.stop().success());
}

/// A tainted key signs nothing from now on; what it signed counts until it ends.
#[test]
fn a_tainted_key_stops_and_its_tokens_go_on() {
    let (_home, issuer, server) = served();
    let before = issued(&server, &issuer);
    let listed = server.accredit(["key", "list"]).ended(0).stdout;
    assert!(listed.starts_with("ID (KID)") && listed.contains(&kid(&before)), "{listed}");
    let yaml = server.accredit(["key", "list", "-o", "yaml"]).ended(0).stdout;
    assert!(yaml.contains("signsFrom:") && yaml.contains("sealedBy:"), "{yaml}");
    assert_eq!(states(&server), ["active", "published"]);
    server.accredit(["key", "taint", &kid(&before)]).ended(2);
    let would = server.accredit(["key", "taint", &kid(&before), "--reason", "leak", "--dry-run"]).ended(0).stdout;
    assert!(would.contains("nothing was changed"), "{would}");
    assert_eq!(states(&server), ["active", "published"]);
    let told = server.accredit(["key", "taint", &kid(&before), "--reason", "found in a dump"]).ended(0).stdout;
    assert!(told.contains("what it signed counts until it ends"), "{told}");
    let after = issued(&server, &issuer);
    assert_ne!(kid(&after), kid(&before));
    let published = kids(&server.connect().get("/oauth/jwks"));
    assert!(published.contains(&kid(&before)) && published.contains(&kid(&after)));
    assert_eq!(server.introspected(&after, &before)["active"], true);
    // Its successor's successor is made beside.
    states_become(&server, &["retired", "active", "published"]);
    let again = server.accredit(["key", "taint", &kid(&before), "--reason", "again"]).ended(1);
    assert!(again.stderr.contains("revoke it"), "{}", again.stderr);
    let audit = server.accredit(["audit", "list", "--event", "key-tainted", "-o", "json"]).ended(0).json();
    let record = audit.to_string();
    assert!(record.contains("found in a dump") && record.contains(&kid(&before)), "{record}");
}

/// A revoked key leaves at once, and with it what it signed; without a successor that readers know nothing is signed until
/// there is one, over a crash too.
#[test]
fn a_revoked_key_takes_its_tokens_along() {
    let (home, issuer, server) =
        served_with("cache_seconds = 2, margin_seconds = 1", "cache_seconds = 8, margin_seconds = 1");
    let before = issued(&server, &issuer);
    let etag = server.connect().get("/oauth/jwks").header("etag").unwrap().to_owned();
    let would = server.accredit(["key", "revoke", &kid(&before), "--reason", "x", "--dry-run"]).ended(0).stdout;
    assert!(would.contains("every access token that key") && would.contains("is refused"), "{would}");
    server.accredit(["key", "revoke", &kid(&before), "--reason", "stolen"]).ended(0);
    let keys = server.connect().get("/oauth/jwks");
    assert!(!kids(&keys).contains(&kid(&before)) && keys.header("etag") != Some(&*etag));
    let after = issued(&server, &issuer);
    assert!(kids(&keys).contains(&kid(&after)));
    assert_eq!(server.introspected(&after, &before), json!({"active": false}));
    let narrowed = exchange_ours(&server, &before);
    assert_eq!(narrowed.status, 400, "{}", narrowed.text());
    server.accredit(["key", "revoke", &kid(&before), "--reason", "again"]).ended(1);
    server.accredit(["key", "revoke", "nobody", "--reason", "x"]).ended(1);
    let audit = server.accredit(["audit", "list", "--event", "key-revoked", "-o", "json"]).ended(0).json().to_string();
    assert!(audit.contains("stolen"), "{audit}");

    // The next one too, and its successor before it: the one that is made then has only just been published.
    states_become(&server, &["removed", "active", "published"]);
    let next = keys_of(&server, "access").into_iter().find(|key| key["state"] == "published").unwrap();
    let told =
        server.accredit(["key", "revoke", next["id"].as_str().unwrap(), "--reason", "all of them"]).ended(0).stdout;
    assert!(told.contains("has signed nothing"), "{told}");
    let told = server.accredit(["key", "revoke", &kid(&after), "--reason", "all of them"]).ended(0).stdout;
    assert!(told.contains("nothing signs access ES256"), "{told}");
    let refused = server.exchange(&token(&issuer, &json!({})), &[]);
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    server.kill();
    let server = home.start();
    let mut third = None;
    eventually("something is issued again", || {
        let answer = server.exchange(&token(&issuer, &json!({})), &[]);
        third = (answer.status == 200).then(|| answer.access_token());
        assert!(third.is_some() || answer.status == 503, "{}", answer.text());
        third.is_some()
    });
    let third = third.unwrap();
    assert!([kid(&before), kid(&after)].iter().all(|gone| *gone != kid(&third)));
    assert_eq!(server.introspected(&third, &after), json!({"active": false}));
    // A key of the log is not revoked: nothing else verifies what it vouched for.
    let vouching = keys_of(&server, "audit")[0]["id"].as_str().unwrap().to_owned();
    let refused = server.accredit(["key", "revoke", &vouching, "--reason", "x"]).ended(1);
    assert!(refused.stderr.contains("vouches for the audit log"), "{}", refused.stderr);
    server.accredit(["key", "rotate", "--purpose", "audit"]).ended(0);
    assert_eq!(server.accredit(["audit", "verify", "-o", "json"]).ended(0).json()["breaks"], json!([]));
}

/// K04: killed at each step of rotation, and between them. Nothing is lost, and no reader meets what he does not know.
#[test]
fn k04_a_rotation_may_be_killed_at_any_step() {
    let (home, issuer) = (short_lived(4), Issuer::new("https://ci.test"));
    let mut server = home.start();
    server.apply(&resources::usual(&issuer));
    let mut reader = Reader::new();
    let seen = Mutex::new(BTreeSet::new());
    let mut before = String::new();
    for round in 0..12 {
        let from = server.log().len();
        let began = Instant::now();
        let mut connection = server.connect();
        if round % 3 == 2 {
            // At some moment that no log line tells of.
            server.accredit(["key", "rotate"]).ended(0);
            thread::sleep(Duration::from_millis(u64::from(random()[0])));
        } else {
            loop {
                let log = server.log();
                let steps = log[from..].split("signing key moved").skip(1);
                let new = steps.filter_map(|line| line.split("step=\"").nth(1)?.split('"').next().map(str::to_owned));
                let new: BTreeSet<String> = new.collect();
                if !new.is_empty() {
                    seen.lock().unwrap().extend(new);
                    break;
                }
                let token = connection.exchange(&token(&issuer, &json!({})), &[]).access_token();
                assert!(reader.knows(&mut connection, &token), "round {round}");
                before = token;
                assert!(
                    began.elapsed() < PATIENCE,
                    "no step in round {round}: {}",
                    server.accredit(["key", "list"]).stdout
                );
                thread::sleep(Duration::from_millis(3));
            }
        }
        server.signal(Signal::SIGKILL);
        server.kill();
        server = home.start();
        let mut connection = server.connect();
        let after = connection.exchange(&token(&issuer, &json!({})), &[]).access_token();
        assert!(reader.knows(&mut connection, &after), "round {round}");
        if !before.is_empty() && said(&before)["exp"].as_i64().unwrap() > now() + 1 {
            assert_eq!(server.introspected(&after, &before)["active"], true, "round {round}");
        }
        let listed = keys_of(&server, "access");
        let active = listed.iter().filter(|key| key["state"] == "active").count();
        assert_eq!(active, 1, "round {round}: {listed:?}");
    }
    for step in ["publish", "activate", "retire"] {
        assert!(seen.lock().unwrap().contains(step), "{step} was never met: {seen:?}");
    }
    assert_eq!(server.accredit(["audit", "verify", "-o", "json"]).ended(0).json()["breaks"], json!([]));
    assert!(server.stop().success());
}

/// Another key-encryption key: in one transaction, whatever kills it, and a wrong one says which it wants.
#[test]
fn keys_are_sealed_anew_all_or_none() {
    let (home, issuer, server) = served();
    let before = issued(&server, &issuer);
    let whole = sealed(&server);
    let [old] = &under(&whole)[..] else { unreachable!("one key-encryption key") };
    let old = old.clone();
    let nothing = server.accredit(["key", "rewrap"]).ended(0).stdout;
    assert!(nothing.contains("already"), "{nothing}");
    assert!(server.stop().success());
    let second = || base64_key();
    home.write("kek-b", &second());
    let configured = |current: &str, previous: Option<&str>| {
        let toml = std::fs::read_to_string(home.path("accredit.toml")).unwrap();
        let line = toml.lines().find(|line| line.starts_with("encryption = ")).unwrap().to_owned();
        let previous = previous.map_or(String::new(), |name| format!("\nprevious = {{ file = \"{name}\" }}"));
        let toml: Vec<&str> = toml.lines().filter(|line| !line.starts_with("previous = ")).collect();
        home.write("accredit.toml", &toml.join("\n"));
        home.configure(&line, &format!("encryption = {current}{previous}"));
    };
    // The wrong one alone says which one it wants.
    configured("{ file = \"kek-b\" }", None);
    let refused = home.fail_to_start().ended(1).stderr;
    assert!(refused.contains(&format!("is wrapped by `{old}`")) && refused.contains("`keys.previous`"), "{refused}");

    let (mut current, mut previous) = ("kek-b", "kek");
    let mut known = whole;
    for round in 0..6 {
        configured(&format!("{{ file = \"{current}\" }}"), Some(previous));
        let server = home.start();
        // What the schedule makes from now on is sealed under the present one: the successor of a key that began to sign just
        // before the server was killed. Those that were there are sealed anew together or not at all.
        let of_before =
            |server: &Server| under(&sealed(server).into_iter().filter(|(id, _)| known.contains_key(id)).collect());
        assert_eq!(of_before(&server), under(&known), "round {round}: half of the keys");
        let socket = server.socket.clone();
        let rewrap =
            thread::spawn(move || run(accredit().args(["key", "rewrap"]).env("ACCREDIT_ADMIN_SOCKET", &socket), ""));
        thread::sleep(Duration::from_millis(u64::from(random()[0]) / 8));
        server.kill();
        rewrap.join().unwrap();
        let server = home.start();
        assert_eq!(of_before(&server).len(), 1, "round {round}: half of the keys");
        server.accredit(["key", "rewrap"]).ended(0);
        // What is made later is sealed like the others.
        server.accredit(["key", "rotate"]).ended(0);
        let sealed = sealed(&server);
        assert!(known.keys().all(|id| sealed.contains_key(id)), "round {round}: a key is gone");
        assert_eq!(under(&sealed).len(), 1, "round {round}");
        assert_ne!(under(&sealed), under(&known), "round {round}");
        known = sealed;
        server.kill();
        (current, previous) = (previous, current);
    }
    // The last one that sealed is enough, wherever it comes from.
    let credentials = home.folder().display().to_string();
    configured(&format!("{{ credential = \"{previous}\" }}"), None);
    let server = home.start_with(&[], [("CREDENTIALS_DIRECTORY", &*credentials)]);
    assert_eq!(server.introspected(&issued(&server, &issuer), &before)["active"], true);
    assert!(server.stop().success());
    let command = format!("{{ command = [\"cat\", \"{credentials}/{previous}\"] }}");
    configured(&command, None);
    let server = home.start();
    assert_eq!(server.introspected(&issued(&server, &issuer), &before)["active"], true);
    assert!(server.stop().success());
}

/// A server whose keys sign for some seconds, with the usual resources and the usual lives but short waits.
fn served() -> (Home, Issuer, Server) {
    served_with("rotation", "rotation")
}

/// The same with a part of the configuration replaced.
fn served_with(old: &str, new: &str) -> (Home, Issuer, Server) {
    let (home, issuer) = (short_lived(86_400), Issuer::new("https://ci.test"));
    home.configure(old, new);
    home.configure("max_token_seconds = 10", "max_token_seconds = 3600");
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    (home, issuer, server)
}

fn short_lived(every: u64) -> Home {
    let home = Home::new();
    let rotation = format!(
        "encryption = {{ file = \"kek\" }}\nrotation = {{ every_seconds = {every}, cache_seconds = 2, margin_seconds = 1, leeway_seconds = 1 }}"
    );
    home.configure("encryption = { file = \"kek\" }", &rotation);
    home.configure("[fetch]", "[limits]\nmax_token_seconds = 10\n\n[fetch]");
    home
}

fn exchanged(server: &Server, subject: &str) -> String {
    server.exchange(subject, &[]).access_token()
}

fn issued(server: &Server, issuer: &Issuer) -> String {
    exchanged(server, &token(issuer, &json!({})))
}

fn exchange_ours(server: &Server, token: &str) -> Answer {
    let parameters = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token", token),
    ];
    server.form("/oauth/token", &[], &parameters)
}

fn keys_of(server: &Server, purpose: &str) -> Vec<Value> {
    let list = server.accredit(["key", "list", "--all", "-o", "json"]).ended(0).json();
    list["keys"].as_array().unwrap().iter().filter(|key| key["purpose"] == purpose).cloned().collect()
}

/// The states of the keys of access tokens, in the order in which they signed and will sign.
fn states(server: &Server) -> Vec<String> {
    let mut keys = keys_of(server, "access");
    // One that was replaced within the second that it began in comes first all the same.
    let rank =
        |key: &Value| ["removed", "retired", "active", "published"].iter().position(|state| key["state"] == *state);
    keys.sort_by_key(|key| (key["signsFrom"].as_str().unwrap_or("~").to_owned(), rank(key)));
    keys.iter().map(|key| key["state"].as_str().unwrap().to_owned()).collect()
}

/// Every stored key by its id, with the key-encryption key that it is sealed under.
fn sealed(server: &Server) -> BTreeMap<String, String> {
    let list = server.accredit(["key", "list", "-o", "json"]).ended(0).json();
    let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
    list["keys"].as_array().unwrap().iter().map(|key| (text(key, "id"), text(key, "sealedBy"))).collect()
}

/// The key-encryption keys that these are sealed under.
fn under(sealed: &BTreeMap<String, String>) -> Vec<String> {
    sealed.values().cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

fn states_become(server: &Server, expected: &[&str]) {
    let began = Instant::now();
    while states(server) != expected {
        let list = || server.accredit(["key", "list", "--all"]).stdout;
        assert!(began.elapsed() < PATIENCE, "expected {expected:?}, got\n{}", list());
        thread::sleep(Duration::from_millis(20));
    }
}

/// 32 random bytes, base64.
fn base64_key() -> String {
    let bytes = [random(), random()].concat();
    let digits: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let padded = [bytes.as_slice(), &[0]].concat();
    let mut text: String = padded
        .chunks(3)
        .flat_map(|three| {
            let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
            [18, 12, 6, 0].map(|shift| char::from(digits[(bits >> shift) as usize & 63]))
        })
        .collect();
    text.truncate(43);
    text + "="
}
