//! Identities for jobs: a token of their platform in, SVIDs out that strangers take, and nothing for whoever should have none.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use accredit_e2e::claims::{job_with, random, said};
use accredit_e2e::command::{accredit, exists, run};
use accredit_e2e::http::Connection;
use accredit_e2e::issuer::{Issuer, now};
use accredit_e2e::jobs::{
    ATTESTATION, AUDIENCE, PATH, POLICY, ask, authorities, await_keys, bundle, configured, documents, job, refused,
    served, token_for, told,
};
use accredit_e2e::server::{Home, PUBLIC_URL};
use accredit_e2e::skip;
use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use accredit_id::svid::csr::Request;
use accredit_id::svid::jwt::JwtSvid;
use accredit_id::svid::key::PrivateKey;
use accredit_id::svid::{pem, x509};
use accredit_id::time::Timestamp;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// A job's token becomes SVIDs that whoever has the bundle takes, with the name that policy gives and no longer than the token.
#[test]
fn a_stranger_takes_what_a_job_gets() {
    let (_home, issuer, server) = served();
    let token = job(&issuer.issuer, &json!({"exp": now() + 90}));
    let key = PrivateKey::generate().unwrap();
    let answer = ask(
        &server,
        &json!({"cluster": "build", "token": token, "svids": [
            {"type": "jwt", "audience": ["https://api.test"]},
            {"type": "x509", "csr": key.request().unwrap()},
            {"type": "jwt", "audience": ["https://other.test"], "lifetime": 60},
        ]}),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let name = "spiffe://example.org/build/repo/123/ref/refs/heads/main";
    assert_eq!((&body["spiffe_id"], &body["decision_id"]), (&json!(name), &json!(answer.decision())));
    let (id, published) = bundle(&server);
    let keys = KeySet::parse(published.to_string().as_bytes(), Source::Fetched, Purpose::JwtSvid).unwrap();
    let at = Timestamp::from_unix(now());
    let domain = "example.org".parse().unwrap();
    let token_at = |place: usize| body["svids"][place]["svid"].as_str().unwrap();
    for (place, audience) in [(0, "https://api.test"), (2, "https://other.test")] {
        let svid = JwtSvid::read(token_at(place), &domain, audience, at).unwrap();
        svid.verify(&keys).unwrap();
        assert_eq!((svid.id.as_str(), svid.audiences.as_slice()), (name, [audience.to_owned()].as_slice()));
        assert!(svid.expires_at.unix() <= now() + 90, "it outlives the job's token");
    }
    let claims = said(token_at(0));
    assert_eq!(claims["iss"], json!(format!("{PUBLIC_URL}/td/{id}")));
    assert!(claims["exp"].is_i64() && claims["iat"].is_i64() && !claims.contains_key("jti"));
    let chain = pem::all(token_at(1), pem::CERTIFICATE).unwrap();
    let leaf = x509::verify(&chain, &domain, &authorities(&published), at).unwrap();
    assert_eq!(leaf.id.as_str(), name);
    assert_eq!(leaf.spki, Request::from_pem(&key.request().unwrap()).unwrap().spki());
    assert!(leaf.not_after.unix() <= now() + 90);
    assert_eq!(body["bundle"]["keys"], published["keys"]);

    // One record of all three, which never shows a token.
    let shown = server.accredit(["audit", "show", &answer.decision(), "-o", "json"]).ended(0);
    for secret in [token.as_str(), token_at(0), token_at(2)] {
        assert!(!shown.stdout.contains(secret));
    }
    let record = shown.json();
    let detail = &record["detail"];
    assert_eq!((&record["event"], &detail["spiffeId"]), (&json!("svid-issued"), &json!(name)));
    assert_eq!((&detail["policy"], &detail["template"]), (&json!("base"), &json!(PATH)));
    assert_eq!(detail["svids"].as_array().unwrap().len(), 3);
    assert_eq!(detail["claims"]["repository_id"], "123");
    let told = server.accredit(["decision", &answer.decision()]).ended(0).stdout;
    assert!(told.starts_with(&format!("allowed  {name}")), "{told}");
}

/// L27: the document of a shared issuer without a word of whose tokens are meant, as it is printed everywhere: applied, told by
/// the linter, refused to a job that comes by itself, with line and fix, and good with the pin.
#[test]
fn l27_a_shared_issuer_needs_a_pin() {
    let (_home, issuer, server) = served();
    server.apply(&configured(&[ATTESTATION, POLICY]));
    let github = Issuer::new("https://token.actions.githubusercontent.com");
    let answer = token_for(&server, &job(&github, &json!({"repo": "web"})), "https://api.test");
    refused(&answer, 401, "token-unacceptable");
    let (reason, summary, hint) = told(&server, &answer);
    assert_eq!(reason, "tenant-not-pinned");
    assert!(
        summary.contains("jwt.allowedIssuers[0]") && summary.contains(", line 6 of `accredit config get"),
        "{summary}"
    );
    assert!(hint.contains("requiredClaims: {repository_id"), "{hint}");

    // The same two documents for an issuer that can be reached from here, pinned as the hint says.
    let pinned = ATTESTATION.replace(
        "https://token.actions.githubusercontent.com\n",
        &format!(
            "{}\n      type: github\n      audiences: [{AUDIENCE}]\n      requiredClaims: {{repository_owner_id: \"98\"}}\n",
            issuer.issuer.url
        ),
    );
    server.apply(&configured(&[&pinned, POLICY]));
    let answer = token_for(&server, &job(&issuer.issuer, &json!({"repo": "web"})), "https://api.test");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.member("spiffe_id"), "spiffe://example.org/build/repo/web/ref/refs/heads/main");

    // GitHub calls it `repository`; whoever meant that is told so.
    let answer = token_for(&server, &job(&issuer.issuer, &json!({})), "https://api.test");
    refused(&answer, 403, "identity-not-allowed");
    let (reason, summary, hint) = told(&server, &answer);
    assert_eq!(
        (reason.as_str(), hint.contains("jwt.claim.repository")),
        ("attribute-missing", true),
        "{summary} {hint}"
    );
}

/// Tokens that are over, of others, for others, changed or unsigned, and names that no cluster has: the caller learns nothing.
#[test]
fn no_token_but_a_job_s_own_opens_anything() {
    let (_home, issuer, server) = served();
    let (own, other) = (&issuer.issuer, Issuer::new(&issuer.issuer.url));
    let foreign = Issuer::new("https://elsewhere.test");
    let unsigned =
        own.sign_under(r#"{"alg":"none","kid":"key-1"}"#, &job_with(own, &json!({"aud": AUDIENCE})).to_string());
    for (token, code) in [
        (job(own, &json!({"exp": now() - 5, "iat": now() - 100, "nbf": now() - 100})), "expired"),
        (job(own, &json!({"iat": now() + 600, "nbf": now() + 600})), "not-yet-valid"),
        (job(own, &json!({"exp": 1})), "token-unacceptable"),
        (job(own, &json!({"aud": PUBLIC_URL})), "token-unacceptable"),
        (job(own, &json!({"aud": [AUDIENCE, PUBLIC_URL]})), "token-unacceptable"),
        (job(&other, &json!({})), "token-unacceptable"),
        (job(&foreign, &json!({})), "token-unacceptable"),
        (unsigned, "token-unacceptable"),
        ("not.a.token".to_owned(), "token-unacceptable"),
        (String::new(), "token-unacceptable"),
    ] {
        refused(&token_for(&server, &token, "https://api.test"), 401, code);
    }
    let good = job(own, &json!({}));
    let nowhere =
        ask(&server, &json!({"cluster": "nowhere", "token": good, "type": "jwt", "audience": ["https://a.test"]}));
    refused(&nowhere, 401, "token-unacceptable");
    assert_eq!(told(&server, &nowhere).0, "cluster-unknown");
    // A fork's job is of another owner.
    let fork = token_for(&server, &job(own, &json!({"repository_owner_id": "99"})), "https://api.test");
    refused(&fork, 403, "identity-not-allowed");
    assert_eq!(told(&server, &fork).0, "claims-required");
    // Bound to a key that nobody proves.
    let bound = job(own, &json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}));
    refused(&token_for(&server, &bound, "https://api.test"), 403, "proof-missing");
    assert_eq!(token_for(&server, &good, "https://api.test").status, 200);
}

/// L02: an audience of this server's own is nobody's, in whatever spelling.
#[test]
fn l02_reserved_audiences_are_refused() {
    let (_home, issuer, server) = served();
    let (id, _) = bundle(&server);
    for audience in
        ["", "/", "/oauth/token", "/admin", "/agent", "/spiral", &format!("/td/{id}"), &format!("/td/{id}/")]
    {
        let answer = token_for(&server, &job(&issuer.issuer, &json!({})), &format!("{PUBLIC_URL}{audience}"));
        refused(&answer, 403, "audience-reserved");
    }
}

/// Values that would make another path than was meant are refused by name, and never rewritten.
#[test]
fn hostile_values_make_no_path() {
    let (_home, issuer, server) = served();
    server.apply(&documents(&issuer.issuer, "", "/{{cluster.name}}/{{jwt.claim.environment}}/ref/{{jwt.claim.ref}}"));
    let long = "x".repeat(10 * 1024);
    for (environment, branch) in [
        ("", "main"),
        ("a/b", "main"),
        (".", "main"),
        ("..", "main"),
        ("a b", "main"),
        ("pr\u{f6}d", "main"),
        ("a%2fb", "main"),
        ("prod\n", "main"),
        ("{{jwt.claim.ref}}", "main"),
        (&long, "main"),
        ("prod", ""),
        ("prod", "../../admin"),
        ("prod", "a//b"),
        ("prod", "main/"),
        ("prod", "\u{202e}niam"),
        ("prod", &long),
    ] {
        let claims = json!({"environment": environment, "ref": branch});
        let answer = token_for(&server, &job(&issuer.issuer, &claims), "https://api.test");
        refused(&answer, 403, "identity-not-allowed");
        assert!(["attribute-unfit", "attribute-missing"].contains(&told(&server, &answer).0.as_str()));
    }
    let good = token_for(&server, &job(&issuer.issuer, &json!({"environment": "prod"})), "https://api.test");
    assert_eq!(good.member("spiffe_id"), "spiffe://example.org/build/prod/ref/refs/heads/main");
}

/// Requests for certificates: with keys that are none, without the key, with other names.
#[test]
fn requests_for_certificates_are_held_to_policy() {
    let (_home, issuer, server) = served();
    let vector = |name: &str| {
        let path = format!("{}/../../vectors/svid/csr/{name}.pem", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(path).unwrap()
    };
    let certificate = |csr: &str| {
        ask(&server, &json!({"cluster": "build", "token": job(&issuer.issuer, &json!({})), "type": "x509", "csr": csr}))
    };
    for (name, code) in [
        ("other-name", "csr-name"),
        ("other-domain", "csr-name"),
        ("two-names", "csr-name"),
        ("other-dns", "csr-name"),
        ("email", "csr-name"),
        ("ed25519", "csr-key-unfit"),
        ("p521", "csr-key-unfit"),
        ("rsa1024", "csr-key-unfit"),
        ("rsa4104", "csr-key-unfit"),
        ("sha1", "csr-signature"),
    ] {
        let answer = certificate(&vector(name));
        refused(&answer, 403, code);
        assert_eq!(told(&server, &answer).0, code);
    }
    refused(&certificate("nothing"), 403, "csr-malformed");
    for name in ["good", "good-empty-subject", "good-p384", "good-rsa2048", "good-other-extensions"] {
        let answer = certificate(&vector(name));
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let chain = pem::all(answer.json()["svids"][0]["svid"].as_str().unwrap(), pem::CERTIFICATE).unwrap();
        let leaf = x509::Leaf::read(&chain[0]).unwrap();
        assert_eq!(leaf.spki, Request::from_pem(&vector(name)).unwrap().spki(), "{name}");
        assert!(leaf.dns_names.is_empty(), "policy gives names, not the request");
    }
}

/// L08: a token counts once where its cluster says so, in whichever cluster, and a refusal does not spend it.
#[test]
fn l08_a_token_counts_once_where_the_cluster_says_so() {
    let (home, issuer, server) = served();
    server.apply(&documents(&issuer.issuer, "          replay: once\n", PATH));
    let token = job(&issuer.issuer, &json!({}));
    refused(&token_for(&server, &token, PUBLIC_URL), 403, "audience-reserved");
    assert_eq!(token_for(&server, &token, "https://api.test").status, 200);
    let again = token_for(&server, &token, "https://api.test");
    refused(&again, 401, "jti-reused");
    assert!(told(&server, &again).1.starts_with("token was used already"));
    let nameless = job(&issuer.issuer, &json!({"jti": null}));
    refused(&token_for(&server, &nameless, "https://api.test"), 403, "jti-missing");
    // Many SVIDs under one proof are one use.
    let token = job(&issuer.issuer, &json!({}));
    let wanted: Vec<Value> =
        (0..64).map(|n| json!({"type": "jwt", "audience": [format!("https://a{n}.test")]})).collect();
    let bulk = ask(&server, &json!({"cluster": "build", "token": token, "svids": wanted}));
    assert_eq!((bulk.status, bulk.json()["svids"].as_array().unwrap().len()), (200, 64));
    refused(&token_for(&server, &token, "https://api.test"), 401, "jti-reused");
    server.signal(Signal::SIGKILL);
    server.kill();
    let server = home.start();
    refused(&token_for(&server, &token, "https://api.test"), 401, "jti-reused");
}

/// L08: the same token shown by another, whoever he is and in whichever cluster, is used already; of many who show it at once
/// one is served.
#[test]
fn l08_another_presenter_of_the_same_token_is_refused() {
    let (_home, issuer, server) = served();
    let build = documents(&issuer.issuer, "          replay: once\n", PATH);
    let (domain, cluster) = build.split_once("---\n").unwrap();
    let other = cluster.replacen("name: build", "name: other", 1);
    server.apply(&format!("{domain}---\n{cluster}---\n{other}"));
    let show = |cluster: &str, token: &str| {
        ask(&server, &json!({"cluster": cluster, "token": token, "type": "jwt", "audience": ["https://api.test"]}))
    };
    for [first, second] in [["build", "other"], ["other", "build"]] {
        let token = job(&issuer.issuer, &json!({}));
        assert_eq!(show(first, &token).status, 200);
        refused(&show(second, &token), 401, "jti-reused");
    }
    // Each by a connection of his own.
    let token = job(&issuer.issuer, &json!({}));
    let statuses = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for place in 0..16 {
            let (show, token, statuses) = (&show, &token, &statuses);
            scope.spawn(move || {
                let status = show(["build", "other"][place % 2], token).status;
                statuses.lock().unwrap().push(status);
            });
        }
    });
    let mut statuses = statuses.into_inner().unwrap();
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200], vec![401; 15]].concat());
}

/// All or none: one audience that is nobody's, or one request that is none, and nothing at all is issued.
#[test]
fn many_svids_are_issued_together_or_not_at_all() {
    let (_home, issuer, server) = served();
    let token = job(&issuer.issuer, &json!({}));
    let good = json!({"type": "jwt", "audience": ["https://api.test"]});
    let reserved = json!({"type": "jwt", "audience": [PUBLIC_URL]});
    let answer = ask(&server, &json!({"cluster": "build", "token": token, "svids": [good, reserved]}));
    refused(&answer, 403, "audience-reserved");
    let faulty = json!({"type": "x509", "csr": "nothing"});
    let answer = ask(&server, &json!({"cluster": "build", "token": token, "svids": [good, faulty]}));
    refused(&answer, 403, "csr-malformed");
    let list = server.accredit(["audit", "list", "--event", "svid-issued", "-o", "json"]).ended(0).json();
    assert_eq!(list["records"], json!([]));
    let many: Vec<_> = vec![good; 65];
    refused(&ask(&server, &json!({"cluster": "build", "token": token, "svids": many})), 400, "svids-count");
}

/// What is no request: told by a code, without a look at the token.
#[test]
fn requests_are_strict() {
    let (_home, issuer, server) = served();
    let token = job(&issuer.issuer, &json!({}));
    refused(
        &ask(&server, &json!({"cluster": "build", "token": token, "type": "jwt", "audience": ["a"], "x": 1})),
        400,
        "body-malformed",
    );
    refused(&ask(&server, &json!({"cluster": "build", "token": token})), 400, "svids-missing");
    let form = server.form("/v1/svid", &[], &[("cluster", "build"), ("token", &token)]);
    refused(&form, 415, "content-type");
    let mut connection = server.connect();
    let put = connection.json("PUT", "/v1/svid", &json!({}));
    refused(&put, 405, "method");
    assert_eq!(put.header("allow"), Some("POST"));
    let large = json!({"cluster": "build", "token": "x".repeat(200 * 1024)});
    refused(&ask(&server, &large), 413, "body-too-large");
}

/// The command: a key that is made here, files for their owner alone, and a refusal that says whom to ask.
#[test]
fn the_command_fetches_svids() {
    let (home, issuer, server) = served();
    let url = format!("http://{}", server.address);
    let token = home.write("job.token", &format!("{}\n", job(&issuer.issuer, &json!({}))));
    let (key, cert, bundle) = (home.path("svid.key"), home.path("svid.pem"), home.path("bundle.pem"));
    let fetch = |more: &[&str]| {
        let mut command = accredit();
        command.args(["svid", "fetch", "--cluster", "build", "--server", &url, "--token-file"]).arg(&token).args(more);
        run(&mut command, "")
    };
    let ran = fetch(&["--audience", "https://a.test", "--audience", "https://b.test"]).ended(0);
    let audiences: Vec<_> = ran.stdout.lines().map(|token| said(token)["aud"].clone()).collect();
    assert_eq!(audiences, [json!(["https://a.test"]), json!(["https://b.test"])]);
    let paths = [&key, &cert, &bundle].map(|path| path.to_str().unwrap().to_owned());
    let files = ["--x509", "--key-out", &paths[0], "--cert-out", &paths[1], "--bundle-out", &paths[2]];
    fetch(&files).ended(0);
    for path in [&key, &cert, &bundle] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    let read = |path| fs::read_to_string(path).unwrap();
    let chain = pem::all(&read(&cert), pem::CERTIFICATE).unwrap();
    let roots = pem::all(&read(&bundle), pem::CERTIFICATE).unwrap();
    x509::verify(&chain, &"example.org".parse().unwrap(), &roots, Timestamp::from_unix(now())).unwrap();
    assert!(read(&key).starts_with("-----BEGIN PRIVATE KEY-----"));
    let denied = fetch(&["--audience", PUBLIC_URL]).ended(3);
    assert!(denied.stdout.is_empty() && denied.stderr.contains("accredit decision dec_"), "{}", denied.stderr);
}

/// An operator mints for a test where the policy says so, under the paths that it says, and the log keeps why.
#[test]
fn operators_mint_where_the_policy_lets_them() {
    let (_home, issuer, server) = served();
    let mint = |path: &str, audience: &str| {
        let asked = ["--cluster", "build", "--path", path, "--audience", audience, "--reason", "ticket 7"];
        server.accredit([&["svid", "mint"], asked.as_slice()].concat())
    };
    let refused = mint("/build/test/a", "https://a.test").ended(1);
    assert!(refused.stderr.contains("operator-not-allowed"), "{}", refused.stderr);
    let policy = documents(&issuer.issuer, "", PATH);
    server.apply(&policy.replace("      policy:\n", "      operators: {paths: [\"/build/test/*\"]}\n      policy:\n"));
    let minted = mint("/build/test/a", "https://a.test").ended(0).stdout;
    assert_eq!(said(minted.trim())["sub"], "spiffe://example.org/build/test/a");
    for path in ["/build/test", "/build/test/", "/build/test/../admin", "/admin", "build/test/a", "/build/test/a b"] {
        mint(path, "https://a.test").ended(1);
    }
    let reserved = mint("/build/test/a", PUBLIC_URL).ended(1);
    assert!(reserved.stderr.contains("audience-reserved"), "{}", reserved.stderr);
    let list = server.accredit(["audit", "list", "--event", "svid-issued", "-o", "json"]).ended(0).json();
    let records = list["records"].as_array().unwrap();
    let detail = &records[0]["detail"];
    assert_eq!((records.len(), &detail["why"], &detail["policy"]), (1, &json!("ticket 7"), &json!("operators")));
    assert_eq!(detail["actor"], "local socket");
}

/// L03, L08: what is for one door opens no other; an audience that attests jobs exchanges nothing, and the reverse. SVIDs of
/// ours are no access tokens and attest no jobs, and what the exchange issues or reads is not for this endpoint.
#[test]
fn l03_each_token_opens_what_it_is_for() {
    let (_home, issuer, server) = served();
    server.apply(&accredit_e2e::resources::discovered(&issuer.issuer));
    let platform = issuer.issuer.sign(&job_with(&issuer.issuer, &json!({})));
    let ours = server.exchange(&platform, &[("audience", "https://payments.test")]).access_token();
    let attesting = job(&issuer.issuer, &json!({}));
    let svid = |token: &str| token_for(&server, token, "https://api.test").status;
    let issued =
        token_for(&server, &attesting, "https://api.test").json()["svids"][0]["svid"].as_str().unwrap().to_owned();
    let exchange = |token: &str| server.exchange(token, &[("audience", "https://payments.test")]).status;
    let bearer = |token: &str| server.form_as(token, "/oauth/introspect", &[("token", &ours)]).status;
    let row = |token: &str| [svid(token), exchange(token), bearer(token)];
    assert_eq!(row(&attesting), [200, 400, 401]);
    assert_eq!(row(&platform), [401, 200, 401]);
    assert_eq!(row(&ours), [401, 400, 200]);
    assert_eq!(row(&issued), [401, 400, 401]);
    assert_eq!(server.introspected(&ours, &issued)["active"], false);
}

/// I04: after a kill every SVID that a client holds has its record.
#[test]
fn after_a_kill_every_svid_has_its_record() {
    let (home, issuer, mut server) = served();
    let held = Mutex::new(Vec::new());
    for _ in 0..3 {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !over.load(Ordering::SeqCst) {
                        let Ok(mut connection) = Connection::try_tcp(server.address, Duration::from_secs(5)) else {
                            return;
                        };
                        let token = job(&issuer.issuer, &json!({}));
                        let body =
                            json!({"cluster": "build", "token": token, "type": "jwt", "audience": ["https://a.test"]});
                        let request = connection.json_request("POST", "/v1/svid", &body);
                        if connection.send(&request).is_err() {
                            return;
                        }
                        match connection.answer() {
                            Ok(Some(answer)) if answer.status == 200 => held.lock().unwrap().push(answer.decision()),
                            _ => return,
                        }
                    }
                });
            }
            thread::sleep(Duration::from_millis(150 + u64::from(random()[0])));
            server.signal(Signal::SIGKILL);
            over.store(true, Ordering::SeqCst);
        });
        server.kill();
        server = home.start();
    }
    let held = held.into_inner().unwrap();
    assert!(held.len() > 5, "only {} SVIDs were issued", held.len());
    for decision in &held {
        let (status, record) = server.admin("GET", &format!("/v1/audit/{decision}"), &Value::Null);
        assert_eq!((status, &record["event"]), (200, &json!("svid-issued")), "{decision}");
    }
}

/// Nothing leaves that is not written: a server whose store takes no more writes issues no SVID.
#[test]
fn a_server_that_cannot_write_issues_nothing() {
    if !exists("prlimit", "--version") {
        return skip("a full disk", "there is no `prlimit` here");
    }
    let (home, issuer) = (Home::new(), Issuer::serve());
    let server = home.start_after("trap '' XFSZ");
    server.apply(&documents(&issuer.issuer, "          replay: once\n", PATH));
    await_keys(&server);
    assert_eq!(token_for(&server, &job(&issuer.issuer, &json!({})), "https://api.test").status, 200);
    let written = fs::metadata(home.path("data/accredit.db-wal")).unwrap().len();
    let kept = job(&issuer.issuer, &json!({}));
    server.limit(&format!("--fsize={written}:unlimited"));
    let answer = token_for(&server, &kept, "https://api.test");
    refused(&answer, 503, "unavailable");
    assert!(answer.header("retry-after").is_some());
    // What was not written was not spent.
    server.limit("--fsize=unlimited:unlimited");
    let answer = token_for(&server, &kept, "https://api.test");
    assert_eq!(answer.status, 200, "{} {}", answer.text(), server.log());
}
