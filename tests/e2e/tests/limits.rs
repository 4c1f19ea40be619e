//! Floods, crowds and dawdlers: who pays, who is turned away, and who is served all the same.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use accredit_e2e::claims::token;
use accredit_e2e::http::Answer;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::resources;
use accredit_e2e::server::{Home, Server};
use accredit_id::jose::dpop::{ProofKey, ToProve};
use accredit_id::secret::Secret;
use accredit_id::time::Timestamp;
use serde_json::json;

/// L21, J15: a source that floods with bad signatures is told when to come back, whatever it sends by then; honest callers
/// of the same provider from elsewhere are served. H14: who it is says the listed proxy, not the client.
#[test]
fn a_source_that_floods_pays_alone() {
    let (server, issuer) = served("source = { burst = 60, per_second = 1 }", "trusted_proxies = [\"127.0.0.1/32\"]");
    let proxy = std::cell::RefCell::new(server.connect());
    let bad = forged(&issuer);
    let from = |client: &str, token: &str| {
        let mut proxy = proxy.borrow_mut();
        let request = String::from_utf8(proxy.exchange_request(token, &[])).unwrap();
        proxy.ask(request.replacen("Content-", &format!("X-Forwarded-For: {client}\r\nContent-"), 1).as_bytes())
    };
    // Each costs five, because it cost a verification: after the last one that was looked at it is seconds to the next.
    let flood = |client: &str| {
        let answers: Vec<_> = (0..).map(|_| from(client, &bad)).take_while(|answer| !has_to_wait(answer, 4)).collect();
        let looked_at = answers.iter().filter(|answer| answer.status == 400).count();
        assert!((12..=16).contains(&looked_at), "{looked_at}");
        assert!(answers.iter().all(|answer| answer.status == 400 || has_to_wait(answer, 1)), "{:?}", answers.last());
        let good = from(client, &token(&issuer, &json!({})));
        assert!(has_to_wait(&good, 1), "it is still looked at: {}", good.text());
    };
    flood("198.51.100.7, 192.0.2.1");
    // What lies within one /64 is one source.
    flood("2001:db8:1::1");
    assert!(has_to_wait(&from("2001:db8:1::ffff", &bad), 1));
    for elsewhere in ["192.0.2.2", "2001:db8::1", "2001:db8:1:1::1", "192.0.2.1, 192.0.2.3"] {
        from(elsewhere, &token(&issuer, &json!({}))).access_token();
    }
    let keys = "GET /oauth/jwks HTTP/1.1\r\nHost: accredit.test\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n";
    assert_eq!(server.connect().ask(keys.as_bytes()).status, 200, "whoever has to wait can still verify tokens");
    let listed = server.accredit(["audit", "list"]).ended(0).stdout;
    assert!(!listed.contains("exchange-denied"), "a flood is on record one by one:\n{listed}");
}

/// K and L: a machine full of jobs behind one address, none of whose tokens fails, is not slowed down.
#[test]
fn good_tokens_cost_their_source_nothing() {
    let (server, issuer) = served("source = { burst = 5, per_second = 1 }", "");
    let mut connection = server.connect();
    for _ in 0..100 {
        connection.exchange(&token(&issuer, &json!({})), &[]).access_token();
    }
}

/// Every face says the same in its own words, and what fails in other ways counts as well.
#[test]
fn every_endpoint_that_verifies_has_the_same_budget() {
    for spend in [
        ("POST /oauth/token", "application/x-www-form-urlencoded", "nonsense"),
        ("POST /oauth/introspect", "application/x-www-form-urlencoded", "token=a.b.c"),
        ("POST /oauth/revoke", "application/x-www-form-urlencoded", "token=a.b.c"),
        ("GET /v1/workloads/x", "text/plain", ""),
    ] {
        let (server, _) = served("source = { burst = 10, per_second = 1 }", "");
        let mut connection = server.connect();
        let mut send = |(line, media, body): (&str, &str, &str)| {
            let head = format!("{line} HTTP/1.1\r\nHost: accredit.test\r\nContent-Type: {media}\r\n");
            let bearer = if line.contains("introspect") || line.starts_with("GET") {
                "Authorization: Bearer a.b.c\r\n"
            } else {
                ""
            };
            connection.ask(format!("{head}{bearer}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
        };
        assert_ne!(send(spend).status, 429, "{spend:?}");
        // One more is looked at each second.
        let mut is_spent = |request| (0..40).any(|_| has_to_wait(&send(request), 1));
        assert!(is_spent(spend), "{spend:?}");
        for (line, media) in [
            ("POST /oauth/token", "application/json"),
            ("POST /v1/oauth/token", "application/json"),
            ("POST /tenant/oauth2/v2.0/token", "application/x-www-form-urlencoded"),
            ("POST /v1/oauth2/token", "application/json"),
            ("PUT /v1/auth/aws/token", "application/json"),
        ] {
            assert!(is_spent((line, media, "{}")), "{line}");
        }
    }
}

/// A DPoP proof that does not hold costs its source as much as any other signature.
#[test]
fn a_proof_that_does_not_hold_is_paid_for() {
    let (server, _) = served("source = { burst = 10, per_second = 1 }", "");
    let body = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange\
        &subject_token_type=urn:ietf:params:oauth:token-type:jwt&subject_token=a.b.c";
    let head =
        "POST /oauth/token HTTP/1.1\r\nHost: accredit.test\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let request = format!("{head}DPoP: a.b.c\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut connection = server.connect();
    let answers: Vec<_> = (0..4).map(|_| connection.ask(request.as_bytes())).collect();
    assert_eq!(answers[0].member("error"), "invalid_dpop_proof");
    assert!(has_to_wait(&answers[3], 1), "{}", answers[3].text());
}

/// Nor does one that holds come for less, when nothing else of its request does: it is not spent, so it could be sent for ever.
#[test]
fn a_proof_beside_rubbish_is_paid_for() {
    let (server, _) = served("source = { burst = 20, per_second = 1 }", "");
    let mut connection = server.connect();
    let key = ProofKey::from_seed(&Secret::new([7; 32])).unwrap();
    let mut ask = |nonce: Option<&str>| {
        let url = "http://accredit.test/oauth/token";
        let now = Timestamp::from_unix(accredit_e2e::issuer::now());
        let made = ToProve { method: "POST", url, nonce, access_token: None, token_id: [7; 16], now };
        connection.form(
            "/oauth/token",
            &[("DPoP", &key.prove(&made))],
            &[
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
                ("subject_token", "a.b.c"),
            ],
        )
    };
    let told = ask(None);
    assert_eq!(told.member("error"), "use_dpop_nonce");
    let nonce = told.header("dpop-nonce").unwrap().to_owned();
    let looked_at = (0..20).take_while(|_| ask(Some(&nonce)).status == 400).count();
    assert!((4..=6).contains(&looked_at), "{looked_at}");
}

/// A token that was revoked is shown to be revoked again and again: whoever does so pays for the looking.
#[test]
fn revoking_again_is_paid_for() {
    let (server, issuer) = served("source = { burst = 20, per_second = 1 }", "");
    let own = server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    let mut connection = server.connect();
    let mut revoke = || connection.form("/oauth/revoke", &[], &[("token", &own)]);
    assert_eq!((revoke().status, revoke().status), (200, 200), "whoever has thrown it away need not care");
    assert!((0..20).any(|_| has_to_wait(&revoke(), 1)), "nobody pays");
}

/// An API that asks about tokens without end waits, and nobody else does: not even what is exchanged in its name.
#[test]
fn introspection_has_a_budget() {
    let (server, issuer) = served("subject = { burst = 20, per_second = 1 }", "");
    let own = server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    let bearer = format!("Bearer {own}");
    let mut connection = server.connect();
    let mut ask = || connection.form("/oauth/introspect", &[("Authorization", &bearer)], &[("token", &own)]);
    let answered = (0..40).map(|_| ask()).take_while(|answer| answer.status == 200).count();
    assert!((20..30).contains(&answered), "{answered}");
    assert!(has_to_wait(&ask(), 1));
    server.exchange(&token(&issuer, &json!({})), &[]).access_token();
}

/// A subject that is refused again and again pays for it, and nobody else of its provider does.
#[test]
fn a_subject_pays_for_its_refusals() {
    let (server, issuer) = served("subject = { burst = 120, per_second = 1 }", "");
    let mut connection = server.connect();
    let mut refused = |subject: &str| {
        let claims = json!({"sub": subject, "ref": "refs/heads/dev"});
        connection.exchange(&token(&issuer, &claims), &[])
    };
    let answers: Vec<_> = (0..6).map(|_| refused("repo:acme/web:ref:refs/heads/dev")).collect();
    assert_eq!(answers[0].status, 400, "{}", answers[0].text());
    assert!(has_to_wait(&answers[5], 2), "{}", answers[5].text());
    assert_eq!(refused("repo:acme/web:ref:refs/heads/other").status, 400);
    server.exchange(&token(&issuer, &json!({})), &[]).access_token();
}

/// A provider whose tokens anybody can get does not fill the disk: refusals beyond the budget are answered as before, and
/// counted instead of recorded.
#[test]
fn refusals_beyond_a_budget_are_counted() {
    let (server, issuer) = served("recorded_refusals = { burst = 3, per_second = 1 }", "");
    let mut connection = server.connect();
    let answers: Vec<_> = (0..20)
        .map(|number| connection.exchange(&token(&issuer, &json!({"sub": format!("s{number}"), "ref": "x"})), &[]))
        .collect();
    let shape = |answer: &Answer| (answer.status, answer.member("error"), answer.member("reason"));
    assert!(answers.iter().all(|answer| shape(answer) == shape(&answers[0])), "{:?}", answers.last());
    let listed = server.accredit(["audit", "list", "-o", "json"]).ended(0).stdout;
    assert!((3..15).contains(&listed.matches("exchange-denied").count()), "{listed}");
    let mut told = answers.iter().map(|answer| server.accredit(["decision", &answer.decision()]).ended(0).stdout);
    assert!(told.any(|told| told.contains("counted and not explained")), "none says that it was only counted");
    connection.exchange(&token(&issuer, &json!({})), &[]).access_token();
}

/// A token that was used already is refused like any other: showing it again and again fills no disk.
#[test]
fn replays_beyond_a_budget_are_counted() {
    let (server, issuer) = served("recorded_refusals = { burst = 3, per_second = 1 }", "");
    server.apply(&resources::once("ci/once", "github", "once"));
    let subject = token(&issuer, &json!({"ref": "refs/heads/once"}));
    let mut connection = server.connect();
    connection.exchange(&subject, &[]).access_token();
    let answers: Vec<_> = (0..20).map(|_| connection.exchange(&subject, &[])).collect();
    assert!(answers.iter().all(|answer| answer.status == 400), "{:?}", answers.last());
    let listed = server.accredit(["audit", "list", "-o", "json"]).ended(0).stdout;
    assert!((3..15).contains(&listed.matches("exchange-denied").count()), "{listed}");
}

/// Narrowing costs what an exchange costs: who is refused again and again waits, and refusals beyond the budget are counted.
#[test]
fn narrowing_has_the_same_budgets() {
    let (server, issuer) = served("subject = { burst = 120, per_second = 1 }", "");
    let own = server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    let answers: Vec<_> = (0..6).map(|_| narrowed(&server, &own, "payments.delete")).collect();
    assert_eq!(answers[0].member("reason"), "scope-not-granted");
    assert!(has_to_wait(&answers[5], 2), "{}", answers[5].text());

    let (server, issuer) = served("recorded_refusals = { burst = 3, per_second = 1 }", "");
    let own = server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    let denied = |scope: &str| {
        let before =
            server.accredit(["audit", "list", "-o", "json"]).ended(0).stdout.matches("exchange-denied").count();
        let answers: Vec<_> = (0..20).map(|_| narrowed(&server, &own, scope)).collect();
        assert!(answers.iter().all(|answer| answer.status == 400), "{:?}", answers.last());
        let told = server.accredit(["decision", &answers[19].decision(), "-o", "json"]).ended(0).json();
        assert_eq!(told["reason"], answers[19].member("reason"), "{told}");
        let listed = server.accredit(["audit", "list", "-o", "json"]).ended(0).stdout;
        listed.matches("exchange-denied").count() - before
    };
    let refused = denied("payments.delete");
    assert!((3..15).contains(&refused), "{refused}");
    server.form("/oauth/revoke", &[], &[("token", &own)]);
    let refused = denied("payments.read");
    assert!((3..15).contains(&refused), "of a revoked token: {refused}");
}

/// H02: an address has its share of connections, and all together have an end. Who is turned away is told why and when to
/// come back; a place that is given back is given on.
#[test]
fn connections_have_an_end() {
    let (server, _) = served("connections = 24\nconnections_per_source = 16", "");
    let open = || {
        let mut connection = server.connect();
        let answer =
            connection.send(b"GET /livez HTTP/1.1\r\nHost: accredit.test\r\n\r\n").and_then(|()| connection.answer());
        (connection, answer.unwrap().unwrap())
    };
    let mut held: Vec<_> = (0..16).map(|_| open()).inspect(|(_, answer)| assert_eq!(answer.status, 200)).collect();
    let (mut connection, turned_away) = open();
    assert!(has_to_wait(&turned_away, 1), "{turned_away:?}");
    assert!(connection.answer().unwrap().is_none(), "it is closed");
    held.pop();
    assert_eq!(until(|| Some(open()).filter(|(_, answer)| answer.status == 200)).1.status, 200);

    // A proxy has no share of its own: it speaks for many.
    let (server, _) = served("connections = 20\nconnections_per_source = 16", "trusted_proxies = [\"127.0.0.1/32\"]");
    let open = || {
        let mut connection = server.connect();
        let answer =
            connection.send(b"GET /livez HTTP/1.1\r\nHost: accredit.test\r\n\r\n").and_then(|()| connection.answer());
        (connection, answer.unwrap().unwrap())
    };
    let _held: Vec<_> = (0..20).map(|_| open()).inspect(|(_, answer)| assert_eq!(answer.status, 200)).collect();
    let (_, turned_away) = open();
    assert_eq!((turned_away.status, turned_away.member("error").as_str()), (503, "temporarily_unavailable"));
    assert!(turned_away.header("retry-after").is_some() && turned_away.header("connection") == Some("close"));
    // Administrators have places of their own.
    assert_eq!(server.admin("GET", "/v1/status", &serde_json::Value::Null).0, 200);
}

/// H02: who asks and never reads is left after ten seconds, who is idle after the time that is configured, who speaks
/// another protocol at once.
#[test]
fn dawdlers_are_left() {
    let (server, _) = served("idle_seconds = 2", "");
    thread::scope(|scope| {
        let never_reads = scope.spawn(|| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream.set_write_timeout(Some(Duration::from_secs(25))).unwrap();
            let request = b"GET /oauth/reasons HTTP/1.1\r\nHost: accredit.test\r\n\r\n".repeat(100);
            let begun = Instant::now();
            // Its requests are taken until nothing of the answers is taken any more.
            let fault = loop {
                if let Err(fault) = stream.write_all(&request) {
                    break fault;
                }
                assert!(begun.elapsed() < Duration::from_secs(60), "it is served for ever");
            };
            (fault.kind(), begun.elapsed())
        });
        let is_idle = scope.spawn(|| {
            let mut connection = server.connect();
            assert_eq!(connection.get("/livez").status, 200);
            let begun = Instant::now();
            (connection.answer().unwrap().is_none(), begun.elapsed())
        });
        let (fault, took) = never_reads.join().unwrap();
        assert!(matches!(fault, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{fault:?} after {took:?}");
        let (is_closed, took) = is_idle.join().unwrap();
        assert!(is_closed && took > Duration::from_secs(1) && took < Duration::from_secs(8), "{took:?}");
    });
    // HTTP/2 with prior knowledge (RFC 9113 section 3.3): no streams, so none to reset.
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
}

fn narrowed(server: &Server, token: &str, scope: &str) -> Answer {
    let parameters = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token", token),
        ("scope", scope),
    ];
    server.form("/oauth/token", &[], &parameters)
}

fn served(limits: &str, public: &str) -> (Kept, Issuer) {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    home.configure("[fetch]", &format!("[limits]\n{limits}\n[fetch]"));
    home.configure("listen = \"127.0.0.1:0\"", &format!("listen = \"127.0.0.1:0\"\n{public}"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    (Kept { server, _home: home }, issuer)
}

/// A server with its folder.
struct Kept {
    server: Server,
    _home: Home,
}

impl std::ops::Deref for Kept {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// A token whose claims are another's than those that were signed.
fn forged(issuer: &Issuer) -> String {
    let (good, other) = (token(issuer, &json!({})), token(issuer, &json!({"actor": "mallory"})));
    let (head, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();
    format!("{head}.{signature}")
}

/// Is told to come back after that many seconds, or later (RFC 6585 section 4, RFC 9110 section 10.2.3).
fn has_to_wait(answer: &Answer, least: u32) -> bool {
    let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
    answer.status == 429 && answer.text().contains("\"slow_down\"") && seconds.is_some_and(|seconds| seconds >= least)
}

fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it never comes");
        thread::sleep(Duration::from_millis(20));
    }
}
