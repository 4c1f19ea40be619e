//! Signed AWS requests against the real binary, with a token service that verifies signatures for real.

use accredit_e2e::claims::said;
use accredit_e2e::http::{Answer, encoded};
use accredit_e2e::issuer::now;
use accredit_e2e::server::{Home, Server};
use accredit_e2e::sts::{ACCOUNT, Manner, ROLE_ID, Request, Sts};

struct Stage {
    // The home is the server's; dropped first, it would take its files away.
    server: Server,
    sts: Sts,
    _home: Home,
}

impl Stage {
    fn new() -> Self {
        let sts = Sts::start();
        let home = Home::new();
        home.configure("[fetch]\n", &format!("[fetch]\naws_sts = \"{}\"\n", sts.url));
        let server = home.start();
        server.apply(&RESOURCES.replace("ACCOUNT", ACCOUNT).replace("ROLE_ID", ROLE_ID));
        Self { server, sts, _home: home }
    }

    fn show(&self, request: &Request) -> Answer {
        self.show_token(&request.subject_token(), &[])
    }

    fn show_token(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let mut body = format!(
            "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token_type={TYPE}&subject_token={}",
            encoded(token)
        );
        for (name, value) in more {
            body.push_str(&format!("&{name}={}", encoded(value)));
        }
        let head =
            "POST /oauth/token HTTP/1.1\r\nHost: accredit.test\r\nContent-Type: application/x-www-form-urlencoded\r\n";
        self.server.connect().ask(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
    }

    /// The operator's text about a refusal.
    fn told(&self, answer: &Answer) -> String {
        self.server.accredit(["decision", &answer.decision()]).stdout
    }
}

#[test]
fn a_role_proves_itself_and_spends_its_signature() {
    let stage = Stage::new();
    let request = Request::new("accredit.test", now());
    let allowed = stage.show(&request);
    let claims = said(&allowed.access_token());
    assert_eq!(claims["aud"], "https://payments.test");
    // Evidence ends five minutes after it was signed, and the token with it.
    assert!(allowed.json()["expires_in"].as_u64().is_some_and(|left| (200..=300).contains(&left)), "{allowed:?}");
    // What was sent is what was signed, and XML was asked for; nothing else of the caller's came along.
    let head = stage.sts.last_head().to_lowercase();
    assert!(head.starts_with("post / http/1.1") && head.contains("accept: text/xml"), "{head}");
    assert!(head.contains("host: sts.eu-central-1.amazonaws.com"), "{head}");

    // The same signature again: AWS would still say yes.
    let again = stage.show(&request);
    assert_eq!((again.status, again.member("reason").as_str()), (400, "jti-reused"));
    assert_eq!(stage.show(&Request::new("accredit.test", now() - 1)).status, 200);

    // A query instead of a body, as Google's libraries have it, with the domain signed.
    let query = Request {
        query: "Action=GetCallerIdentity&Version=2011-06-15".to_owned(),
        body: String::new(),
        ..Request::new("accredit.test", now() - 2).with("content-type", None)
    };
    assert_eq!(stage.show(&query).status, 200);

    // The record keeps the facts, and neither the session token nor the signature.
    let shown = stage.server.accredit(["audit", "show", &allowed.decision()]).stdout;
    assert!(shown.contains("role_name") && shown.contains("AWS4-HMAC-SHA256"), "{shown}");
    assert!(!shown.contains("IQoJb3JpZ2lu") && !stage.server.log().contains("IQoJb3JpZ2lu"));

    // A mapping may say that a signature can be shown again.
    stage.server.apply(
        &RESOURCES.replace("ACCOUNT", ACCOUNT).replace("ROLE_ID", ROLE_ID).replace("lifetime: 15m", "replay: reuse"),
    );
    let request = Request::new("accredit.test", now() - 3);
    assert_eq!([stage.show(&request).status, stage.show(&request).status], [200, 200]);
}

/// Forged requests that never reach AWS: what is wrong with them shows without asking.
#[test]
fn forged_requests_are_refused_before_anybody_is_asked() {
    let stage = Stage::new();
    let good = || Request::new("accredit.test", now());
    let refused = [
        (Request { region: "us-west-2", ..good() }, "aws-host"),
        (Request { host: "sts.example.org".to_owned(), ..good() }.with("host", Some("sts.example.org")), "aws-host"),
        (good().with("host", Some("sts.us-west-2.amazonaws.com")), "aws-host"),
        (good().with("x-accredit-domain", None), "aws-domain-unsigned"),
        (
            Request { unsigned: vec![("X-Accredit-Domain".into(), "accredit.test".into())], ..good() }
                .with("x-accredit-domain", None),
            "aws-domain-unsigned",
        ),
        (Request { query: "Action=GetSessionToken".to_owned(), ..good() }, "aws-action"),
        (Request { body: "Action=GetSessionToken&Version=2011-06-15".to_owned(), ..good() }, "aws-action"),
        (Request { method: "GET", ..good() }, "aws-method"),
        (good().with("x-amz-security-token", None), "aws-session-token-missing"),
        (
            Request { unsigned: vec![("X-Accredit-DOMAIN".into(), "other.test".into())], ..good() },
            "aws-header-duplicate",
        ),
    ];
    for (request, code) in refused {
        let answer = stage.show(&request);
        assert_eq!((answer.status, answer.member("reason").as_str()), (400, code), "{}", answer.text());
    }
    // These know a provider, so the caller learns nothing and the operator all.
    for (request, code) in [
        (Request::new("accredit.test", now() - 301), "aws-request-expired"),
        (Request::new("accredit.test", now() + 90), "aws-request-in-future"),
        (Request::new("vault.test", now()), "aws-domain-mismatch"),
        (
            good().with("x-accredit-domain", None).with("x-vault-aws-iam-server-id", Some("accredit.test")),
            "issuer-unknown",
        ),
    ] {
        let answer = stage.show(&request);
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.json().get("reason").is_none(), "{}", answer.text());
        let told = stage.told(&answer);
        assert!(told.contains(code), "expected {code} in {told}");
    }
    for token in
        ["", "%7B", "{}", "a.b.c", "{\"method\":\"POST\",\"url\":\"https://sts.amazonaws.com\",\"headers\":[1]}"]
    {
        assert_eq!(stage.show_token(token, &[]).status, 400, "{token}");
    }
    assert_eq!(stage.sts.requests(), 0);
    // A JWT that calls itself AWS' finds no provider, nor does one for which the provider is named.
    let jwt = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJpc3MiOiJhd3MiLCJzdWIiOiJhIn0.AAAA";
    for more in [&[][..], &[("identity_provider_id", "aws")]] {
        let answer = stage.server.exchange(jwt, more);
        assert_eq!((answer.status, answer.member("error").as_str()), (400, "invalid_request"), "{}", answer.text());
    }
}

/// What only AWS can tell, and what is not believed although something in AWS' place says it (CVE-2020-16250).
#[test]
fn whatever_answers_in_the_place_of_aws_is_read_strictly() {
    let stage = Stage::new();
    let mut age = 0;
    let mut fresh = || {
        age += 1;
        Request::new("accredit.test", now() - age)
    };
    // Signed by somebody without the secret: a domain that was put in afterwards.
    let mut tampered = Request::new("elsewhere.test", now());
    let token = tampered.subject_token().replace("elsewhere.test", "accredit.test");
    let answer = stage.show_token(&token, &[]);
    assert_eq!(answer.status, 400);
    assert!(stage.told(&answer).contains("SignatureDoesNotMatch"), "{}", stage.told(&answer));
    tampered = Request::new("accredit.test", now());
    let answer = stage.show_token(&tampered.subject_token().replace("EXAMPLE%2BTOKEN", "EXAMPLE%2BTAKEN"), &[]);
    assert!(answer.status == 400 && stage.told(&answer).contains("InvalidClientTokenId"), "{answer:?}");

    for (manner, status, code) in [
        (Manner::Reflecting, 400, "aws-unreadable"),
        (Manner::Redirecting, 400, "aws-unreadable"),
        (Manner::Huge, 400, "aws-unreadable"),
        (Manner::Contradicting, 400, "aws-answer"),
        (Manner::Overloaded, 503, "aws-unavailable"),
    ] {
        stage.sts.turn(manner);
        let asked = stage.sts.requests();
        let answer = stage.show(&fresh());
        assert_eq!(answer.status, status, "{manner:?}: {}", answer.text());
        assert_eq!(stage.sts.requests(), asked + 1, "{manner:?}");
        let told = stage.told(&answer);
        assert!(told.contains(code), "{manner:?}: expected {code} in {told}");
    }
    stage.sts.turn(Manner::Honest);
    assert_eq!(stage.show(&fresh()).status, 200);
    // Nobody is asked for a provider that is switched off.
    stage.server.accredit(["provider", "disable", "aws"]).ended(0);
    let asked = stage.sts.requests();
    assert_eq!(stage.show(&fresh()).status, 400);
    assert_eq!(stage.sts.requests(), asked);
}

/// The stand-in is the server's own configuration's to name, within what it lists.
#[test]
fn a_stand_in_needs_its_range_listed() {
    let home = Home::new();
    home.configure("[fetch]\nallow = [\"127.0.0.0/8\"]", "[fetch]\naws_sts = \"http://127.0.0.1:9\"");
    let ran = home.fail_to_start();
    assert!(ran.code != Some(0) && ran.stderr.contains("fetch.aws_sts"), "{ran:?}");
}

const TYPE: &str = "urn:ietf:params:aws:token-type:aws4_request";
const RESOURCES: &str = r#"kind: Provider
name: aws
spec: {type: aws, signedRequests: {}}
---
kind: Project
name: ci
---
kind: API
name: ci/payments
spec: {audience: "https://payments.test", permissions: [payments.read]}
---
kind: ServiceAccount
name: ci/web
---
kind: Grant
name: ci/web
spec: {api: ci/payments, permissions: [payments.read], to: ci/web}
---
kind: Mapping
name: ci/web
spec:
  provider: aws
  serviceAccount: ci/web
  match: {account_id: "ACCOUNT", role_name: web, role_id: ROLE_ID}
  lifetime: 15m
"#;
