//! Administrators of a realm, from elsewhere: they run its clusters with the commands that everybody uses, and of other
//! realms there is nothing to see.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use accredit_e2e::admin::AdminListener;
use accredit_e2e::claims::{said, token};
use accredit_e2e::command::{Ran, accredit, run};
use accredit_e2e::issuer::Issuer;
use accredit_e2e::jobs::await_keys;
use accredit_e2e::resources;
use accredit_e2e::server::{Home, PUBLIC_URL, Server};
use serde_json::{Value, json};

const DOCUMENTS: &str = r#"kind: TrustDomain
name: example.org
---
kind: Administrator
name: pay-team
spec: {provider: github, match: {repository_id: "123", ref: refs/heads/pay}, role: realm-admin, trustDomain: example.org, realm: pay}
---
kind: Administrator
name: pay-guests
spec: {provider: github, match: {repository_id: "123", ref: refs/heads/guest}, role: realm-viewer, trustDomain: example.org, realm: pay}
---
kind: Administrator
name: oncall
spec: {provider: github, match: {repository_id: "123", ref: refs/heads/oncall}, role: operator}
---
kind: Cluster
name: ship-build
spec: {trustDomain: example.org, realm: ship}
"#;

const POLICY: &str = r#"section: SVIDIssuancePolicy
schema: v1
spec:
  policy: {pathTemplate: "/{{realm}}/repo/{{jwt.claim.repository_id}}"}
  operators: {paths: ["/pay/test/*"]}
"#;

/// Somebody who has logged in: each has a configuration of his own.
struct Somebody<'s> {
    home: &'s Home,
    name: &'s str,
}

impl<'s> Somebody<'s> {
    fn log_in(home: &'s Home, server: &Server, issuer: &Issuer, name: &'s str) -> (Self, Ran) {
        let claims = json!({"aud": format!("{PUBLIC_URL}/admin"), "ref": format!("refs/heads/{name}")});
        let file = home.write(&format!("{name}.jwt"), &token(issuer, &claims));
        let somebody = Self { home, name };
        let url = AdminListener::of(server).url();
        let ran = somebody.asks(&["login", &url, "--token-file", file.to_str().unwrap()]).ended(0);
        (somebody, ran)
    }

    fn asks(&self, arguments: &[&str]) -> Ran {
        self.tells(arguments, "")
    }

    fn tells(&self, arguments: &[&str], stdin: &str) -> Ran {
        let config = self.home.path(&format!("config-{}", self.name));
        run(accredit().args(arguments).env("HOME", self.home.folder()).env("XDG_CONFIG_HOME", config), stdin)
    }

    fn mints(&self, cluster: &str, path: &str) -> Ran {
        let asked = ["--cluster", cluster, "--path", path, "--audience", "https://a.test", "--reason", "ticket 7"];
        self.asks(&[&["svid", "mint"], asked.as_slice()].concat())
    }
}

/// K10, L23: who administers a realm runs its clusters, and of others learns and changes nothing; who only views it changes
/// nothing; and an operator, who writes no cluster, mints where its administrators let him.
#[test]
fn the_administrators_of_a_realm_run_its_clusters() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    home.configure("[store]", "listen = \"127.0.0.1:0\"\n\n[store]");
    let server = home.start();
    let usual = resources::usual(&issuer).replacen("  keys:", "  login: {workloads: true}\n  keys:", 1);
    server.apply(&format!("{usual}---\n{DOCUMENTS}"));
    await_keys(&server);
    let (pay, login) = Somebody::log_in(&home, &server, &issuer, "pay");
    assert!(login.stdout.contains("realm-admin of example.org/pay   by pay-team"), "{}", login.stdout);
    let (guest, _) = Somebody::log_in(&home, &server, &issuer, "guest");
    let (oncall, _) = Somebody::log_in(&home, &server, &issuer, "oncall");

    // A cluster of the realm: made, configured, looked at, minted in.
    let create = ["cluster", "create", "pay-build", "--trust-domain", "example.org", "--realm", "pay"];
    for (who, code) in [(&guest, 3), (&oncall, 3), (&pay, 0)] {
        let refused = who.asks(&create).ended(code).stderr;
        let says = "which takes role `owner` or `realm-admin` of its realm";
        assert!(code == 0 || refused.contains(says), "{}: {refused}", who.name);
    }
    let policy = home.write("policy.yaml", POLICY);
    let policy = policy.to_str().unwrap();
    let of = ["cluster", "--id", "pay-build"];
    let config = |verb: &str, more: &[&'static str]| -> Vec<String> {
        [&["config", verb], of.as_slice(), more].concat().into_iter().map(str::to_owned).collect()
    };
    let with_file = |verb: &str| [config(verb, &[]), vec![policy.to_owned()]].concat();
    let ask =
        |who: &Somebody<'_>, arguments: &[String]| who.asks(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    for verb in ["diff", "validate", "set"] {
        ask(&guest, &with_file(verb)).ended(3);
        ask(&pay, &with_file(verb)).ended(0);
    }
    for who in [&pay, &guest] {
        let shown = ask(who, &config("get", &[])).ended(0).stdout;
        assert!(shown.contains("pathTemplate"), "{shown}");
        let history = ask(who, &config("history", &["-o", "json"])).ended(0).json();
        assert_eq!(history["changes"].as_array().map(Vec::len), Some(2), "{history}");
    }
    let minted = pay.mints("pay-build", "/pay/test/a").ended(0).stdout;
    assert_eq!(said(minted.trim())["sub"], "spiffe://example.org/pay/test/a");
    oncall.mints("pay-build", "/pay/test/b").ended(0);
    assert!(guest.mints("pay-build", "/pay/test/c").ended(3).stderr.contains("may not mint in cluster `pay-build`"));
    assert!(pay.mints("pay-build", "/ship/test/a").ended(1).stderr.contains("operator-not-allowed"));
    let records = pay.asks(&["audit", "list", "--event", "svid-issued", "-o", "json"]).ended(0).json();
    let records = records["records"].as_array().unwrap().clone();
    let actors: Vec<&Value> = records.iter().map(|record| &record["detail"]["actor"]).collect();
    assert!(actors.len() == 2 && records.iter().all(|one| one["detail"]["realm"] == "pay"), "{records:?}");
    let decision = records[0]["id"].as_str().unwrap();
    assert!(guest.asks(&["decision", decision]).ended(0).stdout.contains("spiffe://example.org/pay/test/b"));

    // Elsewhere: what is named is not there, what would be new is refused, and what is listed is the realm's alone.
    for arguments in [
        &["get", "cluster", "ship-build"][..],
        &["config", "get", "cluster", "--id", "ship-build"],
        &["config", "history", "cluster", "--id", "ship-build"],
        &["config", "set", "cluster", "--id", "ship-build", policy],
        &["delete", "cluster", "ship-build"],
        &["cluster", "disable", "ship-build"],
        &["cluster", "keys", "ship-build"],
        &["get", "provider", "github"],
        &["get", "project", "ci"],
    ] {
        let refused = pay.asks(arguments).ended(1).stderr;
        assert!(refused.contains("does not exist"), "{arguments:?}: {refused}");
    }
    pay.mints("ship-build", "/ship/test/a").ended(1);
    for realm in [&["--realm", "ship"][..], &[]] {
        let create = ["cluster", "create", "other", "--trust-domain", "example.org"];
        let refused = pay.asks(&[create.as_slice(), realm].concat()).ended(3).stderr;
        assert!(refused.contains("may not write cluster `other`"), "{refused}");
    }
    let listed = pay.asks(&["export"]).ended(0).stdout;
    assert!(listed.contains("pay-build") && listed.contains("pay-guests"), "{listed}");
    assert!(["ship", "github.com", "ci/web", "oncall"].iter().all(|word| !listed.contains(word)), "{listed}");
    assert!(!pay.asks(&["audit", "list", "-o", "json"]).ended(0).stdout.contains("ship"));

    // What is exported reads back, and differs in nothing; nor can it be moved.
    let same = pay.tells(&["diff", "-f", "-"], &listed).ended(0);
    pay.tells(&["apply", "-f", "-"], &listed).ended(0);
    assert!(!same.stdout.contains("update"), "{}", same.stdout);
    for realm in ["realm: ship", "realm: shop"] {
        let moved = format!("kind: Cluster\nname: pay-build\nspec: {{trustDomain: example.org, {realm}}}\n");
        let refused = pay.tells(&["apply", "-f", "-"], &moved).ended(1).stderr;
        assert!(refused.contains("a cluster never changes its realm"), "{refused}");
    }
    let taken = "kind: Cluster\nname: ship-build\nspec: {trustDomain: example.org, realm: pay}\n";
    pay.tells(&["apply", "-f", "-"], taken).ended(3);

    // The role ends with its administrator.
    server.accredit(["administrator", "disable", "pay-team"]).ended(0);
    assert_ne!(pay.asks(&["list", "cluster"]).code, Some(0));
    guest.asks(&["list", "cluster"]).ended(0);
}
