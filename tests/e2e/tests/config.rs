//! Managed configuration of a cluster while jobs come: profiles that are linked to it, whom a change would rename, who changed what.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;

use accredit_e2e::issuer::Served;
use accredit_e2e::jobs::{AUDIENCE, POLICY, configured, job, refused, served, token_for, told};
use accredit_e2e::patience::eventually;
use accredit_e2e::server::{Home, Server};
use serde_json::{Value, json};

/// A cluster without an issuer of its own, which names jobs by their repository's id.
fn empty_cluster() -> (Home, Served, Server) {
    let (home, issuer, server) = served();
    server.apply(&configured(&[&POLICY.replace("jwt.claim.repo}", "jwt.claim.repository_id}")]));
    (home, issuer, server)
}

fn ci_cd(server: &Server, arguments: &[&str], code: i32) -> String {
    let ended = server.accredit(["ci-cd", "profile"].iter().chain(arguments).copied().collect::<Vec<_>>()).ended(code);
    ended.stdout + &ended.stderr
}

/// L27: a profile says whose jobs, a link lets them in, and each is refused as the entry that it becomes would be.
#[test]
fn a_linked_profile_lets_jobs_in_and_no_others() {
    let (_home, issuer, server) = empty_cluster();
    let issuer = &issuer.issuer;
    let ask = |claims: Value| token_for(&server, &job(issuer, &claims), "https://api.test");
    refused(&ask(json!({})), 401, "token-unacceptable");

    let of_acme = ["--type", "github", "--audience", AUDIENCE, "--required-claim", "repository_owner_id=98"];
    let url = issuer.url.as_str();
    ci_cd(&server, &[["create", "acme", "--issuer", url].as_slice(), &of_acme].concat(), 0);
    refused(&ask(json!({})), 401, "token-unacceptable");
    ci_cd(&server, &["link", "create", "build", "acme", "--trust-domain", "example.org"], 0);
    let answer = ask(json!({}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.member("spiffe_id"), "spiffe://example.org/build/repo/123/ref/refs/heads/main");
    let fork = ask(json!({"repository_owner_id": "99"}));
    refused(&fork, 403, "identity-not-allowed");
    assert_eq!(told(&server, &fork).0, "claims-required");

    // A linked one stays; disabled it lets nobody in.
    assert!(ci_cd(&server, &["delete", "acme"], 1).contains("still used by cluster `build`"));
    server.accredit(["disable", "ci-cd-profile", "acme"]).ended(0);
    refused(&ask(json!({})), 401, "token-unacceptable");
    server.accredit(["enable", "ci-cd-profile", "acme"]).ended(0);
    assert_eq!(ask(json!({})).status, 200);

    let listed = server.accredit(["ci-cd", "profile", "list", "-o", "json"]).ended(0).json();
    assert_eq!(listed["profiles"][0]["clusters"], json!(["build"]));
    ci_cd(&server, &["link", "delete", "build", "acme"], 0);
    refused(&ask(json!({})), 401, "token-unacceptable");
    ci_cd(&server, &["delete", "acme"], 0);

    // GitHub itself, and nobody said whose jobs: linked with a warning, refused to whoever comes without an agent.
    ci_cd(&server, &["create", "anybody", "--issuer", "https://token.actions.githubusercontent.com"], 0);
    assert!(ci_cd(&server, &["link", "create", "build", "anybody"], 0).contains("cluster-tenant-not-pinned"));
    let github = accredit_e2e::issuer::Issuer::new("https://token.actions.githubusercontent.com");
    let answer = token_for(&server, &job(&github, &json!({})), "https://api.test");
    refused(&answer, 401, "token-unacceptable");
    let (reason, summary, hint) = told(&server, &answer);
    assert_eq!((reason.as_str(), hint.starts_with("link a profile with")), ("tenant-not-pinned", true), "{hint}");
    assert!(summary.contains("jwt.allowedIssuers[0]") && summary.contains(" of `accredit config get"), "{summary}");

    // Each link is a revision of the cluster, and somebody's.
    let history = server.accredit(["config", "history", "cluster", "--id", "build", "-o", "json"]).ended(0).json();
    let changes = history["changes"].as_array().unwrap();
    let attested = changes.iter().filter(|change| change["sections"] == json!(["WorkloadAttestation"])).count();
    assert_eq!((attested, &changes[0]["by"], &history["notInLog"]), (4, &json!("local socket"), &json!([])));
}

/// Who would be somebody else, by the records of what was issued: counted, named, and changed by nothing but the change.
#[test]
fn a_diff_names_the_identities_that_would_change() {
    let (home, issuer, server) = served();
    let give = |claims: Value| {
        let answer = token_for(&server, &job(&issuer.issuer, &claims), "https://api.test");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.member("spiffe_id")
    };
    let main = give(json!({}));
    give(json!({}));
    let dev = give(json!({"ref": "refs/heads/dev"}));
    let other = give(json!({"repository_id": "124", "repository": "acme/other"}));
    // A refused job was given nothing.
    refused(
        &token_for(&server, &job(&issuer.issuer, &json!({"repository_owner_id": "99"})), "https://a.test"),
        403,
        "identity-not-allowed",
    );

    let file = home.path("policy.yaml");
    let diff = |path: &str, more: &str| {
        let text = format!(
            "section: SVIDIssuancePolicy\nschema: v1\nspec:\n  policy: {{pathTemplate: \"{path}\", jwt: {{ttl: 10m}}}}\n{more}"
        );
        fs::write(&file, text).unwrap();
        server.accredit(["config", "diff", "cluster", "--id", "build", file.to_str().unwrap()]).ended(0).stdout
    };
    let same = "/{{cluster.name}}/repo/{{jwt.claim.repository_id}}/ref/{{jwt.claim.ref}}";
    let told = diff(same, "");
    assert!(
        told.contains("recorded 4 records of 3 SPIFFE IDs   since ") && told.contains("3 stay as now, 0 would change"),
        "{told}"
    );

    let of_main = "  policyOverrides:\n  - when: {jwt.claim.ref: refs/heads/main}\n    policy: {pathTemplate: \"/{{cluster.name}}/main/{{jwt.claim.repository_id}}\"}\n";
    let told = diff(same, of_main);
    for line in [
        "1 stays as now, 2 would change".to_owned(),
        format!("~ {main}   2x   last "),
        "    after    spiffe://example.org/build/main/123\n".to_owned(),
        format!("~ {other}   1x   last "),
    ] {
        assert!(told.contains(&line), "{line}\n{told}");
    }
    assert!(!told.contains(&format!("~ {dev}")), "{told}");

    // For programs; and a profile that goes takes its jobs along.
    let attestation = format!(
        "section: WorkloadAttestation\nschema: v1\nspec: {{jwt: {{enabled: true, allowedIssuers: [{{issuer: '{}', type: github, audiences: ['{AUDIENCE}'], requiredClaims: {{repository_owner_id: '98', ref: refs/heads/main}}}}]}}}}\n",
        issuer.issuer.url
    );
    fs::write(&file, attestation).unwrap();
    let arguments = ["config", "diff", "cluster", "--id", "build", file.to_str().unwrap(), "-o", "json"];
    let told = server.accredit(arguments).ended(0).json();
    let identities = &told["identities"];
    assert_eq!(
        (&identities["records"], &identities["same"], &identities["changed"]),
        (&json!(4), &json!(2), &json!(1))
    );
    let gone = &identities["changes"][0];
    assert_eq!((&gone["spiffeId"], &gone["change"]), (&json!(dev), &json!("refused")));
    assert_eq!(gone["after"]["reason"], "claims-required");
    assert_eq!(told["dryRun"], true);
    // Nothing was changed.
    assert_eq!(give(json!({"ref": "refs/heads/dev"})), dev);
}

/// What retention erases of jobs' values is counted, and takes nothing from the history of a cluster.
#[test]
fn history_outlives_erased_values() {
    let (home, issuer, server) = served();
    let answer = token_for(&server, &job(&issuer.issuer, &json!({})), "https://api.test");
    assert_eq!(answer.status, 200);
    let file = home.path("policy.yaml");
    fs::write(&file, POLICY).unwrap();
    let of_build = |verb: &str, more: &[&str]| {
        let arguments = ["config", verb, "cluster", "--id", "build"].iter().chain(more).copied().collect::<Vec<_>>();
        server.accredit(arguments).ended(0)
    };
    of_build("set", &[file.to_str().unwrap()]);
    let before = of_build("history", &["-o", "json"]).json();
    assert_eq!(before["changes"].as_array().unwrap().len(), 2);
    server.accredit(["audit", "erase", "--reason", "test", "--decision", &answer.decision()]).ended(0);
    eventually("the values are gone", || {
        let shown = server.accredit(["audit", "show", &answer.decision(), "-o", "json"]).ended(0).json();
        shown["detail"].get("claims").is_none()
    });
    assert_eq!(of_build("history", &["-o", "json"]).json(), before);
    let told = of_build("diff", &[file.to_str().unwrap()]).stdout;
    assert!(told.contains("1 record left out: their values were erased"), "{told}");
}
