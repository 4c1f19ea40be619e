//! Administrators from elsewhere: who is let in, what a token is worth without its key, and when it is worth nothing.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use accredit_e2e::admin::{AdminListener, key};
use accredit_e2e::claims::{said, token};
use accredit_e2e::command::{Ran, accredit, run};
use accredit_e2e::http::Answer;
use accredit_e2e::issuer::{Issuer, now};
use accredit_e2e::resources;
use accredit_e2e::server::{Home, PUBLIC_URL, Server};
use accredit_id::jose::dpop::{ProofKey, ToProve};
use accredit_id::secret::Secret;
use accredit_id::time::Timestamp;
use serde_json::{Value, json};

/// A server with a remote admin listener, whose CI jobs on `main` are operators.
fn served() -> (Home, Issuer, Server) {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    home.configure("[store]", "listen = \"127.0.0.1:0\"\n\n[store]");
    let server = home.start();
    server.apply(&documents(&issuer));
    (home, issuer, server)
}

fn documents(issuer: &Issuer) -> String {
    let usual = resources::usual(issuer);
    let usual = usual.replacen("  keys:", "  login: {workloads: true}\n  keys:", 1);
    format!("{usual}---\n{OPERATORS}")
}

const OPERATORS: &str = r#"kind: Administrator
name: robots
spec:
  provider: github
  match: {repository_id: "123", repository_owner_id: "98", ref: refs/heads/main}
  role: operator
"#;

fn admin_audience() -> String {
    format!("{PUBLIC_URL}/admin")
}

fn evidence(issuer: &Issuer, changes: Value) -> String {
    let mut claims = json!({"aud": admin_audience()});
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    token(issuer, &claims)
}

/// A command with its configuration in this home.
fn ask(home: &Home, arguments: &[&str], stdin: &str) -> Ran {
    run(accredit().args(arguments).env("HOME", home.folder()).env("XDG_CONFIG_HOME", home.path("config")), stdin)
}

/// K10, I10: a workload logs in with its token, every verb then speaks to the server over the network, and what is kept is
/// for its owner alone.
#[test]
fn a_workload_logs_in_and_administers() {
    let (home, issuer, server) = served();
    let admin = AdminListener::of(&server);
    let file = home.write("job.jwt", &format!("{}\n", evidence(&issuer, json!({}))));
    let url = admin.url();
    let login = ask(&home, &["login", &url, "--token-file", file.to_str().unwrap()], "").ended(0);
    assert!(login.stdout.contains("operator   by robots"), "{}", login.stdout);

    let kept = fs::read_dir(home.path("config/accredit/contexts")).unwrap().next().unwrap().unwrap().path();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&kept), mode(kept.parent().unwrap())), (0o600, 0o700));

    let status = ask(&home, &["status", "-o", "json"], "").ended(0).json();
    assert_eq!(status["publicUrl"], PUBLIC_URL);
    ask(&home, &["apply", "-f", "-"], "kind: Project\nname: by-robot\n").ended(0);
    assert!(ask(&home, &["list", "project"], "").ended(0).stdout.contains("by-robot"));
    let who = ask(&home, &["whoami", "-o", "json"], "").ended(0).json();
    assert_eq!(who["roles"][0]["role"], "operator");
    assert!(who["name"].as_str().unwrap().starts_with("github:repo:acme/web"), "{who}");
    let contexts = ask(&home, &["context", "list"], "").ended(0).stdout;
    assert!(contexts.contains(&url) && contexts.contains("token file"), "{contexts}");

    // The secrets are in that file and nowhere else.
    let text: Value = serde_json::from_str(&fs::read_to_string(&kept).unwrap()).unwrap();
    let secrets =
        [&text["session"]["seed"], &text["session"]["token"]].map(|secret| secret.as_str().unwrap().to_owned());
    let shown = ask(&home, &["context", "show", "-o", "json"], "").ended(0).stdout;
    let recorded = server.accredit(["audit", "list", "-o", "json"]).ended(0).stdout;
    for secret in &secrets {
        for place in [&shown, &recorded, &server.log(), &login.stdout, &login.stderr] {
            assert!(!place.contains(secret.as_str()));
        }
    }
    assert!(recorded.contains("login-allowed"), "{recorded}");

    // A file that others can read is refused before anything of it is used.
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(ask(&home, &["status"], "").ended(1).stderr.contains("expected 600"));
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o600)).unwrap();

    // The token is renewed by the file, which the platform keeps fresh.
    let mut stale = text;
    stale["session"]["expiresAt"] = json!(now());
    home.write("stale", &stale.to_string());
    fs::rename(home.path("stale"), &kept).unwrap();
    ask(&home, &["status"], "").ended(0);
    assert!(!fs::read_to_string(&kept).unwrap().contains(&secrets[1]), "the token was not renewed");

    ask(&home, &["logout"], "").ended(0);
    let out = ask(&home, &["status"], "").ended(3);
    assert!(out.stderr.contains("not logged in") && out.stderr.contains("hint: accredit login"), "{}", out.stderr);
    assert!(!fs::read_to_string(&kept).unwrap().contains(&secrets[0]), "the key is kept");
    let contradiction = run(
        accredit()
            .args(["status"])
            .env("HOME", home.folder())
            .env("ACCREDIT_CONTEXT", "a")
            .env("ACCREDIT_ADMIN_SOCKET", "b"),
        "",
    );
    assert!(contradiction.ended(2).stderr.contains("both set"));
}

/// L21: whoever a provider knows may ask, and be refused, as often as he likes: he pays for it, and fills no log. Who was seen to
/// be refused is still let in elsewhere.
#[test]
fn refused_logins_are_paid_for() {
    let served = |limits: &str| {
        let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
        home.configure("[store]", "listen = \"127.0.0.1:0\"\n\n[store]");
        home.configure("[fetch]", &format!("[limits]\n{limits}\n[fetch]"));
        let server = home.start();
        server.apply(&documents(&issuer));
        (home, issuer, server)
    };
    let recorded = |server: &Server| {
        let listed = server.accredit(["audit", "list", "-o", "json"]).ended(0).stdout;
        listed.matches("login-denied").count()
    };
    let (_home, issuer, server) = served("recorded_refusals = { burst = 3, per_second = 1 }");
    let (admin, key) = (AdminListener::of(&server), key());
    for changes in [json!({"ref": "refs/heads/dev"}), json!({"aud": "https://elsewhere.test"})] {
        let shown = evidence(&issuer, changes);
        let answers: Vec<_> = (0..15).map(|_| admin.token(&key, &shown)).collect();
        let shape = |answer: &Answer| (answer.status, answer.member("error"), answer.json().get("reason").cloned());
        assert!(answers.iter().all(|answer| shape(answer) == shape(&answers[0])), "{:?}", answers.last());
        assert!(matches!(answers[0].status, 400 | 403), "{}", answers[0].text());
    }
    let written = recorded(&server);
    assert!((3..20).contains(&written), "{written} of 30 are on record");
    admin.token(&key, &evidence(&issuer, json!({}))).access_token();

    let (_home, issuer, server) = served("subject = { burst = 120, per_second = 1 }");
    let admin = AdminListener::of(&server);
    let dev = evidence(&issuer, json!({"sub": "repo:acme/web:ref:refs/heads/dev", "ref": "refs/heads/dev"}));
    let answers: Vec<_> = (0..6).map(|_| admin.token(&key, &dev)).collect();
    assert_eq!(answers[0].status, 403, "{}", answers[0].text());
    assert_eq!((answers[5].status, answers[5].member("error").as_str()), (429, "slow_down"), "{}", answers[5].text());
    assert!(answers[5].header("retry-after").is_some());
    admin.token(&key, &evidence(&issuer, json!({}))).access_token();
}

/// J15: whoever shows what does not hold pays as a source, at the door of administrators as at any other.
#[test]
fn strangers_at_the_door_of_administrators_are_told_to_wait() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    home.configure("[store]", "listen = \"127.0.0.1:0\"\n\n[store]");
    home.configure("[fetch]", "[limits]\nsource = { burst = 20, per_second = 1 }\n[fetch]");
    let server = home.start();
    server.apply(&documents(&issuer));
    let (admin, key) = (AdminListener::of(&server), key());
    let stolen = admin.token(&key, &evidence(&issuer, json!({}))).access_token();
    let authorization = format!("DPoP {stolen}");
    let proof = admin.proof(&ProofKey::from_seed(&Secret::new([9; 32])).unwrap(), "GET", "/v1/status", Some(&stolen));
    let ask = || admin.ask("GET", "/v1/status", &[("Authorization", &authorization), ("DPoP", &proof)], "");
    let answers: Vec<_> = (0..30).map(|_| ask()).take_while(|answer| answer.status != 429).collect();
    assert!(answers.len() < 25 && answers.iter().all(|answer| answer.status == 401), "{}", answers.len());
    let waits = ask();
    assert_eq!((waits.status, waits.member("code").as_str()), (429, "rate-limited"), "{}", waits.text());
    assert!(waits.header("retry-after").is_some() && waits.header("content-type") == Some("application/problem+json"));
    let login = admin.token_with(&[], &evidence(&issuer, json!({})));
    assert_eq!((login.status, login.member("error").as_str()), (429, "slow_down"), "{}", login.text());
    // The server's own user is no stranger.
    assert_eq!(server.admin("GET", "/v1/status", &Value::Null).0, 200);
}

/// D08: no token outlives its evidence, and none lives longer than a quarter of an hour; it names who holds it, bound to the
/// key.
#[test]
fn a_token_ends_with_its_evidence() {
    let (_home, issuer, server) = served();
    let (admin, key) = (AdminListener::of(&server), key());
    for (left, lives) in [(60, 60), (1800, 900)] {
        let answer = admin.token(&key, &evidence(&issuer, json!({"exp": now() + left})));
        let claims = said(&answer.access_token());
        assert_eq!(answer.member("token_type"), "DPoP");
        let seconds = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert!((lives - 2..=lives).contains(&seconds), "{seconds}");
        assert_eq!(claims["cnf"]["jkt"], key.thumbprint());
        assert_eq!(
            (&claims["iss"], &claims["aud"]),
            (&json!(format!("{PUBLIC_URL}/internal")), &json!(admin_audience()))
        );
    }
    // Its key is nobody's to verify with.
    let kid = accredit_id::base64url::decode(
        admin.token(&key, &evidence(&issuer, json!({}))).access_token().split('.').next().unwrap(),
    )
    .unwrap();
    let kid: Value = serde_json::from_slice(&kid).unwrap();
    assert!(!server.connect().get("/oauth/jwks").text().contains(kid["kid"].as_str().unwrap()));
    assert_eq!(
        admin
            .token(&key, &evidence(&issuer, json!({"iat": now() - 60, "nbf": now() - 60, "exp": now() - 1})))
            .member("reason"),
        "expired"
    );
}

/// I08, I10: a stolen token is worth nothing without its key, and a stolen proof nothing a second time or elsewhere.
#[test]
fn i08_a_token_is_worth_nothing_without_its_key() {
    let (home, issuer, server) = served();
    let (admin, key, thief) = (AdminListener::of(&server), key(), key());
    let token = admin.token(&key, &evidence(&issuer, json!({}))).access_token();
    let path = "/v1/status";
    assert_eq!(admin.get(&key, path, &token).status, 200);
    assert_eq!(admin.get(&key, "/v1/resources?kind=Mapping", &token).status, 200);

    let url = format!("{}{path}", admin.url());
    let honest = || admin.to_prove("GET", &url, Some(&token));
    let authorization = format!("DPoP {token}");
    let with = |authorization: &str, proofs: &[&str]| {
        let mut headers = vec![("authorization", authorization)];
        headers.extend(proofs.iter().map(|proof| ("dpop", *proof)));
        admin.ask("GET", path, &headers, "")
    };
    let refused = |what: &str, answer: accredit_e2e::http::Answer, error: &str| {
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("DPoP algs=") && challenge.contains(error), "{what}: {challenge}");
        assert!(answer.header("dpop-nonce").is_some(), "{what}");
    };
    let proof = key.prove(&honest());
    assert_eq!(with(&authorization, &[&proof]).status, 200);
    refused("replayed", with(&authorization, &[&proof]), "invalid_dpop_proof");
    refused("no proof", with(&authorization, &[]), "invalid_dpop_proof");
    let two = [key.prove(&honest()), key.prove(&honest())];
    refused("two proofs", with(&authorization, &[&two[0], &two[1]]), "invalid_dpop_proof");
    refused("another key", with(&authorization, &[&thief.prove(&honest())]), "invalid_dpop_proof");
    refused("bearer", with(&format!("Bearer {token}"), &[&key.prove(&honest())]), "DPoP");
    refused("bearer alone", with(&format!("Bearer {token}"), &[]), "DPoP");
    let elsewhere = format!("{}/v1/audit", admin.url());
    let relayed = "https://relay.test/v1/status";
    let long_ago = Timestamp::from_unix(now() - 400);
    for (what, made, error) in [
        ("method", ToProve { method: "POST", ..honest() }, "invalid_dpop_proof"),
        ("path", ToProve { url: &elsewhere, ..honest() }, "invalid_dpop_proof"),
        ("host", ToProve { url: relayed, ..honest() }, "invalid_dpop_proof"),
        ("other token", ToProve { access_token: Some("other"), ..honest() }, "invalid_dpop_proof"),
        ("no ath", ToProve { access_token: None, ..honest() }, "invalid_dpop_proof"),
        ("stale", ToProve { now: long_ago, ..honest() }, "invalid_dpop_proof"),
        ("no nonce", ToProve { nonce: None, ..honest() }, "use_dpop_nonce"),
        ("foreign nonce", ToProve { nonce: Some("AAAAAAAAAAAAAAAAAAAAAA"), ..honest() }, "use_dpop_nonce"),
    ] {
        refused(what, with(&authorization, &[&key.prove(&made)]), error);
    }
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    let altered = format!("DPoP {signed}.{other}{}", &signature[1..]);
    refused("altered", with(&altered, &[&key.prove(&honest())]), "invalid_token");
    refused("nothing", admin.ask("GET", path, &[], ""), "DPoP");

    // A proof outlives no restart, a token does.
    let before = key.prove(&honest());
    server.kill();
    let server = home.start();
    let again = AdminListener::of(&server);
    let headers = [("authorization", authorization.as_str()), ("dpop", before.as_str())];
    assert_eq!(again.ask("GET", path, &headers, "").status, 401);
    assert_eq!(again.get(&key, path, &token).status, 200);
}

/// I08 at the token endpoint: an error of RFC 6749, and nothing about who is administrator.
#[test]
fn i08_the_token_endpoint_wants_a_fresh_proof() {
    let (_home, issuer, server) = served();
    let (admin, key) = (AdminListener::of(&server), key());
    let evidence = evidence(&issuer, json!({}));
    let url = format!("{}/admin/token", admin.url());
    let honest = || admin.to_prove("POST", &url, None);
    let errors = |headers: &[(&str, &str)]| {
        let answer = admin.token_with(headers, &evidence);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("dpop-nonce").is_some());
        (answer.status, answer.member("error"))
    };
    let invalid = (400, "invalid_dpop_proof".to_owned());
    assert_eq!(errors(&[]), invalid);
    let proof = key.prove(&ToProve { nonce: None, ..honest() });
    assert_eq!(errors(&[("dpop", &proof)]), (400, "use_dpop_nonce".to_owned()));
    let proof = key.prove(&ToProve { method: "GET", ..honest() });
    assert_eq!(errors(&[("dpop", &proof)]), invalid);
    let proof = key.prove(&honest());
    assert_eq!(admin.token_with(&[("dpop", &proof)], &evidence).status, 200);
    assert_eq!(errors(&[("dpop", &proof)]), invalid, "replayed");
    let (one, two) = (key.prove(&honest()), key.prove(&honest()));
    assert_eq!(errors(&[("dpop", &one), ("dpop", &two)]), invalid);
    let proof = key.prove(&honest());
    let basic = [("dpop", proof.as_str()), ("authorization", "Basic eDp5")];
    assert_eq!(errors(&basic), (401, "invalid_client".to_owned()));
}

/// L03, L02, L08: each class of token goes to one place. Audiences of administrators are nobody's elsewhere.
#[test]
fn l03_each_class_of_token_has_one_place() {
    let (_home, issuer, server) = served();
    let (admin, key) = (AdminListener::of(&server), key());
    let for_exchange = token(&issuer, &json!({}));
    let for_login = evidence(&issuer, json!({}));
    let admin_token = admin.token(&key, &for_login).access_token();
    let access_token = server.exchange(&for_exchange, &[]).access_token();

    for (what, evidence) in
        [("an exchange's", &for_exchange), ("an access token", &access_token), ("an admin token", &admin_token)]
    {
        let answer = admin.token(&key, evidence);
        assert_eq!((answer.status, answer.member("error")), (400, "invalid_request".to_owned()), "{what}");
        assert!(!answer.text().contains("\"reason\""), "{what}: {}", answer.text());
    }
    for (what, subject) in [("evidence of a login", &for_login), ("an admin token", &admin_token)] {
        assert_eq!(server.exchange(subject, &[]).status, 400, "{what}");
    }
    for (what, shown) in
        [("an access token", &access_token), ("evidence", &for_login), ("a job's token", &for_exchange)]
    {
        assert_eq!(admin.get(&key, "/v1/status", shown).status, 401, "{what}");
    }
    let target = [("audience", admin_audience())];
    let target: Vec<_> = target.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(server.exchange(&for_exchange, &target).status, 400);

    // Written nowhere else either.
    for (document, says) in [
        (format!("kind: API\nname: shop/mine\nspec: {{audience: \"{}\", permissions: [a]}}\n", admin_audience()), "audience"),
        (
            format!("kind: Provider\nname: mine\nspec: {{type: oidc, issuer: \"https://x.test\", audiences: [\"{}\"]}}\n", admin_audience()),
            "kept for administrators",
        ),
        (
            "kind: Provider\nname: mine\nspec: {type: oidc, issuer: \"https://x.test\", audiences: [app], login: {clientId: app}}\n".to_owned(),
            "audience of tokens to be exchanged too",
        ),
        ("kind: Provider\nname: mine\nspec: {type: oidc, issuer: \"https://x.test\", login: {}}\n".to_owned(), "lets nobody log in"),
        (format!("kind: Provider\nname: mine\nspec: {{type: oidc, issuer: \"{PUBLIC_URL}/internal\"}}\n"), "this server itself"),
    ] {
        let ran = server.accredit_with(["apply", "-f", "-"], &document).ended(1);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
}

/// A refusal in two voices: the caller learns a code and an id, the operator which administrator was nearest and why it fell.
#[test]
fn who_is_no_administrator_learns_that_alone() {
    let (_home, issuer, server) = served();
    let (admin, key) = (AdminListener::of(&server), key());
    let answer = admin.token(&key, &evidence(&issuer, json!({"ref": "refs/heads/dev"})));
    assert_eq!((answer.status, answer.member("error")), (403, "access_denied".to_owned()));
    assert_eq!(answer.member("reason"), "no-administrator-matched");
    assert!(!answer.text().contains("robots") && !answer.text().contains("main"), "{}", answer.text());
    let told = server.accredit(["decision", &answer.decision()]).ended(0).stdout;
    for part in ["no-administrator-matched", "robots", "refs/heads/dev", "refs/heads/main"] {
        assert!(told.contains(part), "`{part}` is not told:\n{told}");
    }
    // Before a signature holds, nothing is told and nothing written.
    let stranger = Issuer::new("https://stranger.test");
    let answer = admin.token(&key, &evidence(&stranger, json!({})));
    assert_eq!((answer.status, answer.member("error")), (400, "invalid_request".to_owned()));
    let forged = Issuer::new(&issuer.url);
    let answer = admin.token(&key, &evidence(&forged, json!({})));
    assert!(!answer.text().contains("\"reason\""), "{}", answer.text());
    assert!(server.accredit(["decision", &answer.decision()]).ended(0).stdout.contains("bad-signature"));
}

/// K05, L19: rights end with the next request after what they rest on was disabled, changed or deleted, and nobody edits what
/// admitted him.
#[test]
fn k05_rights_end_at_once() {
    let (_home, issuer, server) = served();
    let (admin, key) = (AdminListener::of(&server), key());
    let usual = documents(&issuer);
    let evidence = evidence(&issuer, json!({}));
    let begin = || {
        server.apply(&usual);
        let token = admin.token(&key, &evidence).access_token();
        assert_eq!(admin.get(&key, "/v1/status", &token).status, 200);
        token
    };
    for (what, verb) in [("administrator", "disable"), ("provider", "disable"), ("administrator", "delete")] {
        let name = if what == "provider" { "github" } else { "robots" };
        let token = begin();
        server.accredit([verb, what, name]).ended(0);
        assert_eq!(admin.get(&key, "/v1/status", &token).status, 401, "{verb} {what}");
        let again = admin.token(&key, &evidence);
        assert_eq!((again.status, again.member("error")), (403, "access_denied".to_owned()), "{verb} {what}");
        if verb == "disable" {
            server.accredit(["enable", what, name]).ended(0);
            assert_eq!(admin.get(&key, "/v1/status", &token).status, 401, "a token of before comes back");
        }
    }
    let token = begin();
    server.apply(&usual.replace("role: operator", "role: auditor"));
    assert_eq!(admin.get(&key, "/v1/status", &token).status, 401);
    let lesser = admin.token(&key, &evidence).access_token();
    assert_eq!(admin.get(&key, "/v1/whoami", &lesser).json()["roles"][0]["role"], "auditor");
}

/// H01, H11, H12: what is no request for a token is refused as RFC 6749 says, and by no method but POST.
#[test]
fn hostile_requests_for_a_token_are_refused() {
    let (_home, issuer, server) = served();
    let (admin, key) = (AdminListener::of(&server), key());
    let evidence = evidence(&issuer, json!({}));
    let form = "application/x-www-form-urlencoded";
    let grant = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange";
    let kind = "subject_token_type=urn:ietf:params:oauth:token-type:jwt";
    let good = format!("{grant}&{kind}&subject_token={evidence}");
    for (what, media, body, error) in [
        ("json", "application/json", "{}".to_owned(), "invalid_request"),
        ("no grant", form, format!("{kind}&subject_token={evidence}"), "unsupported_grant_type"),
        ("twice", form, format!("{good}&subject_token={evidence}"), "invalid_request"),
        ("actor", form, format!("{good}&actor_token=x&actor_token_type=y"), "invalid_request"),
        ("secret", form, format!("{good}&client_secret=x"), "invalid_request"),
        ("audience", form, format!("{good}&audience=https://payments.test"), "invalid_target"),
        ("no token", form, format!("{grant}&{kind}"), "invalid_request"),
        ("refresh token", form, good.replace("token-type:jwt", "token-type:refresh_token"), "invalid_request"),
        ("rubbish", form, format!("{grant}&{kind}&subject_token=%22%3Cb%3E%E2%80%AE"), "invalid_request"),
    ] {
        let proof = admin.proof(&key, "POST", "/admin/token", None);
        let answer = admin.ask("POST", "/admin/token", &[("content-type", media), ("dpop", &proof)], &body);
        assert_eq!((answer.status, answer.member("error")), (400, error.to_owned()), "{what}");
        assert!(answer.text().is_ascii() && !answer.text().contains("<b>"), "{what}: {}", answer.text());
    }
    assert_eq!(admin.ask("GET", "/admin/token", &[], "").status, 405);
    let elsewhere = "GET /admin/login-options HTTP/1.1\r\nHost: evil.test\r\n\r\n";
    let answer = accredit_e2e::http::Connection::tcp(admin.address).ask(elsewhere.as_bytes());
    assert_eq!(answer.status, 421);
    let options = admin.ask("GET", "/admin/login-options", &[], "").json();
    assert_eq!((&options["audience"], &options["providers"]), (&json!(admin_audience()), &json!([])));
}
