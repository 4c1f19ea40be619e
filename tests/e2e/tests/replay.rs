//! A change tried on the decisions of the past: who would newly be allowed, who newly denied, and what nobody can know.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use accredit_e2e::claims::token;
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

/// The usual mapping with other expectations.
fn mapping(name: &str, matches: &str) -> String {
    format!("kind: Mapping\nname: {name}\nspec: {{provider: github, serviceAccount: ci/web, match: {matches}}}\n")
}

fn state(server: &Server) -> (usize, Value) {
    let list = server.accredit(["audit", "list", "--limit", "1000", "-o", "json"]).ended(0).json();
    let status = server.accredit(["status", "-o", "json"]).ended(0).json();
    (list["records"].as_array().unwrap().len(), status["sequence"].clone())
}

#[test]
fn a_diff_tells_for_whom_it_matters() {
    let (home, issuer, server) = served();
    for _ in 0..3 {
        server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    }
    let mut last = String::new();
    for run in 0..2 {
        let dev =
            json!({"ref": "refs/heads/dev", "sub": "repo:acme/web:ref:refs/heads/dev", "run_id": run.to_string()});
        last = server.exchange(&token(&issuer, &dev), &[("service_account_id", "ci/web")]).decision();
    }
    server.exchange(&token(&issuer, &json!({"aud": "sts.amazonaws.com"})), &[]);
    let wider = r#"{repository_id: "123", repository_owner_id: "98", ref: [refs/heads/dev, refs/heads/next]}"#;
    let file = home.write("web.yaml", &mapping("ci/web-main", wider));
    let file = file.to_str().unwrap();

    let before = state(&server);
    let told = server.accredit(["diff", "-f", file, "--replay", "7d", "-o", "json"]).ended(0).json();
    assert_eq!(told["changes"][0]["action"], "update", "the diff itself is there as well");
    let replay = &told["replay"];
    assert_eq!((&replay["records"], &replay["subjects"]), (&json!(5), &json!(2)), "{replay}");
    assert_eq!(replay["newlyAllowed"], json!({"subjects": 1, "records": 2}));
    assert_eq!(replay["newlyDenied"], json!({"subjects": 1, "records": 3}));
    assert_eq!(replay["leftOut"]["tokenFaults"], 1);
    let allowed = &replay["changes"][0];
    assert_eq!(
        (&allowed["change"], &allowed["records"], &allowed["decision"], &allowed["askedServiceAccount"]),
        (&json!("newly-allowed"), &json!(2), &json!(last), &json!("ci/web"))
    );
    assert_eq!(
        allowed["before"]["summary"],
        "mapping `ci/web-main`: `ref` is `refs/heads/dev`, expected `refs/heads/main`"
    );
    assert_eq!(allowed["after"]["mappings"], json!(["ci/web-main"]));
    assert_eq!(replay["changes"][1]["after"]["reason"], "no-mapping-matched");

    let text = server.accredit(["apply", "-f", file, "--dry-run", "--replay", "7d"]).ended(0).stdout;
    assert!(text.contains("would newly allow 1 subject, newly deny 1\n"), "{text}");
    assert!(
        text.contains(
            "not foreseen: refusals for time, such as too-little-time-left and expired; what other audiences"
        ),
        "{text}"
    );
    assert!(text.contains("+ repo:acme/web:ref:refs/heads/dev   github   2x   last "), "{text}");
    assert!(text.contains("- repo:acme/web:ref:refs/heads/main   github   3x   last "), "{text}");
    assert_eq!(state(&server), before, "a question was recorded or changed something");

    let misused = server.accredit(["apply", "-f", file, "--replay", "7d"]).ended(2);
    assert!(misused.stderr.contains("hint: add --dry-run"), "{}", misused.stderr);
    let faulty = home.write("faulty.yaml", &mapping("ci/web-main", "{}"));
    server.accredit(["diff", "-f", faulty.to_str().unwrap(), "--replay", "7d"]).ended(1);
    assert_eq!(state(&server), before);

    server.apply(&mapping("ci/web-main", wider));
    let told = server.accredit(["diff", "-f", file, "--replay", "7d", "-o", "json"]).ended(0).json();
    assert_eq!(told["replay"]["changes"], json!([]), "what is in force is no change");
}

/// L06: a disable or a delete says by the same means what another mapping would newly allow.
#[test]
fn disabling_says_what_another_mapping_would_newly_allow() {
    let (_home, issuer, server) = served();
    server.apply(&mapping("ci/web-all", r#"{repository_id: "123", repository_owner_id: "98"}"#));
    let refused = server.exchange(&token(&issuer, &json!({})), &[]);
    assert_eq!(refused.member("reason"), "mappings-ambiguous");
    server.exchange(&token(&issuer, &json!({"ref": "refs/heads/dev"})), &[]).access_token();
    for verb in ["disable", "delete"] {
        let arguments = ["mapping", verb, "ci/web-main", "--dry-run", "--replay", "7d"];
        let told = server.accredit([&arguments[..], &["-o", "json"]].concat()).ended(0).json();
        let replay = &told["replay"];
        assert_eq!(replay["newlyAllowed"], json!({"subjects": 1, "records": 1}), "{verb}: {replay}");
        assert_eq!(replay["newlyDenied"]["subjects"], 0);
        assert_eq!(replay["changes"][0]["before"]["reason"], "mappings-ambiguous");
        assert_eq!(replay["changes"][0]["after"]["mappings"], json!(["ci/web-all"]));
        let text = server.accredit(arguments).ended(0).stdout;
        assert!(text.contains("newly allowed: tokens that match `ci/web-main` and `ci/web-all`"), "{text}");
        assert!(text.contains("after    allowed   by ci/web-all   ci/web   shop/payments"), "{text}");
    }
    assert_eq!(server.exchange(&token(&issuer, &json!({})), &[]).status, 400, "nothing was disabled");
}

/// A claim whose values are not kept makes a verdict unknown, until the provider has them kept.
#[test]
fn what_was_not_recorded_is_not_guessed() {
    let (home, issuer, server) = served();
    let job = || token(&issuer, &json!({"zone": "eu"}));
    server.exchange(&job(), &[]).access_token();
    let zone = mapping("ci/web-main", r#"{repository_id: "123", repository_owner_id: "98", zone: us}"#);
    let file = home.write("zone.yaml", &zone);
    let file = file.to_str().unwrap();
    let text = server.accredit(["diff", "-f", file, "--replay", "1h"]).ended(0).stdout;
    assert!(text.contains("would change nothing for any of them that is known\n"), "{text}");
    assert!(text.contains("1 subject (1 decision) unknown: a claim that decides is not in the records\n"), "{text}");
    assert!(
        text.contains("    after    unknown   mapping `ci/web-main` reads `zone`, which its records do not have\n"),
        "{text}"
    );
    assert!(text.ends_with("hint: add `zone` to `audit` of provider `github`; its values are recorded from then on\n"));

    let keys = resources::keys(&issuer.key_set());
    server.apply(&format!("{}  audit: [zone]\n", resources::provider("github", &issuer.url, &keys)));
    server.exchange(&job(), &[]).access_token();
    let told = server.accredit(["diff", "-f", file, "--replay", "1h", "-o", "json"]).ended(0).json();
    let replay = &told["replay"];
    assert_eq!(
        (&replay["newlyDenied"]["subjects"], &replay["unknown"]["subjects"]),
        (&json!(1), &json!(1)),
        "{replay}"
    );
    assert_eq!(replay["changes"][0]["after"]["summary"], "mapping `ci/web-main`: `zone` is `eu`, expected `us`");
}
