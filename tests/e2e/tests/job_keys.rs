//! The keys by which clusters judge their jobs, as whoever is on call meets them: shown, counted, and why they are missing.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use accredit_e2e::http::Connection;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::jobs::{AUDIENCE, PATH, ask, await_keys, documents, job, refused, token_for};
use accredit_e2e::server::{Home, Server};
use serde_json::{Value, json};

fn keys(server: &Server, cluster: &str) -> Value {
    server.accredit(["cluster", "keys", cluster, "-o", "json"]).ended(0).json()
}

fn page(server: &Server) -> String {
    let log = server.log();
    let said = log.lines().rfind(|line| line.contains("metrics are served")).unwrap();
    let address = said.split_once("address=").unwrap().1.split(' ').next().unwrap();
    Connection::tcp(address.parse().unwrap()).get("/metrics").text().to_owned()
}

fn value(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

/// An issuer that answers and one that does not, listed by two clusters: each cluster tells of its own, with why, and so do
/// the metrics, under the clusters' names.
#[test]
fn the_keys_of_a_cluster_s_issuers_are_shown() {
    let (home, issuer, gone) = (Home::new(), Issuer::serve(), Issuer::new("http://127.0.0.1:1"));
    home.configure("[fetch]", "[metrics]\nlisten = \"127.0.0.1:0\"\n[fetch]");
    let server = home.start();
    let build = documents(&issuer.issuer, "", PATH);
    let entry = |url: &str| {
        format!(
            "        - {{issuer: '{url}', type: github, audiences: ['{AUDIENCE}'], requiredClaims: {{repository_owner_id: \"98\"}}}}\n"
        )
    };
    let other = format!(
        "kind: Cluster\nname: other\nspec:\n  trustDomain: example.org\n  config:\n  - section: WorkloadAttestation\n    schema: v1\n    \
         spec:\n      jwt:\n        enabled: true\n        allowedIssuers:\n{}{}",
        entry(&issuer.issuer.url),
        entry(&gone.url)
    );
    server.apply(&format!("{build}---\n{other}"));
    await_keys(&server);

    // Looking fetches nothing.
    let told = keys(&server, "build");
    assert_eq!((&told["takesJobs"], &told["issuers"][0]["state"]), (&json!(true), &json!("unasked")));
    assert_eq!(told["issuers"][0]["audiences"], json!([AUDIENCE]));
    assert!(!page(&server).contains("accredit_job_issuer_keys_age_seconds{") && issuer.requests() == 0);

    assert_eq!(token_for(&server, &job(&issuer.issuer, &json!({})), "https://api.test").status, 200);
    let lost = ask(
        &server,
        &json!({"cluster": "other", "token": job(&gone, &json!({})), "type": "jwt", "audience": ["https://api.test"]}),
    );
    refused(&lost, 503, "unavailable");

    let told = &keys(&server, "build")["issuers"][0];
    assert_eq!(
        (&told["state"], &told["issuer"], &told["fetches"]),
        (&json!("fresh"), &json!(issuer.issuer.url), &json!(1))
    );
    assert_eq!(told["keys"][0]["kid"], issuer.issuer.key_id);
    let told = keys(&server, "other");
    // The same place is fetched from once, whichever cluster needed it.
    assert_eq!((&told["issuers"][0]["state"], issuer.fetches()), (&json!("fresh"), 1));
    let failing = &told["issuers"][1];
    assert_eq!((&failing["state"], &failing["failures"]), (&json!("failing"), &json!(1)));
    assert_eq!(failing["lastError"]["code"], "fetch-unreachable");
    let shown = server.accredit(["cluster", "keys", "other"]).ended(0);
    assert!(
        shown.stdout.contains("issuer   http://127.0.0.1:1\n") && shown.stdout.contains("error "),
        "{}",
        shown.stdout
    );
    assert!(shown.stderr.contains("warning: http://127.0.0.1:1: there are no keys"), "{}", shown.stderr);
    let status = server.accredit(["status"]).ended(0).stdout;
    assert!(status.contains("keys     not fetched of 1 job issuer, 1 of them without any\n"), "{status}");

    let page = page(&server);
    for (series, expected) in [
        (r#"accredit_job_issuer_keys_stale{cluster="build"}"#, 0.0..=0.0),
        (r#"accredit_job_issuer_keys_stale{cluster="other"}"#, 1.0..=1.0),
        (r#"accredit_job_issuer_keys_missing{cluster="build"}"#, 0.0..=0.0),
        (r#"accredit_job_issuer_keys_missing{cluster="other"}"#, 1.0..=1.0),
        (r#"accredit_job_issuer_keys_age_seconds{cluster="build"}"#, 0.0..=60.0),
        (r#"accredit_job_issuer_keys_usable_until_timestamp_seconds{cluster="build"}"#, 1.7e9..=1e11),
    ] {
        assert!(value(&page, series).is_some_and(|seen| expected.contains(&seen)), "{series}:\n{page}");
    }
    // No label says what a token says (L22).
    assert!(!page.contains("127.0.0.1:1\"") && !page.contains(&issuer.issuer.url), "{page}");

    // What no cluster lists any more nobody need look at.
    server.accredit(["cluster", "disable", "other"]).ended(0);
    assert!(!server.accredit(["status"]).ended(0).stdout.contains("keys     "));
}
