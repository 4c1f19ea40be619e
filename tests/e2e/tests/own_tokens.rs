//! Access tokens of ours that come back: narrowed, asked about, revoked, and dead as soon as what allowed them is disabled.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::thread;
use std::time::{Duration, Instant};

use accredit_e2e::claims::{said, token};
use accredit_e2e::http::Answer;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::resources;
use accredit_e2e::server::{Home, PUBLIC_URL, Server};
use serde_json::{Value, json};

/// The usual resources, where the account may write as well, and may call a second API.
fn served() -> (Home, Issuer, Server) {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    let usual = resources::usual(&issuer);
    server
        .apply(&usual.replace("permissions: [payments.read], to", "permissions: [payments.read, payments.write], to"));
    server.apply(LEDGER);
    (home, issuer, server)
}

fn issued(server: &Server, issuer: &Issuer) -> String {
    server.exchange(&token(issuer, &json!({})), PAYMENTS).access_token()
}

fn narrowed(server: &Server, token: &str, more: &[(&str, &str)]) -> Answer {
    let mut parameters = vec![("grant_type", GRANT), ("subject_token_type", ACCESS_TOKEN), ("subject_token", token)];
    parameters.extend(more);
    server.form("/oauth/token", &[], &parameters)
}

fn revoke(server: &Server, token: &str) {
    let answer = server.form("/oauth/revoke", &[], &[("token", token)]);
    assert_eq!((answer.status, answer.text()), (200, ""));
}

fn seconds(claims: &serde_json::Map<String, Value>, name: &str) -> i64 {
    claims[name].as_i64().unwrap()
}

/// H10: of a token of ours comes one of the same audience, with a part of its scope, that ends no later.
#[test]
fn h10_a_token_is_narrowed_and_never_widened() {
    let (_home, issuer, server) = served();
    let first = issued(&server, &issuer);
    let before = said(&first);
    assert_eq!(before["scope"], "payments.read payments.write");
    let answer = narrowed(&server, &first, &[("scope", "payments.read"), ("audience", "https://payments.test")]);
    let second = answer.access_token();
    let after = said(&second);
    assert_eq!((&after["scope"], &answer.json()["scope"]), (&json!("payments.read"), &json!("payments.read")));
    for same in ["aud", "client_id", "iss", "org_id", "sub"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert!(seconds(&after, "exp") <= seconds(&before, "exp") && after["jti"] != before["jti"]);
    let told = server.accredit(["decision", after["jti"].as_str().unwrap(), "-o", "json"]).ended(0).json();
    let from = before["jti"].as_str().unwrap();
    assert_eq!((&told["verdict"], &told["permissions"]), (&json!("allow"), &json!(["payments.read"])));
    assert_eq!(told["summary"], format!("it narrows the token of `{from}`, which mapping `ci/web-main` allowed"));

    // What was narrowed away does not come back, not even by the way of the first scope.
    for (scope, status) in [("payments.write", 400), ("payments.read payments.write", 400), ("payments.read", 200)] {
        assert_eq!(narrowed(&server, &second, &[("scope", scope)]).status, status, "{scope}");
    }
    let refused = narrowed(&server, &second, &[("scope", "payments.write")]);
    assert_eq!(
        (refused.member("error").as_str(), refused.member("reason").as_str()),
        ("invalid_scope", "scope-not-granted")
    );
    let told = server.accredit(["decision", &refused.decision(), "-o", "json"]).ended(0).json();
    assert_eq!(told["summary"], "scope `payments.write` is not in the token, or not granted any more");
    let elsewhere = narrowed(&server, &second, &[("audience", "https://ledger.test")]);
    assert_eq!(elsewhere.member("error"), "invalid_target");

    // H05: not for ever.
    let mut last = second;
    let depth = (0..20).take_while(|_| {
        let answer = narrowed(&server, &last, &[]);
        let went_on = answer.status == 200;
        if went_on {
            last = answer.access_token();
        }
        went_on
    });
    assert_eq!(depth.count(), 7);
}

/// K06: the owner of an API learns about tokens of its own API, and that others are not active.
#[test]
fn k06_an_api_is_told_about_its_own_tokens() {
    let (_home, issuer, server) = served();
    let (ours, token_of_ours) = (issued(&server, &issuer), issued(&server, &issuer));
    let ledger = server.exchange(&token(&issuer, &json!({})), &[("audience", "https://ledger.test")]).access_token();
    let claims = said(&token_of_ours);
    let told = server.introspected(&ours, &token_of_ours);
    for name in ["aud", "client_id", "exp", "iat", "iss", "jti", "org_id", "scope", "sub"] {
        assert_eq!(told[name], claims[name], "{name}");
    }
    assert_eq!((&told["active"], &told["token_type"]), (&json!(true), &json!("Bearer")));
    assert_eq!(told.as_object().unwrap().len(), 11);
    let inactive = json!({"active": false});
    assert_eq!(server.introspected(&ours, &ledger), inactive);
    assert_eq!(server.introspected(&ledger, &token_of_ours), inactive);
    assert_eq!(server.introspected(&ours, "rubbish"), inactive);
    // A grant that is taken away takes its permissions out of what is told; the signature still says otherwise.
    server.apply(&resources::usual(&issuer));
    assert_eq!(server.introspected(&ours, &token_of_ours)["scope"], "payments.read");
    server.accredit(["disable", "grant", "shop/ci-web"]).ended(0);
    let refused = server.form_as(&ours, "/oauth/introspect", &[("token", &token_of_ours)]);
    assert_eq!(refused.status, 401, "nothing is granted to the caller either");
}

/// K05, F22: what is disabled issues nothing on any connection, opened before or not, and what it issued is not active and
/// cannot be narrowed. It comes back when it is enabled again.
#[test]
fn k05_disabling_reaches_every_connection_and_every_token() {
    let (_home, issuer, server) = served();
    server.apply(SECOND_WAY);
    let api = server.exchange(&token(&issuer, &json!({"ref": "refs/heads/api"})), &[]).access_token();
    let first = issued(&server, &issuer);
    let mut connections: Vec<_> = (0..16).map(|_| server.connect()).collect();
    let subject = token(&issuer, &json!({}));
    let mut statuses = || -> Vec<u16> {
        connections.iter_mut().map(|connection| connection.exchange(&subject, PAYMENTS).status).collect()
    };
    for (kind, name) in [("mapping", "ci/web-main"), ("service-account", "ci/web"), ("project", "ci")] {
        assert_eq!(statuses(), [200; 16]);
        assert_eq!(server.introspected(&api, &first)["active"], true, "{kind}");
        server.accredit(["disable", kind, name]).ended(0);
        let disabled = Instant::now();
        assert_eq!(statuses(), [400; 16], "{kind}");
        assert_eq!(server.introspected(&api, &first), json!({"active": false}), "{kind}");
        assert!(disabled.elapsed() < Duration::from_secs(10));
        let refused = narrowed(&server, &first, &[]);
        assert_eq!((refused.status, refused.member("reason").as_str()), (400, "no-mapping-matched"), "{kind}");
        server.accredit(["enable", kind, name]).ended(0);
    }
    // The provider of both: the API that would ask is out as well.
    server.accredit(["disable", "provider", "github"]).ended(0);
    assert_eq!(statuses(), [400; 16]);
    let refused = server.form_as(&api, "/oauth/introspect", &[("token", &first)]);
    assert_eq!((refused.status, refused.header("www-authenticate").is_some()), (401, true));
    assert_eq!(narrowed(&server, &first, &[]).status, 400);
    server.accredit(["enable", "provider", "github"]).ended(0);
    assert_eq!(server.introspected(&api, &first)["active"], true);
}

/// K05: a connection that never rests meets the refusal within a second of the verb, and no token after it.
#[test]
fn k05_no_token_comes_after_the_verb_has_ended() {
    let (_home, issuer, server) = served();
    let subject = token(&issuer, &json!({}));
    let answers: Vec<(Instant, u16)> = thread::scope(|scope| {
        let busy: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = server.connect();
                    let began = Instant::now();
                    let mut answers = Vec::new();
                    while began.elapsed() < Duration::from_secs(30) {
                        let asked = Instant::now();
                        let status = connection.exchange(&subject, PAYMENTS).status;
                        answers.push((asked, status));
                        if status != 200 {
                            break;
                        }
                    }
                    answers
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(200));
        server.accredit(["disable", "mapping", "ci/web-main"]).ended(0);
        let ended = Instant::now();
        let answers: Vec<_> = busy.into_iter().flat_map(|busy| busy.join().unwrap()).collect();
        assert!(answers.iter().all(|(asked, status)| *asked < ended || *status == 400), "a token after the verb");
        answers
    });
    assert_eq!(answers.iter().filter(|(_, status)| *status == 400).count(), 4);
}

/// K05, K09: a revoked token is dead at once, so is what was made of it, and both stay so over a restart.
#[test]
fn k05_a_revoked_token_is_dead_at_once_and_after_a_restart() {
    let (home, issuer, server) = served();
    let (api, first) = (issued(&server, &issuer), issued(&server, &issuer));
    let child = narrowed(&server, &first, &[("scope", "payments.read")]).access_token();
    let other = narrowed(&server, &first, &[]).access_token();
    revoke(&server, &other);
    assert_eq!(server.introspected(&api, &child)["active"], true, "a sister does not matter");
    revoke(&server, &first);
    revoke(&server, &first);
    let dead = |server: &Server| {
        for token in [&first, &child, &other] {
            assert_eq!(server.introspected(&api, token), json!({"active": false}));
            let refused = narrowed(server, token, &[]);
            assert_eq!((refused.status, refused.member("reason").as_str()), (400, "token-inactive"));
        }
        assert_eq!(server.introspected(&api, &api)["active"], true);
    };
    dead(&server);
    let list = server.accredit(["audit", "list", "--limit", "1000", "-o", "json"]).ended(0).json();
    let events: Vec<_> = list["records"].as_array().unwrap().iter().map(|record| &record["event"]).collect();
    assert_eq!(events.iter().filter(|event| **event == "token-revoked").count(), 2, "each is recorded once");
    server.kill();
    dead(&home.start());
}

/// L03: each class of token at each endpoint, and one cell of the matrix for each that is let in.
#[test]
fn l03_each_token_opens_what_it_is_for() {
    let (_home, issuer, server) = served();
    let (platform, ours, foreign) = (
        token(&issuer, &json!({})),
        issued(&server, &issuer),
        issuer.sign_under(r#"{"alg":"ES256","kid":"key-1","typ":"at+jwt"}"#, &json!({
            "iss": PUBLIC_URL, "aud": "https://payments.test", "sub": "sa_x", "client_id": "sa_x", "jti": "x", "iat": 0, "exp": 4_000_000_000_i64,
        }).to_string()),
    );
    let exchange = |token: &str, kind: &str| {
        let parameters = [("grant_type", GRANT), ("subject_token_type", kind), ("subject_token", token), PAYMENTS[0]];
        server.form("/oauth/token", &[], &parameters).status
    };
    let bearer = |token: &str| server.form_as(token, "/oauth/introspect", &[("token", &ours)]).status;
    let grant = |token: &str| {
        let parameters =
            [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", token), PAYMENTS[0]];
        server.form("/oauth/token", &[], &parameters).status
    };
    let client = |token: &str| {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let parameters = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", kind),
            ("client_assertion", token),
            PAYMENTS[0],
        ];
        server.form("/oauth/token", &[], &parameters).status
    };
    let row =
        |token: &str| [exchange(token, JWT), exchange(token, ACCESS_TOKEN), grant(token), client(token), bearer(token)];
    assert_eq!(row(&platform), [200, 400, 200, 200, 401]);
    assert_eq!(row(&ours), [400, 200, 400, 401, 200]);
    assert_eq!(row(&foreign), [400, 400, 400, 401, 401]);
    let answer = server.introspected(&ours, &ours).to_string();
    assert_eq!(row(&answer), [400, 400, 400, 401, 401]);
}

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const PAYMENTS: &[(&str, &str)] = &[("audience", "https://payments.test")];
const LEDGER: &str = r#"kind: API
name: shop/ledger
spec: {audience: "https://ledger.test", permissions: [ledger.read]}
---
kind: Grant
name: shop/ci-web-ledger
spec: {api: shop/ledger, permissions: [ledger.read], to: ci/web}
"#;
/// An account of the API's own, in a project of its own.
const SECOND_WAY: &str = r#"kind: ServiceAccount
name: shop/payments
---
kind: Grant
name: shop/itself
spec: {api: shop/payments, permissions: [payments.read], to: shop/payments}
---
kind: Mapping
name: shop/payments
spec:
  provider: github
  serviceAccount: shop/payments
  match: {repository_id: "123", repository_owner_id: "98", ref: refs/heads/api}
"#;
