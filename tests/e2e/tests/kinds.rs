//! Every kind of provider, end to end: the starter of its page is applied to an empty server, a token in the shape of its
//! vectors is exchanged, and one of somebody else on the same platform is not.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use accredit_e2e::claims::{said, with};
use accredit_e2e::http::{Answer, Connection};
use accredit_e2e::issuer::{Issuer, now};
use accredit_e2e::jobs;
use accredit_e2e::resources::keys;
use accredit_e2e::server::{Home, PUBLIC_URL, Server};
use serde_json::{Map, Value, json};

/// A kind, the vector that its starter admits, and what a stranger's token says instead.
struct Case {
    kind: &'static str,
    vector: &'static str,
    stranger: fn() -> Value,
    account: &'static str,
}

/// F14 to F20: who has the same names on the same platform is somebody else.
#[rustfmt::skip]
const CASES: &[Case] = &[
    Case { kind: "aws", vector: "role", account: "aws/deploy", stranger: || json!({"sub": "arn:aws:iam::210987654321:role/deploy", "https://sts.amazonaws.com/": {"aws_account": "210987654321"}}) },
    Case { kind: "azure", vector: "managed-identity-v1", account: "azure/worker", stranger: || json!({"tid": "11111111-ceea-467f-9a3b-2d1c0b9a8f7e"}) },
    Case { kind: "bitbucket", vector: "branch", account: "ci/web", stranger: || json!({"repositoryUuid": "{00000000-4e5f-4a6b-8c7d-9e0f1a2b3c4d}"}) },
    Case { kind: "buildkite", vector: "with-ids", account: "ci/deploy", stranger: || json!({"organization_id": "00000000-477b-4fa8-9968-496074483ce0"}) },
    Case { kind: "circleci", vector: "branch", account: "ci/web", stranger: || json!({"oidc.circleci.com/project-id": "00000000-5f6a-4b7c-8d8e-9f0a1b2c3d4e"}) },
    Case { kind: "fly", vector: "machine", account: "fly/shop", stranger: || json!({"app_id": "3671582"}) },
    Case { kind: "gcp", vector: "cloud-run", account: "acme-prod/worker", stranger: || json!({"sub": "104367201312345678902"}) },
    Case { kind: "github", vector: "push", account: "ci/web", stranger: || json!({"repository_id": "124"}) },
    Case { kind: "gitlab", vector: "branch", account: "ci/live", stranger: || json!({"project_id": "903"}) },
    Case { kind: "google", vector: "workspace-member", account: "people/ada", stranger: || json!({"sub": "110248495921238986421"}) },
    Case { kind: "kubernetes", vector: "projected", account: "ml/worker", stranger: || json!({"kubernetes.io": {"namespace": "ml", "serviceaccount": {"name": "worker", "uid": "00000000-9c3e-4a4f-8a7d-5a4a1b2c3d03"}}}) },
    Case { kind: "modal", vector: "function", account: "modal/train", stranger: || json!({"workspace_id": "ac-0000000000000000"}) },
    Case { kind: "oidc", vector: "keycloak", account: "ml/worker", stranger: || json!({"azp": "shop"}) },
    Case { kind: "spiffe", vector: "spire", account: "ml/worker", stranger: || json!({"sub": "spiffe://example.org/ns/ml/sa/worker-2"}) },
    Case { kind: "terraform-cloud", vector: "apply", account: "terraform/live", stranger: || json!({"terraform_organization_id": "org-0000000000000000"}) },
    Case { kind: "vercel", vector: "production", account: "vercel/shop", stranger: || json!({"owner_id": "team_000000000000000000000000"}) },
];

#[test]
fn every_starter_admits_its_workload_and_nobody_else() {
    for case in CASES {
        let starter = starter(case.kind);
        let claims = vector(case.kind, case.vector);
        let issuer = stated(&starter, "issuer").unwrap_or(claims.get("iss").cloned().unwrap_or(json!("unsaid")));
        let issuer = Issuer::new(issuer.as_str().unwrap());
        let audience = stated(&starter, "audiences").map_or(json!(PUBLIC_URL), |list| list[0].clone());
        let audience = if case.kind == "modal" { claims["aud"].clone() } else { audience };
        let (_home, server) = served(&with_keys(&starter, case.kind, &issuer));

        let fresh = |changes: &Value| issuer.sign(&at_present(&claims, &issuer.url, &audience, changes));
        let answer = server.exchange(&fresh(&json!({})), &[]);
        assert_eq!(answer.status, 200, "{}: {}", case.kind, told(&server, &answer));
        let token = said(&answer.access_token());
        assert_eq!(token["sub"], account_id(&server, case.account), "{}", case.kind);

        let refused = server.exchange(&fresh(&(case.stranger)()), &[]);
        assert_eq!(refused.status, 400, "{}: {}", case.kind, told(&server, &refused));
        assert_eq!(told(&server, &refused)["reason"], "no-mapping-matched", "{}", case.kind);

        let forged = Issuer::new(&issuer.url).sign(&at_present(&claims, &issuer.url, &audience, &json!({})));
        assert_eq!(server.exchange(&forged, &[]).status, 400, "{}: another key", case.kind);
        if !claims.contains_key("iss") {
            continue;
        }
        let elsewhere = at_present(&claims, "https://elsewhere.example.org", &audience, &json!({}));
        assert_eq!(server.exchange(&issuer.sign(&elsewhere), &[]).status, 400, "{}: another issuer", case.kind);
    }
}

/// Every kind is among the cases.
#[test]
fn no_kind_is_left_out() {
    for entry in fs::read_dir(repository("vectors/providers")).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.file_name().unwrap().to_str().unwrap();
        assert!(!path.is_dir() || CASES.iter().any(|case| case.kind == kind), "`{kind}` has no case");
    }
}

/// F16, L07: two clusters of one issuer, of the same names and uids, are told apart by their keys and by who is named.
#[test]
fn clusters_of_one_issuer_are_told_apart_by_name() {
    let url = "https://kubernetes.default.svc";
    let (east, west) = (Issuer::new(url), Issuer::new(url));
    let home = Home::new();
    let server = home.start();
    for (name, issuer) in [("east", &east), ("west", &west)] {
        let file = home.write(&format!("{name}.json"), &issuer.key_set().to_string());
        let typed = format!(
            "init kubernetes --name {name} --issuer {url} --jwks {} --namespace ml --service-account worker \
             --as {name}/worker --api https://{name}.example.org",
            file.display()
        );
        let ran = server.accredit(typed.split(' ')).ended(0);
        assert!(ran.stderr.contains("pinned by name only") && ran.stderr.contains("callers name the provider"));
        server.apply(&ran.stdout);
    }
    let claims = vector("kubernetes", "projected");
    let token = |issuer: &Issuer| issuer.sign(&at_present(&claims, url, &json!([PUBLIC_URL]), &json!({})));
    let named = |token: &str, name| server.exchange(token, &[("identity_provider_id", name)]);
    for (issuer, own, other) in [(&east, "east", "west"), (&west, "west", "east")] {
        let answer = named(&token(issuer), own);
        assert_eq!(answer.status, 200, "{}", told(&server, &answer));
        assert_eq!(said(&answer.access_token())["sub"], account_id(&server, &format!("{own}/worker")));
        assert_eq!(named(&token(issuer), other).status, 400);
        assert_eq!(server.exchange(&token(issuer), &[]).status, 400, "nobody was named");
    }
}

/// I06: a pod holds the same token until the kubelet brings the next one, at four fifths of its life, and sends it whenever it
/// needs something. Each time is let through, as often as one token may come. Whoever repeats it beyond that waits, and
/// nothing of it is recorded; another pod of the same service account does not wait, nor does the pod with its next token.
/// Then it counts again.
#[test]
fn a_token_that_its_platform_caches_comes_again_at_a_bounded_rate() {
    let (home, issuer) = (Home::new(), Issuer::new("https://k8s.example.org"));
    home.configure("[fetch]", "[limits]\ntoken = { burst = 30, per_second = 1 }\n[fetch]");
    let server = home.start();
    let starter = starter("kubernetes");
    server.apply(&with_keys(&starter, "kubernetes", &issuer));
    let claims = vector("kubernetes", "projected");
    let audience = stated(&starter, "audiences").map_or(json!(PUBLIC_URL), |list| list[0].clone());
    let pod = |changes: &Value| issuer.sign(&at_present(&claims, &issuer.url, &audience, changes));
    let named = |jti: &str| pod(&json!({"jti": jti}));
    let (held, next) = (pod(&json!({})), named("9d1c3b52-6c1e-4f0a-8b57-0e5d1a2f3c4b"));
    let mut connection = server.connect();
    for round in 0..20 {
        let answer = connection.exchange(&held, &[]);
        assert_eq!(answer.status, 200, "{round}: {}", told(&server, &answer));
    }
    // Not everybody reads the file again at once.
    for token in [&next, &held, &next] {
        connection.exchange(token, &[]).access_token();
    }
    let waits = (0..60).map(|_| connection.exchange(&held, &[])).find(|answer| answer.status != 200).unwrap();
    let seconds: u64 = waits.header("retry-after").unwrap().parse().unwrap();
    assert_eq!((waits.status, waits.member("error").as_str()), (429, "slow_down"), "{}", waits.text());
    assert_eq!(waits.member("reason"), "rate-limited");
    for token in [&next, &named("0b3d5f71-2a4c-4e6f-8091-a2b3c4d5e6f7"), &pod(&json!({"jti": null}))] {
        connection.exchange(token, &[]).access_token();
    }
    let page = Connection::unix(&server.socket).get("/metrics").text().to_owned();
    assert!(page.contains("accredit_throttled_total{budget=\"token\"} 1\n"), "{page}");
    let listed = server.accredit(["audit", "list", "-o", "json"]).ended(0).stdout;
    assert!(!listed.contains(&waits.decision()), "a flood is on record one by one");
    thread::sleep(Duration::from_secs(seconds));
    connection.exchange(&held, &[]).access_token();
}

/// I06: the same holds for jobs of a cluster, whose tokens come by `allowedIssuers`; of a kind whose platform makes each token anew
/// none is counted.
#[test]
fn a_job_s_token_comes_again_at_a_bounded_rate() {
    let (home, issuer) = (Home::new(), Issuer::serve());
    home.configure("[fetch]", "[limits]\ntoken = { burst = 10, per_second = 1 }\n[fetch]");
    let server = home.start();
    let github = jobs::documents(&issuer.issuer, "", "/job");
    server.apply(&github);
    jobs::await_keys(&server);
    let ask = |token: &str| jobs::token_for(&server, token, "https://payments.example.org");
    let worker = "system:serviceaccount:ml:worker";
    let pod = |jti: &str| jobs::job(&issuer.issuer, &json!({"sub": worker, "jti": jti}));
    let held = pod("held");
    for _ in 0..30 {
        assert_eq!(ask(&held).status, 200);
    }
    let pods = github
        .replace("type: github", "type: kubernetes")
        .replace("repository_owner_id: \"98\"", &format!("sub: {worker:?}"));
    assert_eq!(pods.matches("kubernetes").count() + pods.matches(worker).count(), 2);
    server.apply(&pods);
    let waits = (0..30).map(|_| ask(&held)).find(|answer| answer.status != 200).unwrap();
    jobs::refused(&waits, 429, "rate-limited");
    assert!(waits.header("retry-after").is_some());
    let other = ask(&pod("another"));
    assert_eq!(other.status, 200, "another pod waits: {}", other.text());
}

/// TP050: what a person knows without any id can be applied, and init says where the ids are.
#[test]
fn starters_by_name_alone_are_accepted_and_say_so() {
    for typed in [
        "init bitbucket --workspace acme --repository-uuid 0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
        "init aws --account 123456789012 --role ci/deploy",
        "init buildkite --organization acme --pipeline deploy --branch release/*",
        "init fly --org acme --app shop",
        "init gcp --service-account worker@acme-prod.iam.gserviceaccount.com",
        "init github --repository acme/web --ref main --permission use",
        "init gitlab --project infra/live --ref tags/v*",
        "init google --client-id web --hosted-domain example.org",
        "init kubernetes --issuer https://k8s.example.org --namespace ml --service-account worker",
        "init oidc --issuer https://api.pulumi.com/oidc --claim organization=acme --claim email_verified=true",
        "init spiffe --trust-domain example.org --bundle https://spire.example.org/bundle --path /ns/ml/*",
        "init modal --workspace-id ac-1a2b3c --environment main --app train",
        "init terraform-cloud --organization acme --workspace live --phase plan --phase apply",
        "init vercel --team acme --project shop --environment preview --global",
    ] {
        let home = Home::new();
        let server = home.start();
        let whole = format!("{typed} --api https://payments.example.org");
        let ran = server.accredit(whole.split(' ')).ended(0);
        let is_noted = ran.stderr.starts_with("note: ") && ran.stderr.contains(" ask\n  ");
        assert!(is_noted || typed.contains("spiffe") || typed.contains("oidc"), "{typed}: {}", ran.stderr);
        server.apply(&ran.stdout);
        // And without an API: the rest stands by itself.
        if !typed.starts_with("init github") {
            let home = Home::new();
            let server = home.start();
            server.apply(&server.accredit(typed.split(' ')).ended(0).stdout);
        }
    }
}

/// An empty server with these documents.
fn served(documents: &str) -> (Home, Server) {
    let home = Home::new();
    let server = home.start();
    server.apply(documents);
    (home, server)
}

/// The documents that the page of a kind shows as what its starter prints.
fn starter(kind: &str) -> String {
    let page = fs::read_to_string(repository(&format!("docs/providers/{kind}.md"))).unwrap();
    let (_, starter) = page.split_once("\n## Starter\n").unwrap();
    let (_, yaml) = starter.split_once("\n```yaml\n").unwrap();
    format!("{}\n", yaml.split_once("\n```").unwrap().0)
}

/// What the provider of a starter states under a name.
fn stated(starter: &str, name: &str) -> Option<Value> {
    let line = starter.lines().find_map(|line| line.strip_prefix(&format!("  {name}: ")))?;
    Some(serde_json::from_str(line).unwrap())
}

/// The starter with the keys of a test's own, in place of those that it uploads or would discover.
fn with_keys(starter: &str, kind: &str, issuer: &Issuer) -> String {
    let without: String =
        starter.lines().filter(|line| !line.starts_with("  keys: ")).map(|line| format!("{line}\n")).collect();
    let place = format!("  type: {kind}\n");
    assert!(without.contains(&place));
    let mut set = issuer.key_set();
    if kind == "spiffe" {
        set["keys"][0]["use"] = json!("jwt-svid");
    }
    without.replace(&place, &format!("{place}  keys: {}\n", keys(&set)))
}

/// The claims of a vector.
fn vector(kind: &str, file: &str) -> Map<String, Value> {
    let path = repository(&format!("vectors/providers/{kind}/{file}.json"));
    let vector: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    match &vector["claims"] {
        Value::Object(claims) => claims.clone(),
        _ => panic!("{} has no claims", path.display()),
    }
}

/// The same claims as if issued now, as long as they were, for here.
fn at_present(claims: &Map<String, Value>, issuer: &str, audience: &Value, changes: &Value) -> Value {
    let issued = claims["iat"].as_i64().unwrap();
    let mut claims = claims.clone();
    for name in ["iat", "nbf", "exp"] {
        if let Some(time) = claims.get(name).and_then(Value::as_i64) {
            claims.insert(name.to_owned(), json!(now() + time - issued));
        }
    }
    if claims.contains_key("iss") {
        claims.insert("iss".to_owned(), json!(issuer));
    }
    let listed = claims["aud"].is_array() && !audience.is_array();
    claims.insert("aud".to_owned(), if listed { json!([audience]) } else { audience.clone() });
    with(Value::Object(claims), changes)
}

/// What an operator is told of an answer.
fn told(server: &Server, answer: &Answer) -> Value {
    server.accredit(["decision", &answer.decision(), "-o", "json"]).ended(0).json()
}

fn account_id(server: &Server, name: &str) -> Value {
    let account = server.accredit(["service-account", "get", name, "-o", "json"]);
    account.ended(0).json()["id"].clone()
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
