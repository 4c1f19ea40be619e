//! Delegation: who may act for a subject, what the token says of it, and what is written down.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use accredit_client::exchange::{Request, TokenEndpoint};
use accredit_client::verifier::AccessTokenVerifier;
use accredit_e2e::admin::key;
use accredit_e2e::claims::{random, said, token};
use accredit_e2e::http::Answer;
use accredit_e2e::issuer::{Issuer, now};
use accredit_e2e::resources;
use accredit_e2e::server::{Home, PUBLIC_URL, Server};
use accredit_id::base64url;
use accredit_id::jose::dpop::{ProofKey, ToProve};
use accredit_id::secret::Secret;
use accredit_id::time::Timestamp;
use serde_json::{Value, json};

/// A server where agents of a second issuer may act for the job: five of them by name.
fn served() -> (Home, Issuer, Issuer, Server) {
    let (home, issuer, agents) = (Home::new(), Issuer::new("https://ci.test"), Issuer::new("https://agents.test"));
    let server = home.start();
    apply(&server, &issuer, &agents, ACTORS);
    (home, issuer, agents, server)
}

fn apply(server: &Server, issuer: &Issuer, agents: &Issuer, more: &str) {
    let usual = resources::usual(issuer).replace("lifetime: 15m", &format!("lifetime: 15m\n{more}"));
    let keys = resources::keys(&agents.key_set());
    server.apply(&format!(
        "kind: Provider\nname: agents\nspec: {{type: oidc, issuer: {}, audit: [team], keys: {keys}}}\n---\n{usual}",
        agents.url
    ));
}

/// The token of an agent for this server.
fn agent(agents: &Issuer, name: &str, changes: &Value) -> String {
    let now = now();
    let claims = json!({
        "iss": agents.url, "aud": PUBLIC_URL, "sub": name, "iat": now, "exp": now + 300, "team": "ops",
        "jti": base64url::encode(&random()), "roles": ["admin"], "scope": "everything",
    });
    agents.sign(&accredit_e2e::claims::with(claims, changes))
}

fn acting<'p>(kind: &'p str, subject: &'p str, actor: &'p str) -> Vec<(&'p str, &'p str)> {
    vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token_type", kind),
        ("subject_token", subject),
        ("actor_token_type", JWT),
        ("actor_token", actor),
    ]
}

fn exchange(server: &Server, subject: &str, actor: &str) -> Answer {
    server.form("/oauth/token", &[], &acting(JWT, subject, actor))
}

fn further(server: &Server, token: &str, actor: &str) -> Answer {
    server.form("/oauth/token", &[], &acting(ACCESS_TOKEN, token, actor))
}

fn refused(answer: &Answer, reason: &str) {
    let body = answer.json();
    assert_eq!(
        (answer.status, &body["error"], &body["reason"]),
        (400, &json!("invalid_request"), &json!(reason)),
        "{body}"
    );
    assert!(body.get("access_token").is_none(), "{body}");
}

fn decision(server: &Server, answer: &Answer) -> Value {
    server.accredit(["decision", &answer.decision(), "-o", "json"]).ended(0).json()
}

/// H05: the token says who acts, ends with him, and copies nothing of either token; the log says it as well.
#[test]
fn h05_the_token_says_who_acts() {
    let (_home, issuer, agents, server) = served();
    let subject = token(&issuer, &json!({"scope": "admin", "roles": ["admin"], "groups": ["root"]}));
    let answer = exchange(&server, &subject, &agent(&agents, "agent-1", &json!({})));
    let access = answer.access_token();
    let claims = said(&access);
    assert_eq!(claims["act"], json!({"iss": "https://agents.test", "sub": "agent-1"}));
    let mut names: Vec<&str> = claims.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["act", "aud", "client_id", "exp", "iat", "iss", "jti", "org_id", "scope", "sub"]);
    assert_eq!(claims["scope"], "payments.read");
    let lives = claims["exp"].as_i64().unwrap() - now();
    assert!((200..=300).contains(&lives), "it ends with the actor, not after {lives} s");

    let told = decision(&server, &answer);
    assert_eq!((&told["actor"]["provider"], &told["actor"]["claims"]["team"]), (&json!("agents"), &json!("ops")));
    assert!(told["actor"]["claims"].get("roles").is_none(), "{told}");
    let record = server.accredit(["audit", "show", &answer.decision()]).ended(0).stdout;
    assert!(record.contains("actorTokenHash") && record.contains("agent-1"), "{record}");

    // Introspection tells the API the same, and nobody acts in a token without an actor.
    let plain = server.exchange(&subject, &[]).access_token();
    assert!(!said(&plain).contains_key("act"));
    let ask = |token: &str| {
        server.form("/oauth/introspect", &[("Authorization", &format!("Bearer {plain}"))], &[("token", token)]).json()
    };
    assert_eq!((&ask(&access)["active"], &ask(&access)["act"]), (&json!(true), &claims["act"]));
    assert!(ask(&plain).get("act").is_none());
    // Whoever may not act any more takes his tokens with him.
    apply(&server, &issuer, &agents, "  actors: [{provider: agents, match: {sub: agent-2}}]");
    assert_eq!((ask(&access), &ask(&plain)["active"]), (json!({"active": false}), &json!(true)));
}

/// Whoever acts is erased from the log as whoever is acted for: his token's claims, and his name in tokens that were made narrower.
#[test]
fn an_actors_values_are_erased_on_request() {
    let (_home, issuer, agents, server) = served();
    let first = exchange(&server, &token(&issuer, &json!({})), &agent(&agents, "agent-1", &json!({})));
    let second = further(&server, &first.access_token(), &agent(&agents, "agent-2", &json!({})));
    let erase = |subject: &str, provider: &str| {
        let arguments = ["audit", "erase", "--reason", "request", "--subject", subject, "--provider", provider];
        server.accredit(arguments).ended(0).stdout
    };
    let names = |answer: &Answer, name: &str| {
        let record = server.accredit(["audit", "show", &answer.decision()]).ended(0).stdout;
        record.contains(name)
    };
    assert!(names(&first, "agent-1") && names(&second, "agent-1") && names(&second, "agent-2"));
    assert_eq!(erase("agent-1", "github"), "0 records lost their values\n");
    assert_eq!(erase("agent-1", "agents"), "2 records lost their values\n");
    assert!(!names(&first, "agent-1") && !names(&second, "agent-1"));
    server.accredit(["audit", "verify"]).ended(0);
}

/// H05: an entry that does not go by `sub` names nobody once the mapping was changed: whoever was taken out takes his tokens with
/// him there, too.
#[test]
fn h05_an_entry_that_is_taken_out_takes_its_tokens() {
    let (_home, issuer, agents, server) = served();
    let entries = |text: &str| apply(&server, &issuer, &agents, &format!("  actors: [{text}]"));
    let (ops, dev) = ("{provider: agents, match: {team: ops}}", "{provider: agents, match: {team: dev}}");
    let named = "{provider: agents, match: {sub: agent-2, team: ops}}";
    entries(&format!("{ops}, {dev}, {named}"));
    let subject = token(&issuer, &json!({}));
    let plain = server.exchange(&subject, &[]).access_token();
    let bearer = format!("Bearer {plain}");
    let is_active = |token: &str| {
        let told = server.form("/oauth/introspect", &[("Authorization", &bearer)], &[("token", token)]).json();
        told["active"].as_bool().unwrap()
    };
    let narrow = |token: &str| server.form("/oauth/token", &[], &acting(ACCESS_TOKEN, token, "")[..3]);
    let by = |name: &str| exchange(&server, &subject, &agent(&agents, name, &json!({}))).access_token();
    let (one, two) = (by("agent-1"), by("agent-2"));
    let narrowed = narrow(&one).access_token();
    assert!([&one, &two, &narrowed].into_iter().all(|token| is_active(token)));

    entries(&format!("{dev}, {named}"));
    assert!(!is_active(&one) && !is_active(&narrowed), "of whoever was taken out");
    refused(&narrow(&one), "actor-not-allowed");
    assert!(is_active(&two) && is_active(&plain), "he is named, and nobody acts in the other");
    narrow(&two).access_token();
}

/// H04: whoever is not one of the mapping's actors, or does not prove that he is, acts for nobody; the operator reads why.
#[test]
fn h04_nobody_acts_unnamed() {
    let (_home, issuer, agents, server) = served();
    let subject = token(&issuer, &json!({}));
    let good = agent(&agents, "agent-1", &json!({}));
    let (own, stranger) = (key(), Issuer::new("https://agents.test"));
    let bound = agent(&agents, "agent-1", &json!({"cnf": {"jkt": own.thumbprint()}}));
    let other = agent(&agents, "agent-9", &json!({}));
    for (actor, reason) in [
        (other.clone(), "actor-not-allowed"),
        (
            token(&issuer, &json!({"sub": "repo:evil/x:ref:refs/heads/main", "repository_owner_id": "66"})),
            "actor-not-allowed",
        ),
        (subject.clone(), "actor-repeated"),
        (agent(&agents, "agent-1", &json!({"iat": now() - 300, "exp": now() - 5})), "actor-expired"),
        (agent(&agents, "agent-1", &json!({"aud": "https://elsewhere.test"})), "actor-unacceptable"),
        (agent(&agents, "agent-1", &json!({"exp": now() + 90_000})), "actor-unacceptable"),
        (agent(&stranger, "agent-1", &json!({})), "actor-unacceptable"),
        (agent(&Issuer::new("https://nobody.test"), "agent-1", &json!({})), "actor-unacceptable"),
        (agent(&agents, "agent-1", &json!({"act": {"sub": "x"}})), "act-foreign"),
        (bound, "actor-proof-missing"),
        ("rubbish".to_owned(), "actor-unacceptable"),
        (server.exchange(&subject, &[]).access_token(), "actor-unacceptable"),
    ] {
        let answer = exchange(&server, &subject, &actor);
        refused(&answer, reason);
        assert_eq!(decision(&server, &answer)["reason"], reason);
    }
    let told = decision(&server, &exchange(&server, &subject, &other));
    assert_eq!(told["considered"][0]["actors"][0]["matched"], false, "{told}");
    assert!(told["fix"].as_str().unwrap().contains("agent-9"), "{told}");
    let elsewhere = token(&issuer, &json!({"may_act": {"iss": "https://agents.test", "sub": "agent-2"}}));
    refused(&exchange(&server, &elsewhere, &good), "may-act-mismatch");
    exchange(&server, &elsewhere, &agent(&agents, "agent-2", &json!({}))).access_token();
    refused(&exchange(&server, &token(&issuer, &json!({"act": {"sub": "x"}})), &good), "act-foreign");

    // A mapping that names nobody lets nobody act; one may also insist on somebody.
    server.apply(&resources::usual(&issuer));
    let answer = exchange(&server, &subject, &good);
    refused(&answer, "actor-not-allowed");
    let told = decision(&server, &answer);
    assert!(told["summary"].as_str().unwrap().contains("has no `actors`"), "{told}");
    server.accredit_with(["apply", "-f", "-"], told["fix"].as_str().unwrap()).ended(0);
    exchange(&server, &subject, &good).access_token();
    apply(&server, &issuer, &agents, &format!("{ACTORS}\n  actorRequired: true"));
    refused(&server.exchange(&subject, &[]), "actor-required");
    exchange(&server, &subject, &good).access_token();
}

/// H05: a token of ours takes another actor, to a chain of four, none twice; without one it keeps its chain.
#[test]
fn h05_a_chain_grows_to_its_cap() {
    let (_home, issuer, agents, server) = served();
    let mut access =
        exchange(&server, &token(&issuer, &json!({})), &agent(&agents, "agent-1", &json!({}))).access_token();
    for number in 2..=4 {
        access = further(&server, &access, &agent(&agents, &format!("agent-{number}"), &json!({}))).access_token();
    }
    let level = |sub: &str, inner: Value| json!({"iss": "https://agents.test", "sub": sub, "act": inner});
    let first = json!({"iss": "https://agents.test", "sub": "agent-1"});
    let chain = level("agent-4", level("agent-3", level("agent-2", first)));
    assert_eq!(said(&access)["act"], chain);
    refused(&further(&server, &access, &agent(&agents, "agent-5", &json!({}))), "act-too-deep");
    refused(&further(&server, &access, &agent(&agents, "agent-2", &json!({}))), "actor-repeated");
    let stranger = further(&server, &access, &agent(&agents, "agent-9", &json!({})));
    refused(&stranger, "actor-not-allowed");
    let told = decision(&server, &stranger);
    assert_eq!((&told["actor"]["provider"], &told["actor"]["claims"]["team"]), (&json!("agents"), &json!("ops")));
    let record = server.accredit(["audit", "show", &stranger.decision()]).ended(0).stdout;
    assert!(record.contains("actorTokenHash") && !record.contains("everything"), "{record}");
    let narrowed: Vec<_> =
        acting(ACCESS_TOKEN, &access, "").into_iter().filter(|(name, _)| !name.starts_with("actor")).collect();
    assert_eq!(said(&server.form("/oauth/token", &[], &narrowed).access_token())["act"], chain);

    // Nobody is shed on the way, and what limits actors at first limits them afterwards.
    let short = agent(&agents, "agent-2", &json!({"exp": now() + 60}));
    let plain = server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    assert!(said(&further(&server, &plain, &short).access_token())["exp"].as_i64().unwrap() <= now() + 60);
    let limited = token(&issuer, &json!({"may_act": {"iss": "https://agents.test", "sub": "agent-2"}}));
    let limited = server.exchange(&limited, &[]).access_token();
    let again = server.form("/oauth/token", &[], &acting(ACCESS_TOKEN, &limited, "")[..3]).access_token();
    for token in [&limited, &again] {
        refused(&further(&server, token, &agent(&agents, "agent-1", &json!({}))), "may-act-mismatch");
    }
    server.accredit(["provider", "disable", "agents"]).ended(0);
    refused(&server.form("/oauth/token", &[], &narrowed), "actor-not-allowed");
}

/// L22: what an actor's provider makes fail has a decision that can be looked up and is counted, at an exchange as where a token is
/// narrowed.
#[test]
fn a_failure_of_the_actors_provider_is_told() {
    let (_home, issuer, agents, server) = served();
    let subject = token(&issuer, &json!({}));
    let own = server.exchange(&subject, &[]).access_token();
    // Nobody listens there.
    server.apply(&format!(
        "kind: Provider\nname: agents\nspec: {{type: oidc, issuer: {}, keys: {{jwksUrl: \"https://127.0.0.1:9/keys\"}}}}\n",
        agents.url
    ));
    let shown = agent(&agents, "agent-1", &json!({}));
    for answer in &[exchange(&server, &subject, &shown), further(&server, &own, &shown)] {
        assert_eq!((answer.status, answer.header("retry-after").is_some()), (503, true), "{}", answer.text());
        assert_eq!(decision(&server, answer)["reason"], "keys-unavailable");
    }
    let page = accredit_e2e::http::Connection::unix(&server.socket).get("/metrics").text().to_owned();
    let counted = page.lines().find(|line| line.contains("reason=\"keys-unavailable\"")).unwrap_or_default();
    assert!(counted.contains("provider=\"agents\"") && counted.ends_with(" 2"), "{page}");
}

/// H09: the actor presents, so his key binds the token; what the subject is bound to is not shed.
#[test]
fn h09_the_key_is_the_actors() {
    let (_home, issuer, agents, server) = served();
    let (own, other) = (key(), key());
    let bound = agent(&agents, "agent-1", &json!({"cnf": {"jkt": own.thumbprint()}}));
    let proved = |key: &ProofKey, subject: &str, actor: &str| {
        let proof = |nonce: Option<&str>| {
            let (url, now) = (format!("{PUBLIC_URL}/oauth/token"), Timestamp::from_unix(now()));
            key.prove(&ToProve { method: "POST", url: &url, nonce, access_token: None, token_id: random(), now })
        };
        let parameters = acting(JWT, subject, actor);
        let told = server.form("/oauth/token", &[("DPoP", &proof(None))], &parameters);
        let nonce = told.header("dpop-nonce").unwrap().to_owned();
        server.form("/oauth/token", &[("DPoP", &proof(Some(&nonce)))], &parameters)
    };
    let subject = token(&issuer, &json!({}));
    assert_eq!(said(&proved(&own, &subject, &bound).access_token())["cnf"], json!({"jkt": own.thumbprint()}));
    refused(&proved(&other, &subject, &bound), "actor-proof-missing");
    let tied = token(&issuer, &json!({"cnf": {"jkt": other.thumbprint()}}));
    refused(&proved(&own, &tied, &bound), "proof-missing");
}

/// H04, H05: the SDK's two ends: who acts sends both tokens, an API learns who acts.
#[test]
fn h05_the_sdk_acts_and_tells() {
    let (home, issuer, agents) = (Home::new(), Issuer::new("https://ci.test"), Issuer::new("https://agents.test"));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    home.configure("http://accredit.test", &url);
    home.configure("127.0.0.1:0", &format!("127.0.0.1:{port}"));
    let server = home.start();
    apply(&server, &issuer, &agents, ACTORS);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut request = Request::new(token(&issuer, &json!({"aud": url})));
        request.actor_token = Some(Secret::new(format!("{}\n", agent(&agents, "agent-1", &json!({"aud": url})))));
        request.actor_provider = Some("agents".to_owned());
        let access = TokenEndpoint::new(&format!("{url}/oauth/token")).unwrap().exchange(&request).await.unwrap();
        let verifier = AccessTokenVerifier::discover(&url, "https://payments.test").await.unwrap();
        let known = verifier.verify(&access.access_token, Timestamp::from_unix(now())).await.unwrap();
        let actors: Vec<_> = known.actors.iter().map(|actor| (&*actor.issuer, &*actor.subject)).collect();
        assert_eq!(actors, [("https://agents.test", "agent-1")]);
    });
    assert!(server.stop().success());
}

/// A question about an actor is answered as the road would, and says what a mapping wants of keys.
#[test]
fn a_question_may_have_an_actor_and_a_key() {
    let (home, issuer, agents, server) = served();
    let file = |name: &str, text: &str| home.write(name, text).to_str().unwrap().to_owned();
    let subject = file("subject.jwt", &token(&issuer, &json!({})));
    let actor = file("actor.jwt", &agent(&agents, "agent-1", &json!({})));
    let other = file("other.jwt", &agent(&agents, "agent-9", &json!({})));
    let typed = file("typed.json", r#"{"sub": "agent-2"}"#);
    let ask = |more: &[&str]| {
        let asked = [&["explain", "--token", &subject, "-o", "json"], more].concat();
        server.accredit(asked).json()
    };
    let told = ask(&["--actor-token", &actor]);
    assert_eq!((&told["verdict"], &told["standing"]), (&json!("allow"), &json!("verified")), "{told}");
    assert_eq!(told["actor"]["claims"]["sub"], "agent-1");
    let told = ask(&["--actor-token", &other]);
    assert_eq!(
        (&told["reason"], &told["considered"][0]["actors"][0]["matched"]),
        (&json!("actor-not-allowed"), &json!(false))
    );
    let told = ask(&["--actor-claims", &typed, "--actor-provider", "agents"]);
    assert_eq!((&told["verdict"], &told["standing"]), (&json!("allow"), &json!("typed-in")), "{told}");

    apply(&server, &issuer, &agents, "  bound: dpop");
    let told = ask(&[]);
    assert_eq!((&told["reason"], &told["considered"][0]["bound"]), (&json!("binding-required"), &json!("dpop")));
    assert_eq!(ask(&["--bound", "mtls"])["reason"], "binding-required");
    assert_eq!(ask(&["--bound", "dpop"])["verdict"], "allow");
}

const ACTORS: &str = "  actors: [{provider: agents, match: {sub: [agent-1, agent-2, agent-3, agent-4, agent-5]}}]";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
