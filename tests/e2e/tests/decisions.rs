//! Every answer can be asked about later, and every question can be asked beforehand.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;

use accredit_e2e::claims::{job_with, said, token};
use accredit_e2e::http::encoded;
use accredit_e2e::issuer::{Issuer, now};
use accredit_e2e::resources;
use accredit_e2e::server::{Home, Server};
use serde_json::{Value, json};

/// A home, an issuer whose keys are uploaded, and a server with the usual resources.
fn served() -> (Home, Issuer, Server) {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    (home, issuer, server)
}

fn count(server: &Server) -> usize {
    let list = server.accredit(["audit", "list", "--limit", "1000", "-o", "json"]).ended(0).json();
    list["records"].as_array().unwrap().len()
}

fn decision(server: &Server, id: &str) -> Value {
    server.accredit(["decision", id, "-o", "json"]).ended(0).json()
}

#[test]
fn an_allowed_exchange_is_told_by_its_id_which_is_the_tokens() {
    let (_home, issuer, server) = served();
    let answer = server.exchange(&token(&issuer, &json!({})), &[]);
    let claims = said(&answer.access_token());
    let id = claims["jti"].as_str().unwrap();
    assert_eq!(
        (id, answer.header("request-id"), answer.member("decision_id").as_str()),
        (&*answer.decision(), Some(id), id)
    );
    let told = decision(&server, id);
    assert_eq!(
        (&told["verdict"], &told["serviceAccount"], &told["api"]),
        (&json!("allow"), &json!("ci/web"), &json!("shop/payments"))
    );
    assert_eq!(
        (&told["permissions"], &told["lifetime"], &told["provider"]),
        (&json!(["payments.read"]), &json!(900), &json!("github"))
    );
    assert_eq!(told["claims"]["repository_id"], "123");
    let text = server.accredit(["decision", id]).ended(0).stdout;
    assert!(text.starts_with("allowed  ci/web   shop/payments   payments.read   15m   dec_"), "{text}");
}

/// What a workload says of itself is kept for the log, of an allowed exchange and of a refused one, and decides nothing.
#[test]
fn what_a_workload_says_of_itself_is_kept() {
    let (_home, issuer, server) = served();
    let context = r#"{"instance_id":"i-1","labels":{"ref":"refs/heads/main"}}"#;
    for (branch, status) in [("main", 200), ("dev", 400)] {
        let subject = token(&issuer, &json!({"ref": format!("refs/heads/{branch}")}));
        let body = format!(
            "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion={subject}&workload_identity_context={}",
            encoded(context)
        );
        let head =
            "POST /oauth/token HTTP/1.1\r\nHost: accredit.test\r\nContent-Type: application/x-www-form-urlencoded\r\n";
        let answer = server.connect().ask(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
        assert_eq!(answer.status, status, "{}", answer.text());
        let record = server.accredit(["audit", "show", &answer.decision(), "-o", "json"]).ended(0).json();
        assert_eq!(record["detail"]["workloadIdentityContext"], context, "{record}");
    }
}

/// The caller hears a code and an id, the operator everything, and a fix that works.
#[test]
fn a_refused_exchange_is_explained_with_a_fix_that_works() {
    let (home, issuer, server) = served();
    let dev = || token(&issuer, &json!({"ref": "refs/heads/dev"}));
    let refused = server.exchange(&dev(), &[]);
    assert_eq!((refused.status, refused.member("reason").as_str()), (400, "no-mapping-matched"));
    for name in ["refs/heads", "web-main", "acme", "123"] {
        assert!(!refused.text().contains(name), "{}", refused.text());
    }
    let told = decision(&server, &refused.decision());
    let clauses = told["considered"][0]["clauses"].as_array().unwrap();
    let fallen: Vec<_> = clauses.iter().filter(|clause| clause["outcome"] != "held").collect();
    assert_eq!(
        fallen,
        [&json!({"clause": "ref", "outcome": "failed", "seen": "refs/heads/dev", "expected": "refs/heads/main"})]
    );
    let text = server.accredit(["decision", &refused.decision()]).ended(0).stdout;
    assert!(text.contains("ci/web-main: `ref` is refs/heads/dev, expected refs/heads/main\n"), "{text}");

    let fix = home.write("fix.yaml", told["fix"].as_str().unwrap());
    server.accredit(["apply", "-f", fix.to_str().unwrap()]).ended(0);
    assert_eq!(server.exchange(&dev(), &[]).status, 200);
}

/// L23: a question issues, spends, fetches and records nothing.
#[test]
fn explain_answers_like_an_exchange_and_leaves_no_trace() {
    let (home, issuer, server) = served();
    let before = count(&server);
    let good = home.write("token", &format!("{}\n", token(&issuer, &json!({}))));
    let bad = home.write("bad", &token(&issuer, &json!({"ref": "refs/heads/dev"})));
    let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
    let explain = |arguments: &[&str], code: i32| {
        let arguments = [&["explain", "-o", "json"], arguments].concat();
        server.accredit(arguments).ended(code).json()
    };

    let told = explain(&["--token", good, "--service-account", "ci/web"], 0);
    assert_eq!(
        (&told["verdict"], &told["standing"], told.get("decision")),
        (&json!("allow"), &json!("verified"), None)
    );
    let told = explain(&["--token", bad], 3);
    assert_eq!((&told["reason"], &told["standing"]), (&json!("no-mapping-matched"), &json!("verified")));
    assert!(told["fix"].as_str().unwrap().contains("refs/heads/dev"), "{told}");

    let claims = home.write("claims.json", r#"{"ref": "refs/heads/dev"}"#);
    let told = explain(&["--token", good, "--claims", claims.to_str().unwrap()], 3);
    assert_eq!((&told["reason"], &told["standing"]), (&json!("no-mapping-matched"), &json!("typed-in")));
    let mut whole = job_with(&issuer, &json!({"environment": "prod"}));
    let claims = home.write("whole.json", &whole.to_string());
    let told = explain(&["--claims", claims.to_str().unwrap()], 0);
    assert_eq!((&told["verdict"], &told["standing"]), (&json!("allow"), &json!("typed-in")));
    whole["iss"] = json!("https://nobody.test");
    let claims = home.write("whole.json", &whole.to_string());
    assert_eq!(explain(&["--claims", claims.to_str().unwrap()], 3)["reason"], "issuer-unknown");
    let told = explain(&["--claims", claims.to_str().unwrap(), "--provider", "github"], 3);
    assert_eq!(told["reason"], "issuer-mismatch");

    assert_eq!(count(&server), before, "a question was recorded");
    assert_eq!(decision_of_nobody(&server), 1);
}

fn decision_of_nobody(server: &Server) -> i32 {
    let ran = server.accredit(["decision", &format!("dec_{}", "0".repeat(32))]);
    assert!(ran.stderr.contains("is not known"), "{}", ran.stderr);
    ran.code.unwrap()
}

/// Where an issuer has two providers, told apart by their audience, explain finds the one that an exchange finds.
#[test]
fn explain_and_exchange_find_the_same_provider() {
    let (home, issuer, server) = served();
    let provider = resources::provider("second", &issuer.url, &resources::keys(&issuer.key_set()));
    let mapping = "kind: Mapping\nname: ci/web-second\nspec: {provider: second, serviceAccount: ci/web, match: {repository_id: \"123\"}}\n";
    server.apply(&format!("{provider}  audiences: [\"https://second.test\"]\n---\n{mapping}"));
    for (audience, name) in [("http://accredit.test", "github"), ("https://second.test", "second")] {
        let changes = json!({"aud": audience});
        let answer = server.exchange(&token(&issuer, &changes), &[]);
        assert_eq!(decision(&server, &answer.decision())["provider"], name);
        let token = home.write("token", &token(&issuer, &changes));
        let claims = home.write("claims.json", &job_with(&issuer, &changes).to_string());
        let (token, claims) = (token.to_str().unwrap(), claims.to_str().unwrap());
        for arguments in [&["--token", token][..], &["--claims", claims], &["--token", token, "--claims", claims]] {
            let told = server.accredit([&["explain", "-o", "json"], arguments].concat()).json();
            assert_eq!((&told["provider"], &told["verdict"]), (&json!(name), &json!("allow")), "{arguments:?}: {told}");
        }
    }
    let token = home.write("token", &token(&issuer, &json!({"aud": "https://third.test"})));
    let told = server.accredit(["explain", "-o", "json", "--token", token.to_str().unwrap()]).ended(3).json();
    assert_eq!(told["reason"], "audience-mismatch");
}

/// A token judged at another time: expired by then, or not valid yet.
#[test]
fn explain_judges_at_the_time_that_it_is_told() {
    let (home, issuer, server) = served();
    let file = home
        .write("token", &token(&issuer, &json!({"exp": 1_900_000_600, "iat": 1_900_000_000, "nbf": 1_900_000_000})));
    for (at, verdict, reason) in [
        ("2030-03-17T17:46:50Z", "allow", Value::Null),
        ("2030-03-17T17:56:40Z", "deny", json!("expired")),
        ("2030-03-17T17:45:00Z", "deny", json!("not-yet-valid")),
    ] {
        let told = server.accredit(["explain", "-o", "json", "--token", file.to_str().unwrap(), "--at", at]).json();
        assert_eq!((&told["verdict"], &told["reason"], &told["at"]), (&json!(verdict), &reason, &json!(at)), "{told}");
    }
    assert_eq!(server.exchange(&fs::read_to_string(file).unwrap(), &[]).status, 400, "an explanation moved the clock");
    server.accredit(["explain", "--token", "token", "--at", "tomorrow"]).ended(2);
}

/// Explain fetches nothing: where no key is at hand, the claims count as typed in.
#[test]
fn explain_about_a_key_that_is_not_cached_fetches_nothing() {
    let served = Issuer::serve();
    let home = Home::new();
    let server = home.start();
    server.apply(&resources::discovered(&served.issuer));
    let file = home.write("token", &token(&served.issuer, &json!({})));
    let ask = || server.accredit(["explain", "-o", "json", "--token", file.to_str().unwrap()]).ended(0).json();
    assert_eq!(ask()["standing"], "key-not-cached");
    assert_eq!(served.fetches(), 0);
    server.exchange(&token(&served.issuer, &json!({})), &[]).access_token();
    assert_eq!((ask()["standing"].as_str(), served.fetches()), (Some("verified"), 1));
}

/// B01, C01, A12: whoever nobody vouches for is explained from memory, never from the disk, and counted.
#[test]
fn unverified_refusals_are_explained_until_the_server_ends() {
    let (home, issuer, server) = served();
    let before = count(&server);
    let mut forged = token(&issuer, &json!({}));
    forged.replace_range(forged.len() - 4.., "AAAA");
    let forged = server.exchange(&forged, &[("service_account_id", "ci/web")]).decision();
    let slash = server.exchange(&token(&issuer, &json!({"iss": "https://ci.test/"})), &[]).decision();
    let rubbish = server.exchange("rubbish", &[]).decision();
    let expired = server.exchange(&token(&issuer, &json!({"iat": now() - 600, "exp": now() - 60})), &[]).decision();
    assert_eq!(count(&server), before + 1, "only the expired token was vouched for");

    let told = decision(&server, &forged);
    assert_eq!((&told["reason"], &told["standing"]), (&json!("bad-signature"), &json!("not-verified")));
    assert_eq!(
        (&told["provider"], &told["serviceAccount"], told.get("claims")),
        (&json!("github"), &json!("ci/web"), None)
    );
    let told = decision(&server, &slash);
    assert_eq!(told["reason"], "issuer-unknown");
    assert!(told["hint"].as_str().unwrap().contains("slash"), "{told}");
    assert_eq!(decision(&server, &rubbish)["reason"], "malformed");
    let recorded = decision(&server, &expired);
    assert_eq!((&recorded["reason"], &recorded["standing"]), (&json!("expired"), &json!("verified")));

    assert!(server.stop().success());
    let server = home.start();
    for id in [&forged, &slash, &rubbish] {
        let ran = server.accredit(["decision", id]).ended(1);
        let expected =
            format!("error: decision `{id}` is not known; refusals of unverified tokens are kept for a while only\n");
        assert!(ran.stderr.starts_with(&expected), "{}", ran.stderr);
    }
    assert_eq!(decision(&server, &expired), recorded);
    let list = server.accredit(["audit", "list", "-o", "json"]).ended(0).json();
    let counted =
        list["records"].as_array().unwrap().iter().find(|record| record["event"] == "refusals-counted").unwrap();
    let rows = counted["detail"]["detail"]["refused"].as_array().unwrap();
    let reasons: Vec<_> = rows
        .iter()
        .map(|row| (row["reason"].as_str().unwrap(), row["count"].as_u64().unwrap(), &row["source"]))
        .collect();
    let source = json!("127.0.0.1");
    assert_eq!(reasons, [("issuer-unknown", 1, &source), ("malformed", 1, &source), ("bad-signature", 1, &source)]);
}

#[test]
fn the_log_is_listed_shown_verified_and_outlives_the_process() {
    let (home, issuer, server) = served();
    let allowed = server.exchange(&token(&issuer, &json!({})), &[]).decision();
    let denied = server
        .exchange(&token(&issuer, &json!({"ref": "refs/heads/dev"})), &[("service_account_id", "ci/web")])
        .decision();
    let told: Vec<_> = [&allowed, &denied].map(|id| decision(&server, id)).into();

    let list = server.accredit(["audit", "list", "-o", "json"]).ended(0).json();
    let records = list["records"].as_array().unwrap();
    let ids: Vec<_> = records.iter().take(2).map(|record| record["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&denied, &allowed], "newest first");
    let events: Vec<_> = records.iter().map(|record| record["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        [
            "exchange-denied",
            "exchange-allowed",
            // The provider's first token: what its issuer sends is learned.
            "sighting-learned",
            // The set that was uploaded.
            "provider-keys-seen",
            "resources-applied",
            "server-started",
            "key-made",
            "key-made",
            "key-made"
        ]
    );

    let mut paged = Vec::new();
    let mut before: Option<String> = None;
    loop {
        let mut arguments = vec!["audit", "list", "-o", "json", "--limit", "2"];
        if let Some(before) = &before {
            arguments.extend(["--before", before]);
        }
        let page = server.accredit(arguments).ended(0).json();
        paged.extend(page["records"].as_array().unwrap().clone());
        match page["nextPageToken"].as_str() {
            Some(next) => before = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(&paged, records);

    let shown = server.accredit(["audit", "show", &denied, "-o", "json"]).ended(0).json();
    assert_eq!(
        (&shown["detail"]["reason"], &shown["detail"]["askedServiceAccount"]),
        (&json!("no-mapping-matched"), &json!("ci/web"))
    );
    let applied = records[4]["id"].as_str().unwrap();
    let shown = server.accredit(["audit", "show", applied, "-o", "json"]).ended(0).json();
    assert_eq!(shown["detail"]["detail"]["changes"].as_array().unwrap().len(), 7);
    assert!(server.stop().success());

    let server = home.start();
    assert_eq!([&allowed, &denied].map(|id| decision(&server, id)).to_vec(), told);
    let verified = server.accredit(["audit", "verify", "-o", "json"]).ended(0).json();
    assert_eq!((&verified["chains"], &verified["breaks"]), (&json!(2), &json!([])));
    assert!(verified["heads"].as_u64().unwrap() >= 1 && verified["records"].as_u64().unwrap() >= 7, "{verified}");
    server.accredit(["audit", "show", &format!("dec_{}", "0".repeat(32))]).ended(1);
    server.accredit(["decision", "dec_1"]).ended(2);
}

/// L24, H11: what a stranger writes into a claim, a parameter or a description does nothing to the terminal that shows it.
#[test]
fn hostile_text_is_inert_wherever_it_is_shown() {
    let (home, issuer, server) = served();
    let hostile = "\u{1b}[2J\u{202e}<img src=x onerror=alert(1)>\r\nallowed  forged\u{7}\u{9b}0m\u{200b}";
    let documents = json!({"resources": [{"kind": "Project", "name": "ci", "spec": {"description": hostile}}]});
    assert_eq!(server.admin("POST", "/v1/apply", &documents).0, 200);
    let subject = token(&issuer, &json!({"ref": hostile, "actor": hostile, "iss": issuer.url}));
    let denied = server.exchange(&subject, &[("service_account_id", hostile), ("audience", hostile)]);
    let issuer_denied = server.exchange(&token(&issuer, &json!({"iss": hostile})), &[]);
    let kid = json!({"alg": "ES256", "kid": hostile}).to_string();
    let kid_denied = server.exchange(&issuer.sign_under(&kid, &job_with(&issuer, &json!({})).to_string()), &[]);
    let mut shown = Vec::new();
    let file = home.write("token", &subject);
    for format in ["text", "json", "yaml"] {
        for answer in [&denied, &issuer_denied, &kid_denied] {
            assert_eq!(answer.status, 400);
            shown.push(server.accredit(["decision", &answer.decision(), "-o", format]).ended(0).stdout);
        }
        shown.push(server.accredit(["explain", "--token", file.to_str().unwrap(), "-o", format]).ended(3).stdout);
        shown.push(server.accredit(["audit", "show", &denied.decision(), "-o", format]).ended(0).stdout);
        shown.push(server.accredit(["audit", "list", "-o", format]).ended(0).stdout);
        shown.push(server.accredit(["list", "project", "-o", format]).ended(0).stdout);
        shown.push(server.accredit(["get", "project", "ci", "-o", format]).ended(0).stdout);
    }
    shown.push(server.accredit(["export"]).ended(0).stdout);
    shown.push(server.accredit(["explain", "--token", "-", "--provider", hostile]).stderr);
    shown.push(server.log());
    for text in &shown {
        let is_deceptive = |letter: char| {
            letter.is_control() && letter != '\n' || matches!(letter, '\u{200b}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!text.contains(is_deceptive), "{}", text.escape_debug());
        assert!(!text.lines().any(|line| line.trim_start().starts_with("allowed  forged")), "{text}");
    }
    assert!(
        shown.iter().filter(|text| text.contains("onerror")).count() > 10,
        "nothing hostile was shown, so nothing was tested"
    );
    // Inert is not lost: what was exported still says the same.
    let again =
        server.accredit_with(["apply", "-f", "-", "-o", "json"], &server.accredit(["export"]).stdout).ended(0).json();
    assert!(again["changes"].as_array().unwrap().iter().all(|change| change["action"] == "unchanged"), "{again}");
}

/// K07: mappings too long to be told whole stop neither the refusal, nor its record, nor anybody else.
#[test]
fn an_explanation_that_is_too_long_for_the_log_is_shortened() {
    let (_home, issuer, server) = served();
    let many: Vec<_> = (0..250).map(|number| format!("refs/heads/{}{number}", "x".repeat(900))).collect();
    let mapping = |number| {
        let spec = json!({
            "provider": "github",
            "serviceAccount": "ci/web",
            "match": {"repository_id": "123", "actor": format!("nobody-{number}"), "ref": many},
        });
        json!({"kind": "Mapping", "name": format!("ci/long-{number}"), "spec": spec})
    };
    let documents = json!({"resources": (0..8).map(mapping).collect::<Vec<_>>()});
    assert_eq!(server.admin("POST", "/v1/apply", &documents).0, 200);
    let refused = server.exchange(&token(&issuer, &json!({"ref": "refs/heads/none"})), &[]);
    assert_eq!((refused.status, refused.member("reason").as_str()), (400, "no-mapping-matched"));
    let told = decision(&server, &refused.decision());
    assert_eq!((&told["reason"], &told["verdict"]), (&json!("no-mapping-matched"), &json!("deny")));
    assert!(told["summary"].as_str().is_some_and(|summary| (10..2000).contains(&summary.len())), "{told}");
    server.exchange(&token(&issuer, &json!({})), &[]).access_token();
}

/// K08: somebody who can write to the disk changes what was decided, and the chain shows where.
#[test]
fn a_log_that_was_tampered_with_is_not_whole() {
    let (home, issuer, server) = served();
    server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    assert!(server.stop().success());
    assert!(!home.path("data/accredit.db-wal").exists(), "the store was not closed");

    let file = home.path("data/accredit.db");
    let mut bytes = fs::read(&file).unwrap();
    let (was, is) = (b"exchange-allowed", b"exchange-blessed");
    let places: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(was)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + is.len()].copy_from_slice(is);
    }
    fs::write(&file, bytes).unwrap();

    let server = home.start();
    let verified = server.accredit(["audit", "verify", "-o", "json"]).ended(1).json();
    let breaks = verified["breaks"].as_array().unwrap();
    assert_eq!(breaks.len(), 1, "{verified}");
    assert!(breaks[0]["message"].as_str().unwrap().contains("batch"), "{verified}");
    let told = server.accredit(["audit", "verify"]).ended(1);
    assert!(told.stdout.starts_with("broken"), "{}", told.stdout);
    assert!(told.stderr.contains("audit log is not what was written, in 1 place"), "{}", told.stderr);
}
