//! Resources: from files into force and back, all or nothing, and what that does to the very next exchange.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::thread;

use accredit_e2e::claims::token;
use accredit_e2e::command::Ran;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::resources;
use accredit_e2e::server::{Home, Server};
use serde_json::{Value, json};

fn served() -> (Home, Issuer, Server) {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    (home, issuer, server)
}

fn export(server: &Server) -> String {
    server.accredit(["export"]).ended(0).stdout
}

fn actions(ran: &Ran) -> Vec<(String, String)> {
    let text = |change: &Value, name: &str| change[name].as_str().unwrap().to_owned();
    let changes = ran.json()["changes"].as_array().unwrap().clone();
    changes.iter().map(|change| (text(change, "action"), text(change, "name"))).collect()
}

/// The sequence moves with every change and with nothing else.
fn sequence(server: &Server) -> i64 {
    server.accredit(["status", "-o", "json"]).ended(0).json()["sequence"].as_i64().unwrap()
}

#[test]
fn what_was_exported_applies_to_no_change() {
    let (_home, issuer, server) = served();
    server.accredit(["disable", "mapping", "ci/web-main"]).ended(0);
    let before = (export(&server), sequence(&server));
    let again = server.accredit_with(["apply", "-f", "-", "--prune", "-o", "json"], &before.0).ended(0);
    assert!(actions(&again).iter().all(|(action, _)| action == "unchanged"), "{}", again.stdout);
    server.accredit_with(["diff", "-f", "-", "--exit-code"], &before.0).ended(0);
    // The files that it came from say the same.
    let same = resources::usual(&issuer).replace("name: ci/web-main\n", "name: ci/web-main\nenabled: false\n");
    let again = server.accredit_with(["apply", "-f", "-", "-o", "json"], &same).ended(0);
    assert!(actions(&again).iter().all(|(action, _)| action == "unchanged"), "{}", again.stdout);
    assert_eq!((export(&server), sequence(&server)), before);
}

/// A server that is rebuilt from a file breaks no client: ids are the same, so subjects are.
#[test]
fn ids_are_kept_when_a_server_is_rebuilt() {
    let (_home, issuer, server) = served();
    let subject = |server: &Server| {
        let answer = server.exchange(&token(&issuer, &json!({})), &[]);
        accredit_e2e::claims::said(&answer.access_token())["sub"].clone()
    };
    let (exported, before) = (export(&server), subject(&server));
    assert_eq!(exported.matches("\nid: ").count(), 7, "{exported}");
    let home = Home::new();
    let rebuilt = home.start();
    rebuilt.apply(&exported);
    assert_eq!((export(&rebuilt), subject(&rebuilt)), (exported.clone(), before));
    // An id never moves: neither to another name nor away from its own.
    let id = exported.split("name: ci/web\nid: ").nth(1).unwrap().lines().next().unwrap();
    let stolen = format!("kind: ServiceAccount\nname: ci/other\nid: {id}\n");
    let ran = rebuilt.accredit_with(["apply", "-f", "-"], &stolen).ended(1);
    assert!(
        ran.stderr.starts_with("error: stdin:3 ")
            && ran.stderr.contains(&format!("`{id}` belongs to service-account `ci/web`")),
        "{}",
        ran.stderr
    );
    let renumbered = "kind: ServiceAccount\nname: ci/web\nid: sa_00000000000000000000000009\n";
    rebuilt.accredit_with(["apply", "-f", "-"], renumbered).ended(1);
    assert_eq!(export(&rebuilt), exported);
}

#[test]
fn a_dry_run_and_a_diff_write_nothing() {
    let (_home, _issuer, server) = served();
    let before = (export(&server), sequence(&server), server.accredit(["audit", "list"]).stdout);
    let changed = before.0.replace("lifetime: 15m", "lifetime: 20m") + "---\nkind: Project\nname: new\n";
    let dry = server.accredit_with(["apply", "-f", "-", "--dry-run", "-o", "json"], &changed).ended(0);
    let actions = actions(&dry);
    assert!(
        actions.contains(&("update".to_owned(), "ci/web-main".to_owned()))
            && actions.contains(&("create".to_owned(), "new".to_owned())),
        "{actions:?}"
    );
    assert_eq!(dry.json()["dryRun"], true);
    let diff = server.accredit_with(["diff", "-f", "-", "--exit-code"], &changed).ended(1).stdout;
    assert!(
        diff.contains("- lifetime: 15m\n") && diff.contains("+ lifetime: 20m\n") && diff.contains("+ project/new\n"),
        "{diff}"
    );
    for verb in ["delete", "disable"] {
        server.accredit([verb, "mapping", "ci/web-main", "--dry-run"]).ended(0);
    }
    assert_eq!((export(&server), sequence(&server), server.accredit(["audit", "list"]).stdout), before);
}

/// One fault anywhere and nothing of the set is written; every fault is told at once, at its file and line.
#[test]
fn a_faulty_set_is_refused_whole_with_file_and_line() {
    let (home, _issuer, server) = served();
    let before = (export(&server), sequence(&server));
    home.write("good.yaml", "kind: Project\nname: new\n---\nkind: ServiceAccount\nname: new/one\n");
    home.write(
        "bad.yaml",
        "kind: Mapping\nname: new/loose\nspec:\n  provider: github\n  serviceAccount: new/one\n  match: {ref: refs/heads/main}\n\
         ---\nkind: Mapping\nname: new/typed\nspec:\n  provider: github\n  serviceAccount: new/one\n  match:\n    repository_id: 123\n\
         ---\nkind: Grant\nname: shop/new\nspec: {api: shop/payments, to: new/nobody, permissions: [payments.read]}\n",
    );
    let path = |name: &str| home.path(name).display().to_string();
    let ran = server.accredit(["apply", "-f", &path("good.yaml"), "-f", &path("bad.yaml")]).ended(1);
    for (line, words) in [(6, "does not pin"), (14, "`repository_id` is a number"), (18, "`new/nobody` does not exist")]
    {
        let place = format!("error: {}:{line} ", path("bad.yaml"));
        assert!(
            ran.stderr.lines().any(|said| said.starts_with(&place) && said.contains(words)),
            "{place}{words} in\n{}",
            ran.stderr
        );
    }
    assert_eq!((export(&server), sequence(&server)), before);
    server.accredit(["apply", "-f", &path("good.yaml")]).ended(0);
    assert!(sequence(&server) > before.1);
}

/// F22: what is disabled, deleted or narrowed refuses the very next exchange, also on a connection that is open.
#[test]
fn a_change_is_in_force_when_its_command_returns() {
    let (_home, issuer, server) = served();
    let mut connection = server.connect();
    let mut status = || connection.exchange(&token(&issuer, &json!({})), &[]).status;
    assert_eq!(status(), 200);
    for (kind, name) in [
        ("mapping", "ci/web-main"),
        ("service-account", "ci/web"),
        ("provider", "github"),
        ("project", "ci"),
        ("grant", "shop/ci-web"),
        ("api", "shop/payments"),
        ("project", "shop"),
    ] {
        server.accredit(["disable", kind, name]).ended(0);
        assert_eq!(status(), 400, "{kind} {name} is disabled");
        server.accredit(["enable", kind, name]).ended(0);
        assert_eq!(status(), 200, "{kind} {name} is enabled again");
    }
    let other = resources::usual(&issuer).replace("refs/heads/main", "refs/heads/other");
    server.apply(&other);
    assert_eq!(status(), 400);
    server.apply(&resources::usual(&issuer));
    assert_eq!(status(), 200);
    server.accredit(["delete", "mapping", "ci/web-main"]).ended(0);
    assert_eq!(status(), 400);
}

/// Operators who change things at once wait for each other; nothing is lost and everything is recorded.
#[test]
fn changes_at_once_all_land() {
    let (_home, _issuer, server) = served();
    let project =
        |thread: usize, number: usize| json!({"kind": "Project", "name": format!("at-once-{thread}-{number}")});
    let before = sequence(&server);
    thread::scope(|scope| {
        for operator in 0..8 {
            let server = &server;
            scope.spawn(move || {
                for number in 0..5 {
                    let (status, answer) =
                        server.admin("POST", "/v1/apply", &json!({"resources": [project(operator, number)]}));
                    assert_eq!(status, 200, "{answer}");
                }
            });
        }
    });
    assert_eq!(export(&server).matches("name: at-once-").count(), 40);
    assert_eq!(sequence(&server), before + 40);
    let records = server.accredit(["audit", "list", "--limit", "1000", "-o", "json"]).ended(0).json();
    let of_ours = |record: &&Value| record["summary"].as_str().is_some_and(|summary| summary.contains("at-once-"));
    assert_eq!(records["records"].as_array().unwrap().iter().filter(of_ours).count(), 40);
}

/// B05, J13: keys that are replaced verify nothing any more, from the next exchange on.
#[test]
fn replaced_keys_are_gone_at_once() {
    let (_home, issuer, server) = served();
    let other = Issuer::new("https://ci.test");
    assert_eq!(server.exchange(&token(&issuer, &json!({})), &[]).status, 200);
    assert_eq!(server.exchange(&token(&other, &json!({})), &[]).status, 400);
    server.apply(&resources::usual(&other));
    assert_eq!(server.exchange(&token(&issuer, &json!({})), &[]).status, 400);
    assert_eq!(server.exchange(&token(&other, &json!({})), &[]).status, 200);
}

/// L06: before a narrow mapping goes, its deletion says what a wide one would newly allow, and it does.
#[test]
fn a_deletion_previews_what_it_newly_allows() {
    let (_home, issuer, server) = served();
    server.apply(WIDE);
    let exchange = || server.exchange(&token(&issuer, &json!({})), &[("service_account_id", "ci/web")]);
    assert_eq!(exchange().member("reason"), "mappings-ambiguous");
    for verb in ["delete", "disable"] {
        let preview = server.accredit([verb, "mapping", "ci/web-main", "--dry-run"]).ended(0).stdout;
        assert!(preview.contains("newly allowed:") && preview.contains("`ci/web-wide`"), "{preview}");
    }
    server.accredit(["disable", "mapping", "ci/web-main"]).ended(0);
    assert_eq!(exchange().status, 200);
}

/// What is still used cannot be deleted; pruning takes away what a set leaves out, in an order that works.
#[test]
fn deleting_and_pruning_leave_nothing_dangling() {
    let (_home, issuer, server) = served();
    let before = export(&server);
    for (kind, name) in
        [("provider", "github"), ("service-account", "ci/web"), ("api", "shop/payments"), ("project", "ci")]
    {
        let ran = server.accredit(["delete", kind, name]).ended(1);
        assert!(ran.stderr.contains("is still used by"), "{}", ran.stderr);
    }
    assert_eq!(export(&server), before);
    let kept = "kind: Project\nname: shop\n---\nkind: API\nname: shop/payments\nspec: {audience: \"https://payments.test\", permissions: [payments.read, payments.write]}\n";
    let dry = server.accredit_with(["apply", "-f", "-", "--prune", "--dry-run", "-o", "json"], kept).ended(0);
    let gone = actions(&dry).into_iter().filter(|(action, _)| action == "delete").count();
    assert_eq!((gone, export(&server)), (5, before));
    server.accredit_with(["apply", "-f", "-", "--prune"], kept).ended(0);
    assert_eq!(server.exchange(&token(&issuer, &json!({})), &[]).status, 400);
    assert_eq!(export(&server).matches("kind: ").count(), 2);
    server.apply(&resources::usual(&issuer));
    assert_eq!(server.exchange(&token(&issuer, &json!({})), &[]).status, 200);
}

/// C10, J06, J09, L01, L07: what must not be written is refused with the field that is wrong.
#[test]
fn what_is_dangerous_is_refused_on_write() {
    let (_home, issuer, server) = served();
    let before = export(&server);
    let keys = resources::keys(&issuer.key_set());
    let provider = |issuer: &str, more: &str| {
        format!("kind: Provider\nname: bad\nspec:\n  type: oidc\n  issuer: {issuer}\n{more}")
    };
    for (document, words) in [
        (provider("http://accredit.test", ""), "is this server itself"),
        (provider("https://user@ci.test", ""), "has a user in it"),
        (provider("https://ci.test/?a=b", ""), "has a query or fragment"),
        (provider("https://10.0.0.1", ""), "10.0.0.1"),
        (provider("https://169.254.169.254", ""), "169.254.169.254"),
        (provider("https://other.test", "  keys: {jwksUrl: \"file:///etc/passwd\"}\n"), "is not an https URL"),
        (provider("https://ci.test", &format!("  keys: {keys}\n")), "another provider has issuer"),
        (provider("https://other.test", &format!("  keys: {}\n", keys.replace("\"kty\"", "\"d\":\"AA\",\"kty\""))), "private"),
        ("kind: Project\nname: evil\n---\nkind: API\nname: evil/copy\nspec: {audience: \"https://payments.test\", permissions: [payments.read]}\n".to_owned(), "audience of another API"),
        ("kind: Grant\nname: ci/taken\nspec: {api: shop/payments, to: ci/web, permissions: [payments.write]}\n".to_owned(), "belongs to another project"),
        ("kind: API\nname: shop/own\nspec: {audience: \"http://accredit.test/oauth/token\", permissions: [a]}\n".to_owned(), "is reserved"),
    ] {
        let ran = server.accredit_with(["apply", "-f", "-"], &document).ended(1);
        assert!(ran.stderr.starts_with("error: stdin:") && ran.stderr.contains(words), "expected `{words}`:\n{}", ran.stderr);
    }
    assert_eq!(export(&server), before);
}

const WIDE: &str = r#"kind: Mapping
name: ci/web-wide
spec:
  provider: github
  serviceAccount: ci/web
  match: {repository_id: "123", repository_owner_id: "98"}
"#;
