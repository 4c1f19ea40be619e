//! Spiral's protocol against the real binary: what its command line administers, and what its clients exchange.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use accredit_e2e::claims::{said, token};
use accredit_e2e::http::Answer;
use accredit_e2e::issuer::{Issuer, now};
use accredit_e2e::resources::{keys, provider};
use accredit_e2e::server::{Home, Server};
use accredit_e2e::sts::{ACCOUNT, CREDENTIALS, Request, Sts, stamp};
use serde_json::{Value, json};

struct Stage {
    server: Server,
    issuer: Issuer,
    bearer: String,
    project: String,
    _home: Home,
}

impl Stage {
    fn new() -> Self {
        let sts = Sts::start();
        let home = Home::new();
        home.configure("[fetch]\n", &format!("[fetch]\naws_sts = \"{}\"\n", sts.url));
        let server = home.start();
        let issuer = Issuer::new("https://ci.test");
        let github = provider("github", &issuer.url, &keys(&issuer.key_set()));
        server.apply(&format!("{github}---\n{RESOURCES}"));
        let made = server.accredit(["token", "spiral", "--project", "lake", "-o", "json"]).ended(0).json();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Self { bearer: text("token"), project: text("project_id"), server, issuer, _home: home }
    }

    fn ask_as(&self, bearer: &str, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let authorization =
            if bearer.is_empty() { String::new() } else { format!("Authorization: Bearer {bearer}\r\n") };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: accredit.test\r\n{authorization}Content-Type: application/json\r\n"
        );
        self.server.connect().ask(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.ask_as(&self.bearer, method, path, body)
    }

    /// A workload of that name; its id.
    fn workload(&self, name: &str) -> String {
        let made = self.ask("POST", &format!("/v1/projects/{}/workloads", self.project), &json!({"name": name}));
        assert_eq!(made.status, 200, "{}", made.text());
        made.json()["workload"]["id"].as_str().unwrap().to_owned()
    }

    fn policy(&self, workload: &str, issuer: &str, conditions: &[&str]) -> Answer {
        let body = json!({"issuer": issuer, "conditions": conditions});
        self.ask("POST", &format!("/v1/workloads/{workload}/policies"), &body)
    }

    fn grant(&self, workload: &str, role: &str) -> Answer {
        let body = json!({"role_id": role, "principal": {"type": "workload", "workload_id": workload}});
        self.ask("POST", &format!("/v1/projects/{}/grants", self.project), &body)
    }

    fn exchange(&self, workload: &str) -> Answer {
        let body = json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "principal": workload,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "subject_token": token(&self.issuer, &json!({})),
        });
        self.ask_as("", "POST", "/v1/oauth2/token", &body)
    }

    /// As the client sends it: the parts of a request that it signed for us-east-1.
    fn exchange_aws(&self, workload: &str, domain: &str, at: i64) -> Answer {
        let request = Request { region: "us-east-1", ..Request::new("", at) }
            .with("x-accredit-domain", None)
            .with("x-spiral-domain", Some(domain))
            .with("host", Some("sts.us-east-1.amazonaws.com"));
        let body = json!({
            "authorization": request.authorization(), "x_amz_date": stamp(at), "x_amz_content_sha256": null,
            "x_amz_security_token": CREDENTIALS.session_token, "principal": workload,
        });
        self.ask_as("", "PUT", "/v1/auth/aws/token", &body)
    }
}

#[test]
fn a_workload_is_made_given_a_role_and_proves_itself() {
    let stage = Stage::new();
    let workload = stage.workload("loader");
    // Nothing leads there yet.
    assert_eq!(stage.exchange(&workload).status, 401);
    let policy = stage.policy(
        &workload,
        "https://ci.test",
        &["repository_id=123", "repository_owner_id=98", "ref=refs/heads/main"],
    );
    assert_eq!(policy.status, 200, "{}", policy.text());
    let made = &policy.json()["policy"];
    assert_eq!(
        (made["workload_id"].as_str(), made["issuer"].as_str()),
        (Some(workload.as_str()), Some("https://ci.test"))
    );
    assert_eq!(made["conditions"], json!(["ref=refs/heads/main", "repository_id=123", "repository_owner_id=98"]));
    let grant = stage.grant(&workload, "editor");
    assert_eq!(grant.status, 200, "{}", grant.text());
    assert_eq!(grant.json()["grant"]["role_id"], "editor");

    let allowed = stage.exchange(&workload);
    let claims = said(&allowed.access_token());
    assert_eq!(claims["org_id"], stage.project.as_str());
    assert_eq!((&claims["sub"], &claims["scope"]), (&json!(workload), &json!("table.read table.write")));
    assert!(claims["exp"].is_i64());
    // An access token opens none of the administration.
    let answer = stage.ask_as(&allowed.access_token(), "GET", "/v1/projects", &Value::Null);
    assert_eq!((answer.status, answer.member("error").as_str()), (401, "unauthenticated"));

    // The same workload on AWS, by account and role.
    let policy = stage.policy(&workload, "aws", &[&format!("account_id={ACCOUNT}"), "role_name=web"]);
    assert_eq!(policy.status, 200, "{}", policy.text());
    let answer = stage.exchange_aws(&workload, "accredit.test", now());
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(said(&answer.member("token"))["sub"], workload.as_str());
    // Signed for another server: it is our domain that is sent, so AWS finds the signature wrong.
    let answer = stage.exchange_aws(&workload, "elsewhere.test", now() - 1);
    assert_eq!((answer.status, answer.member("error").as_str()), (401, "invalid_grant"));
    assert_eq!(answer.member("message"), answer.member("error_description"));
    // Once.
    assert_eq!(stage.exchange_aws(&workload, "accredit.test", now() - 2).status, 200);

    // Lists, pages, and what was made by whom.
    let list = stage.ask("GET", &format!("/v1/workloads/{workload}/policies?page_size=1"), &Value::Null).json();
    let next = list["next_page_token"].as_str().unwrap();
    let rest = stage
        .ask("GET", &format!("/v1/workloads/{workload}/policies?page_size=1&page_token={next}"), &Value::Null)
        .json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_page_token"]), (1, &Value::Null));
    assert_ne!(list["items"][0]["id"], rest["items"][0]["id"]);
    let grants = stage
        .ask("GET", &format!("/v1/projects/{}/grants?principal=workload:{workload}", stage.project), &Value::Null)
        .json();
    assert_eq!(grants["items"].as_array().unwrap().len(), 1);
    let log = stage.server.accredit(["audit", "list", "-o", "json"]).stdout;
    assert!(log.contains("spiral-token-issued") && log.contains("spiral-policy-created"), "{log}");
    assert!(!log.contains(&stage.bearer[..40]) && !stage.server.log().contains(&stage.bearer[..40]));

    // Each taken away ends it.
    let grant = grants["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(stage.ask("DELETE", &format!("/v1/grants/{grant}"), &Value::Null).status, 204);
    assert_eq!(stage.exchange(&workload).member("reason"), "nothing-granted");
    stage.grant(&workload, "viewer");
    assert_eq!(said(&stage.exchange(&workload).access_token())["scope"], "table.read");
    let policy = rest["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(stage.ask("DELETE", &format!("/v1/policies/{policy}"), &Value::Null).status, 204);
    assert_eq!(stage.ask("DELETE", &format!("/v1/workloads/{workload}"), &Value::Null).status, 204);
    assert_eq!(stage.exchange(&workload).status, 401);
    let active = stage.ask("GET", &format!("/v1/projects/{}/workloads", stage.project), &Value::Null).json();
    assert_eq!(active["items"], json!([]));
}

#[test]
fn what_is_not_right_is_refused_with_a_message() {
    let stage = Stage::new();
    let workload = stage.workload("loader");
    for (issuer, conditions, code, words) in [
        ("https://nobody.test", &["a=b"][..], "issuer-unknown", "accredit apply"),
        ("https://ci.test", &["repository_id"], "condition-malformed", "CLAIM=VALUE"),
        ("https://ci.test", &["repository_id=12*"], "condition-malformed", "exact"),
        ("https://ci.test", &["repository_id=1", "repository_id=2"], "condition-malformed", "second"),
        ("https://ci.test", &[], "refused", "matches nothing"),
        // A shared issuer without a tenant is refused here as everywhere.
        ("https://ci.test", &["ref=refs/heads/main"], "refused", "does not pin"),
        ("aws", &["role_name=web"], "refused", "does not pin"),
    ] {
        let answer = stage.policy(&workload, issuer, conditions);
        assert_eq!((answer.status, answer.member("error").as_str()), (422, code), "{}", answer.text());
        assert!(answer.member("message").contains(words), "{}", answer.text());
    }
    let answer = stage.grant(&workload, "admin");
    assert_eq!((answer.status, answer.member("error").as_str()), (422, "role-unknown"));
    let grants = format!("/v1/projects/{}/grants", stage.project);
    let user = json!({"role_id": "editor", "principal": {"type": "org_user", "org_id": "o", "user_id": "u"}});
    assert_eq!(stage.ask("POST", &grants, &user).member("error"), "principal-unsupported");
    let answer = stage.ask("POST", &format!("/v1/workloads/{workload}/credentials"), &Value::Null);
    assert_eq!((answer.status, answer.member("error").as_str()), (422, "no-static-keys"));
    let secret = json!({"grant_type": "client_credentials", "client_id": workload, "client_secret": "s"});
    let answer = stage.ask_as("", "POST", "/v1/oauth2/token", &secret);
    assert_eq!((answer.status, answer.member("reason").as_str()), (400, "no-static-keys"));
    let again = stage.ask("POST", &format!("/v1/projects/{}/workloads", stage.project), &json!({"name": "loader"}));
    assert_eq!(again.status, 409);
    let friendly =
        stage.ask("POST", &format!("/v1/projects/{}/workloads", stage.project), &json!({"name": "The Loader"}));
    assert_eq!(friendly.json()["workload"]["name"], "The Loader");
}

/// A bearer is for one project and for a while; others' things do not exist for it.
#[test]
fn a_bearer_reaches_its_project_alone() {
    let stage = Stage::new();
    let workload = stage.workload("loader");
    let other = stage.server.accredit(["token", "spiral", "-p", "other", "--lifetime", "1m"]).ended(0).stdout;
    let other = other.trim();
    for (method, path, body) in [
        ("GET", format!("/v1/workloads/{workload}"), Value::Null),
        ("GET", "/v1/workloads/lake/loader".replace("lake/", "lake%2F"), Value::Null),
        ("DELETE", format!("/v1/workloads/{workload}"), Value::Null),
        ("GET", format!("/v1/workloads/{workload}/policies"), Value::Null),
        (
            "POST",
            format!("/v1/workloads/{workload}/policies"),
            json!({"issuer": "https://ci.test", "conditions": ["repository_id=1"]}),
        ),
        ("GET", format!("/v1/projects/{}/workloads", stage.project), Value::Null),
        ("POST", format!("/v1/projects/{}/workloads", stage.project), json!({"name": "mine"})),
        (
            "POST",
            format!("/v1/projects/{}/grants", stage.project),
            json!({"role_id": "editor", "principal": {"type": "workload", "workload_id": workload}}),
        ),
        (
            "POST",
            "/v1/projects/other/grants".to_owned(),
            json!({"role_id": "editor", "principal": {"type": "workload", "workload_id": workload}}),
        ),
    ] {
        let answer = stage.ask_as(other, method, &path, &body);
        assert_eq!(
            (answer.status, answer.member("error").as_str()),
            (404, "not-found"),
            "{method} {path}: {}",
            answer.text()
        );
    }
    assert_eq!(stage.ask_as(other, "GET", "/v1/projects", &Value::Null).json()["items"].as_array().unwrap().len(), 1);
    let mut tampered = stage.bearer.clone();
    tampered.replace_range(tampered.len() - 10..tampered.len() - 9, if tampered.ends_with('A') { "B" } else { "A" });
    for bearer in ["", "x", "a.b.c", &tampered, &token(&stage.issuer, &json!({}))] {
        let answer = stage.ask_as(bearer, "POST", "/v1/projects/lake/workloads", &json!({"name": "mine"}));
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{bearer}");
    }
    // No published key made it, so that no API can take it for an access token.
    let header = said(&format!(".{}.", stage.bearer.split('.').next().unwrap()));
    let published = stage.ask_as("", "GET", "/oauth/jwks", &Value::Null).json();
    let keys = published["keys"].as_array().unwrap();
    assert!(!keys.is_empty() && keys.iter().all(|key| key["kid"] != header["kid"]), "{header:?} {published}");
    // Nor is it a subject token, and its audience can be no API's.
    assert_eq!(stage.server.exchange(&stage.bearer, &[]).status, 400);
    let api = "kind: API\nname: lake/admin\nspec: {audience: \"http://accredit.test/spiral\", permissions: [all]}\n";
    stage.server.accredit_with(["apply", "-f", "-"], api).ended(1);
    // The project's end is the token's.
    stage.server.accredit(["project", "disable", "lake"]).ended(0);
    assert_eq!(stage.ask("GET", "/v1/projects", &Value::Null).status, 401);
    stage.server.accredit(["token", "spiral", "-p", "lake"]).ended(1);
    stage.server.accredit(["token", "spiral", "-p", "other", "--lifetime", "2h"]).ended(1);
}

const RESOURCES: &str = r#"kind: Provider
name: aws
spec: {type: aws, signedRequests: {domainHeader: x-spiral-domain}}
---
kind: Project
name: lake
---
kind: Project
name: other
---
kind: API
name: lake/tables
spec: {audience: "https://tables.test", permissions: [table.read, table.write]}
---
kind: Role
name: lake/viewer
spec: {api: lake/tables, permissions: [table.read]}
---
kind: Role
name: lake/editor
spec: {api: lake/tables, permissions: [table.read, table.write]}
"#;
