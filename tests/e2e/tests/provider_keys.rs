//! Keys of providers as operators meet them: staged ones, how they are, and which of them vouched for what.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use accredit_e2e::claims::token;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::resources;
use accredit_e2e::server::{Home, Server};
use serde_json::{Value, json};

fn keys(server: &Server, more: &[&str]) -> Value {
    let mut arguments = vec!["provider", "keys", "github", "-o", "json"];
    arguments.extend(more);
    server.accredit(arguments).ended(0).json()
}

fn thumbprints(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|key| key["thumbprint"].as_str().unwrap()).collect()
}

/// B12: the next set counts beside the current one, before the issuer changes over and after; the record of each exchange names
/// the key that vouched for it, and the history tells when that was whose.
#[test]
fn a_staged_set_counts_and_the_record_names_the_key() {
    let home = Home::new();
    let (old, mut new) = (Issuer::new("https://ci.test"), Issuer::new("https://ci.test"));
    new.key_id = "next".to_owned();
    let server = home.start();
    let mut documents = resources::usual(&old);
    server.apply(&documents);
    assert_eq!(server.exchange(&token(&new, &json!({})), &[]).status, 400);

    let current = format!("  keys: {}\n", resources::keys(&old.key_set()));
    documents = documents.replace(&current, &format!("{current}  nextKeys: {}\n", new.key_set()));
    assert!(documents.contains("nextKeys"));
    server.apply(&documents);
    let told = keys(&server, &[]);
    assert_eq!((&told["state"], &told["source"]), (&json!("uploaded"), &json!("uploaded")));
    let staged: Vec<_> = told["keys"].as_array().unwrap().iter().map(|key| key["staged"] == json!(true)).collect();
    assert_eq!(staged, [false, true]);
    let warning = told["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("key `next` is staged since 20"), "{warning}");

    // Before the issuer changes over and after.
    for (place, issuer) in [&old, &new].into_iter().enumerate() {
        let answer = server.exchange(&token(issuer, &json!({})), &[]);
        assert_eq!(answer.status, 200);
        let record = server.accredit(["audit", "show", &answer.decision(), "-o", "json"]).ended(0).json();
        assert_eq!(record["detail"]["keyThumbprint"], thumbprints(&told["keys"])[place]);
        assert_eq!(record["detail"]["kid"], issuer.key_id);
    }

    // The current set alone, then both: two sets were seen, and the record of each look is in the log.
    let history = told["history"].as_array().unwrap();
    let mut sizes: Vec<_> = history.iter().map(|set| set["keys"].as_array().unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2]);
    let vouched = thumbprints(&told["keys"])[0];
    assert!(history.iter().all(|set| thumbprints(&set["keys"]).contains(&vouched)));
    for set in history {
        let record = server.accredit(["audit", "show", set["record"].as_str().unwrap(), "-o", "json"]).ended(0).json();
        assert_eq!(record["event"], "provider-keys-seen");
    }
    assert_eq!(keys(&server, &["--at", "2020-01-01T00:00:00Z"])["history"], json!([]));
    let text = server.accredit(["provider", "keys", "github", "--at", "2099-01-01T00:00:00Z"]).ended(0).stdout;
    assert!(text.contains(vouched), "{text}");
}

/// What was seen outlives the process.
#[test]
fn history_is_the_stores() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    let before = keys(&server, &[])["history"].clone();
    server.stop();
    let server = home.start();
    let after = keys(&server, &[])["history"].clone();
    assert_eq!((&before[0]["record"], &before[0]["firstSeen"]), (&after[0]["record"], &after[0]["firstSeen"]));
    assert_eq!(after.as_array().unwrap().len(), 1);
    server.accredit(["audit", "verify"]).ended(0);
}

/// Health in text, JSON and YAML; looking fetches nothing.
#[test]
fn health_is_told_where_the_provider_is() {
    let home = Home::new();
    let issuer = Issuer::serve().issuer;
    let server = home.start();
    server.apply(&resources::discovered(&issuer));
    let brief = |format: &str| server.accredit(["provider", "get", "github", "-o", format]).ended(0);
    let text = brief("text");
    assert!(text.stderr.contains("keys: unasked\n"), "{}", text.stderr);
    assert_eq!(server.exchange(&token(&issuer, &json!({})), &[]).status, 200);
    let json = brief("json").json();
    assert_eq!((&json["kind"], &json["status"]["keys"]["state"]), (&json!("Provider"), &json!("fresh")));
    assert!(json["status"]["keys"]["location"].as_str().unwrap().starts_with(&issuer.url));
    let yaml = brief("yaml").stdout;
    assert!(yaml.lines().last().unwrap().starts_with("# keys: fresh, `"), "{yaml}");
    // A remark hinders nobody from applying what was read.
    let path = home.write("again.yaml", &yaml);
    server.accredit(["apply", "-f", path.to_str().unwrap()]).ended(0);
    let all = keys(&server, &[]);
    assert_eq!(all["history"][0]["location"], all["location"]);
    assert_eq!(all["history"].as_array().unwrap().len(), 1);
}
