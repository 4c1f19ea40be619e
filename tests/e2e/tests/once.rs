//! Evidence that counts once: at the same moment, over a crash and a restart, at every face, and never for a refusal.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Barrier;
use std::thread;

use accredit_e2e::claims::{job_with, token};
use accredit_e2e::command::exists;
use accredit_e2e::http::{Answer, encoded};
use accredit_e2e::issuer::{Issuer, now};
use accredit_e2e::server::{Home, Server};
use accredit_e2e::{resources, skip};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// A server whose one mapping takes each token once.
fn served() -> (Home, Issuer, Server) {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&once(&issuer));
    (home, issuer, server)
}

fn once(issuer: &Issuer) -> String {
    resources::usual(issuer).replace("lifetime: 15m", "lifetime: 15m\n  replay: once")
}

fn assert_reused(answer: &Answer) {
    assert_eq!((answer.status, answer.member("reason").as_str()), (400, "jti-reused"), "{}", answer.text());
}

/// The operator's line about a refusal.
fn told(server: &Server, answer: &Answer) -> String {
    let told = server.accredit(["decision", &answer.decision(), "-o", "json"]).ended(0).json();
    told["summary"].as_str().unwrap().to_owned()
}

fn explained(server: &Server, question: &Value) -> Value {
    let (status, told) = server.admin("POST", "/v1/explain", question);
    assert_eq!(status, 200, "{told}");
    told
}

/// I01, I03: one of many uses wins where a mapping says once; another provider's token of the same id is another token.
#[test]
fn a_token_that_counts_once_counts_once_among_many() {
    let (_home, issuer, server) = served();
    let other = Issuer::new("https://other.test");
    let keys = resources::keys(&other.key_set());
    let provider = resources::provider("other", &other.url, &keys);
    server.apply(&format!("{provider}---\n{OTHER}"));
    let spent = token(&issuer, &json!({"jti": "one"}));
    // A connection each, and all of them at the same moment.
    let start = Barrier::new(32);
    let use_it = || {
        let mut connection = server.connect();
        connection.get("/oauth/jwks");
        start.wait();
        connection.exchange(&spent, &[])
    };
    let answers: Vec<Answer> = thread::scope(|scope| {
        let threads: Vec<_> = (0..32).map(|_| scope.spawn(use_it)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_reused(answer);
        let told = told(&server, answer);
        assert!(told.contains(&won[0].decision()), "the first use is not named: {told}");
    }
    assert_eq!(server.exchange(&token(&other, &json!({"jti": "one"})), &[]).status, 200);
}

/// I01: whoever loses a race keeps nobody else from winning his own.
#[test]
fn losers_do_not_hold_up_others() {
    let (_home, issuer, server) = served();
    let tokens: Vec<String> = (0..8).map(|number| token(&issuer, &json!({"jti": format!("{number}")}))).collect();
    let start = Barrier::new(32);
    let start = &start;
    let use_it = |subject: &str| {
        let mut connection = server.connect();
        start.wait();
        connection.exchange(subject, &[]).status
    };
    let use_it = &use_it;
    let statuses: Vec<(usize, u16)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..32)
            .map(|number| {
                let subject = &tokens[number % 8];
                scope.spawn(move || (number % 8, use_it(subject)))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for number in 0..8 {
        let won = statuses.iter().filter(|(token, status)| *token == number && *status == 200).count();
        assert_eq!(won, 1, "token {number}: {statuses:?}");
    }
    assert!(statuses.iter().all(|(_, status)| [200, 400].contains(status)), "{statuses:?}");
}

/// I04: what was spent stays spent when the server is killed or restarted, and the first use is still named with its time.
#[test]
fn neither_a_kill_nor_a_restart_gives_a_token_back() {
    let (home, issuer, server) = served();
    let subject = token(&issuer, &json!({}));
    let first = server.exchange(&subject, &[]);
    first.access_token();
    server.signal(Signal::SIGKILL);
    server.kill();
    let server = home.start();
    let refused = server.exchange(&subject, &[]);
    assert_reused(&refused);
    let line = told(&server, &refused);
    let (before, id) = line.split_once(" in ").unwrap();
    let year = before.strip_prefix("token was used already at 20");
    assert!(year.is_some_and(|rest| rest.ends_with('Z')), "{line}");
    assert_eq!(id, first.decision());
    assert!(server.stop().success());
    let server = home.start();
    assert_reused(&server.exchange(&subject, &[]));
    // The caller reads neither.
    assert!(!refused.text().contains(&first.decision()) && !refused.text().contains("20:"), "{}", refused.text());
}

/// I05: what policy refuses spends nothing, whatever it refuses; nor does a question (L23).
#[test]
fn a_refusal_spends_nothing() {
    let (_home, issuer, server) = served();
    let kept = token(&issuer, &json!({}));
    for more in [
        [("scope", "payments.write")],
        [("audience", "https://elsewhere.test")],
        [("service_account_id", "ci/nobody")],
        [("identity_provider_id", "nobody")],
    ] {
        assert_eq!(server.exchange(&kept, &more).status, 400, "{more:?}");
    }
    server.apply(TWIN);
    assert_eq!(server.exchange(&kept, &[]).member("reason"), "mappings-ambiguous");
    server.accredit(["delete", "mapping", "ci/web-twin"]).ended(0);
    server.accredit(["disable", "provider", "github"]).ended(0);
    assert_eq!(server.exchange(&kept, &[]).member("reason"), "no-mapping-matched");
    server.accredit(["enable", "provider", "github"]).ended(0);
    assert_eq!(explained(&server, &json!({"token": kept}))["verdict"], "allow");
    assert_eq!(server.exchange(&kept, &[]).status, 200);
    assert_reused(&server.exchange(&kept, &[]));
}

/// I04, I05: while the disk takes nothing no token counts, and none is burnt by trying.
#[test]
fn without_a_record_nothing_is_spent() {
    if !exists("prlimit", "--version") {
        return skip("a full disk", "there is no `prlimit` here");
    }
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start_after("trap '' XFSZ");
    server.apply(&once(&issuer));
    let limit = |bytes: &str| server.limit(&format!("--fsize={bytes}:unlimited"));
    server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    let written = std::fs::metadata(home.path("data/accredit.db-wal")).unwrap().len();
    let kept = token(&issuer, &json!({}));
    limit(&written.to_string());
    for _ in 0..3 {
        let refused = server.exchange(&kept, &[]);
        assert_eq!((refused.status, refused.member("error").as_str()), (503, "temporarily_unavailable"));
    }
    limit("unlimited");
    server.exchange(&kept, &[]).access_token();
    assert_reused(&server.exchange(&kept, &[]));
    // So do changes, which take a transaction as well.
    server.apply(&once(&issuer).replace("lifetime: 15m", "lifetime: 10m"));
}

/// I02, I03: names are compared byte for byte, must be there, and have an end.
#[test]
fn names_are_bytes() {
    let (_home, issuer, server) = served();
    let longest = "x".repeat(2048);
    for name in ["a", "A", " a", "a ", "a\u{301}", "\u{e1}", "a\u{200b}", "0", "../a", "a' OR 1=1 --", &longest] {
        let subject = token(&issuer, &json!({"jti": name}));
        assert_eq!(server.exchange(&subject, &[]).status, 200, "{name:?}");
        // Another token of that name, of another moment: the name is what counts.
        assert_reused(&server.exchange(&token(&issuer, &json!({"jti": name, "iat": now() - 5})), &[]));
    }
    for (name, reason) in [
        (json!("x".repeat(2049)), "claim-malformed"),
        (json!("a\n"), "claim-malformed"),
        (json!(""), "claim-malformed"),
        (json!(1), "claim-malformed"),
        (json!(["a"]), "claim-malformed"),
        (Value::Null, "jti-missing"),
    ] {
        let answer = server.exchange(&token(&issuer, &json!({"jti": name})), &[]);
        assert_eq!((answer.status, answer.member("reason").as_str()), (400, reason), "{name:.20}");
    }
    // So large a token is not looked into.
    let huge = server.exchange(&token(&issuer, &json!({"jti": "x".repeat(12_000)})), &[]);
    assert_eq!((huge.status, huge.json().get("reason")), (400, None));
}

/// A token that one face took is spent at every other one, each of which says so in its own way.
#[test]
fn a_token_is_spent_at_every_face() {
    let (_home, issuer, server) = served();
    let subject = token(&issuer, &json!({}));
    server.exchange(&subject, &[]).access_token();
    let form = |body: &str| {
        let head =
            "POST /oauth/token HTTP/1.1\r\nHost: accredit.test\r\nContent-Type: application/x-www-form-urlencoded\r\n";
        server.connect().ask(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
    };
    let shown = encoded(&subject);
    let bearer = form(&format!("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion={shown}"));
    assert_eq!((bearer.status, bearer.member("error").as_str()), (400, "invalid_grant"));
    let client = form(&format!(
        "grant_type=client_credentials&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion={shown}"
    ));
    assert_eq!((client.status, client.member("error").as_str()), (401, "invalid_client"));
    let openai = server.connect().json(
        "POST",
        "/oauth/token",
        &json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": subject,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "identity_provider_id": "github",
            "service_account_id": "ci/web",
        }),
    );
    assert_eq!((openai.status, openai.member("error").as_str()), (400, "invalid_grant"));
    for answer in [bearer, client, openai] {
        assert!(told(&server, &answer).starts_with("token was used already at "), "{}", answer.text());
    }
}

/// L23: a question says what an exchange would meet, and changes nothing about it.
#[test]
fn a_question_says_whether_a_token_is_spent() {
    let (home, issuer, server) = served();
    let claims = job_with(&issuer, &json!({}));
    let subject = issuer.sign(&claims);
    for question in [json!({"token": subject}), json!({"claims": claims, "provider": "github"})] {
        let told = explained(&server, &question);
        assert_eq!(told["summary"], "mapping `ci/web-main` allows it once: an exchange would spend the token");
        assert_eq!(told["verdict"], "allow");
    }
    let first = server.exchange(&subject, &[]);
    first.access_token();
    for question in [json!({"token": subject}), json!({"claims": claims, "provider": "github"})] {
        let told = explained(&server, &question);
        assert_eq!((&told["verdict"], &told["reason"]), (&json!("deny"), &json!("jti-reused")));
        let summary = told["summary"].as_str().unwrap();
        assert!(summary.starts_with("token was used already at 20"), "{summary}");
        assert!(summary.ends_with(&format!(" in {}", first.decision())), "{summary}");
        assert_eq!(told.get("permissions").or(told.get("lifetime")), None);
    }
    let file = home.write("token", &subject);
    let text = server.accredit(["explain", "--token", file.to_str().unwrap()]);
    assert!(text.stdout.starts_with("denied   jti-reused\n"), "{}{}", text.stdout, text.stderr);
    // Where a mapping says nothing, nothing is said of it.
    server.apply(&resources::usual(&issuer));
    assert_eq!(explained(&server, &json!({"token": subject}))["summary"], "mapping `ci/web-main` allows it");
    server.exchange(&subject, &[]).access_token();
    server.exchange(&subject, &[]).access_token();
}

/// Where the platform hands the same token out again, nobody can ask for it to count once.
#[test]
fn a_caching_platform_is_not_asked_for_new_tokens() {
    let (home, _issuer, server) = served();
    let file = home.write("pods.yaml", PODS);
    let refused = server.accredit(["apply", "-f", file.to_str().unwrap()]).ended(1);
    assert!(refused.stderr.contains("hands the same token out until it is nearly over"), "{}", refused.stderr);
    server.apply(&PODS.replace(", replay: once", ""));
}

const OTHER: &str = r#"kind: Mapping
name: ci/web-other
spec:
  provider: other
  serviceAccount: ci/web
  match: {repository_id: "123", repository_owner_id: "98"}
  replay: once
"#;

const TWIN: &str = r#"kind: Mapping
name: ci/web-twin
spec:
  provider: github
  serviceAccount: ci/web
  match: {repository_id: "123", repository_owner_id: "98", ref: refs/heads/main}
"#;

const PODS: &str = r#"kind: Provider
name: cluster
spec: {type: kubernetes, issuer: "https://k8s.example.org", keys: {jwksUrl: "https://k8s.example.org/openid/v1/jwks"}}
---
kind: Mapping
name: ci/pod
spec: {provider: cluster, serviceAccount: ci/web, match: {sub: "system:serviceaccount:ci:web"}, replay: once}
"#;
