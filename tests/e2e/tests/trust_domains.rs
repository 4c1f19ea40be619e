//! Trust domains: what they publish, how their keys live, and what stands above their authorities.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use accredit_e2e::http::{Answer, Connection};
use accredit_e2e::patience::eventually;
use accredit_e2e::server::{Home, PATIENCE, Server};
use accredit_e2e::several;
use accredit_test_postgres::shared;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

/// What a new trust domain publishes is there at once, says what clouds look for, and can be kept for as long as it says; what
/// is unknown, disabled or deleted is not there, and nothing is found by name.
#[test]
fn a_trust_domain_publishes_what_others_read() {
    let home = Home::new();
    let server = home.start();
    let id = created(&server);
    let issuer = format!("http://accredit.test/td/{id}");
    let discovery = published(&server, &id, ".well-known/openid-configuration");
    assert_eq!(
        discovery.json(),
        json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "claims_supported": ["iss", "sub", "aud", "exp", "iat"],
        })
    );
    let jwks = published(&server, &id, "jwks");
    assert_eq!(jwks.header("cache-control"), Some("public, max-age=300"));
    assert!(keys(&jwks).iter().all(|key| key["use"] == "sig" && key["alg"] == "ES256" && key["kid"].is_string()));
    let bundle = published(&server, &id, "bundle");
    assert_eq!(bundle.header("content-type"), Some("application/json"));
    assert_eq!(bundle.json()["spiffe_refresh_hint"], 300);
    let uses = |used: &str| keys(&bundle).into_iter().filter(|key| key["use"] == used).collect::<Vec<_>>();
    assert_eq!(ids(&json!({"keys": uses("jwt-svid")})), ids(&jwks.json()));
    let authorities = uses("x509-svid");
    assert_eq!(authorities.len(), 2);
    assert!(authorities.iter().all(|key| key.get("kid").is_none() && key["x5c"].as_array().unwrap().len() == 1));
    authorities.iter().for_each(|key| check_by_openssl(&home, key["x5c"][0].as_str().unwrap()));
    for document in DOCUMENTS {
        let etag = published(&server, &id, document).header("etag").unwrap().to_owned();
        let request =
            format!("GET /td/{id}/{document} HTTP/1.1\r\nhost: accredit.test\r\nif-none-match: {etag}\r\n\r\n");
        assert_eq!(server.connect().ask(request.as_bytes()).status, 304, "{document}");
    }

    let told = server.accredit(["trust-domain", "info", "example.org"]).ended(0).stdout;
    for line in
        ["SPIFFE bundle endpoint", "OIDC discovery endpoint", "key schedule", &format!("{issuer}/jwks"), "x509-ca"]
    {
        assert!(told.contains(line), "{line}: {told}");
    }
    let listed = server.accredit(["key", "list"]).ended(0).stdout;
    assert!(listed.contains("TRUST DOMAIN") && listed.contains("jwt-svid"), "{listed}");
    let metrics = server.accredit(["key", "list", "-o", "json"]).ended(0).json();
    let of_it = |key: &&Value| key["trustDomain"] == "example.org";
    assert_eq!(metrics["keys"].as_array().unwrap().iter().filter(of_it).count(), 4);

    // L02: nobody's API has the audience of an issuer of ours.
    let api = format!(
        "kind: Project\nname: shop\n---\nkind: API\nname: shop/a\nspec: {{audience: '{issuer}', permissions: [read]}}\n"
    );
    home.write("api.yaml", &api);
    let refused = server.accredit(["apply", "-f", home.path("api.yaml").to_str().unwrap()]).ended(1).stderr;
    assert!(refused.contains("is reserved"), "{refused}");

    let other = "td_00000000000000000000000000";
    let is_there = |id: &str| DOCUMENTS.map(|document| server.connect().get(&format!("/td/{id}/{document}")).status);
    assert_eq!((is_there(other), is_there("example.org")), ([404; 3], [404; 3]));
    server.apply("kind: Cluster\nname: build\nspec: {trustDomain: example.org}\n");
    let refused = server.accredit(["trust-domain", "delete", "example.org"]).ended(1).stderr;
    assert!(refused.contains("build"), "{refused}");
    server.accredit(["cluster", "delete", "build"]).ended(0);
    server.accredit(["trust-domain", "disable", "example.org"]).ended(0);
    assert_eq!(is_there(&id), [404; 3]);
    server.accredit(["trust-domain", "enable", "example.org"]).ended(0);
    assert_eq!(ids(&published(&server, &id, "jwks").json()), ids(&jwks.json()));
    let ends = server.accredit(["trust-domain", "delete", "example.org"]).ended(0).stderr;
    assert!(ends.contains("4 keys are erased"), "{ends}");
    assert_eq!(is_there(&id), [404; 3]);
    eventually("the keys are erased", || {
        let all = server.accredit(["key", "list", "--all", "-o", "json"]).ended(0).json();
        let of_it = all["keys"].as_array().unwrap().iter().filter(|key| key["trustDomain"] == json!(id)).cloned();
        of_it.filter(|key| key["state"] == "removed" && key["sealedBy"] == "").count() == 4
    });
    assert!(server.stop().success());
}

/// K04: over rotations, kill -9 and restarts, each key of a trust domain is published for as long as readers may keep what they
/// have before it signs, the number of a bundle grows with each change, and there are never many keys.
#[test]
fn k04_keys_of_a_trust_domain_are_published_before_they_sign() {
    let home = short_lived(7);
    let mut server = home.start();
    let id = created(&server);
    let began = Instant::now();
    let mut first_seen: Vec<(String, Instant)> = Vec::new();
    let mut bundles: Vec<(u64, String)> = Vec::new();
    let (mut signed, mut kills) = (BTreeSet::new(), 0);
    // The first ones sign at once.
    let first = ids(&published(&server, &id, "jwks").json());
    while signed.len() < 4 {
        assert!(began.elapsed() < 3 * PATIENCE, "{signed:?}");
        let asked = Instant::now();
        let bundle = published(&server, &id, "bundle").json();
        for kid in ids(&bundle) {
            if first_seen.iter().all(|(known, _)| *known != kid) {
                first_seen.push((kid, asked));
            }
        }
        let sequence = bundle["spiffe_sequence"].as_u64().unwrap();
        let text = bundle["keys"].to_string();
        match bundles.last() {
            Some((last, before)) => {
                assert_eq!(*last < sequence, *before != text, "{last} {sequence}");
                assert!(*last <= sequence);
            }
            None => assert!(sequence > 0),
        }
        bundles.push((sequence, text));
        assert!(bundle["keys"].as_array().unwrap().len() <= 14, "{bundle}");
        for key in active(&server, "jwt-svid") {
            if signed.insert(key.clone()) && !first.contains(&key) {
                let (_, seen) = first_seen.iter().find(|(kid, _)| *kid == key).unwrap();
                assert!(seen.elapsed() >= Duration::from_secs(3), "{key} was published {:?} ago", seen.elapsed());
            }
        }
        if kills < 2 && signed.len() > kills + 1 {
            kills += 1;
            server.kill();
            server = home.start();
        }
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(kills, 2);
    assert!(server.stop().success());
}

/// A revoked key leaves key set and bundle at once, whatever it signs, and its successor takes its place.
#[test]
fn a_revoked_key_leaves_at_once() {
    let home = Home::new();
    let server = home.start();
    let id = created(&server);
    for purpose in ["jwt-svid", "x509-ca"] {
        let before = published(&server, &id, "bundle").json();
        let key = active(&server, purpose).remove(0);
        let told = server.accredit(["key", "revoke", &key, "--reason", "stolen"]).ended(0).stdout;
        assert!(told.contains("of example.org") && told.contains("is refused"), "{told}");
        let after = published(&server, &id, "bundle").json();
        assert!(after["spiffe_sequence"].as_u64() > before["spiffe_sequence"].as_u64(), "{after}");
        let left: Vec<&Value> = before["keys"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|key| !after["keys"].as_array().unwrap().contains(key))
            .collect();
        assert_eq!(left.len(), 1, "{before} {after}");
        assert_eq!(left[0]["use"], if purpose == "jwt-svid" { "jwt-svid" } else { "x509-svid" });
        assert!(!ids(&published(&server, &id, "jwks").json()).contains(&key));
        let next = active(&server, purpose);
        assert!(next.len() == 1 && next[0] != key);
    }
    server.accredit(["key", "rotate", "--trust-domain", "example.org"]).ended(0);
    server.accredit(["key", "rotate", "--trust-domain", "other"]).ended(1);
}

/// A trust domain that signs otherwise from now on does so when its readers can know it, and discovery names both until then.
#[test]
fn a_trust_domain_changes_its_algorithm_without_a_gap() {
    let home = short_lived(86_400);
    let server = home.start();
    let id = created(&server);
    server.accredit(["trust-domain", "update", "example.org", "jwtSigning=RS256"]).ended(0);
    let algorithms = || {
        let discovery = published(&server, &id, ".well-known/openid-configuration").json();
        discovery["id_token_signing_alg_values_supported"].clone()
    };
    eventually("both are published", || algorithms() == json!(["ES256", "RS256"]));
    eventually("the new one signs", || {
        active_by(&server, "RS256").len() == 1 && active_by(&server, "ES256").is_empty()
    });
}

/// Two servers on one database publish the same keys, however many of them there are, and what one revokes none publishes.
#[test]
fn k05_servers_publish_the_same_keys() {
    let Some(cluster) = shared() else { return };
    let homes = several::homes(cluster, 2);
    let servers: Vec<Server> = homes.iter().map(Home::start).collect();
    let id = created(&servers[0]);
    let same = || {
        let [one, other] = [0, 1].map(|number| servers[number].connect().get(&format!("/td/{id}/bundle")));
        one.status == 200 && other.status == 200 && one.text() == other.text()
    };
    eventually("both publish the same", same);
    let bundle = published(&servers[0], &id, "bundle").json();
    assert_eq!(bundle["keys"].as_array().unwrap().len(), 4, "{bundle}");
    let key = active(&servers[1], "jwt-svid").remove(0);
    servers[1].accredit(["key", "revoke", &key, "--reason", "stolen"]).ended(0);
    eventually("none publishes it", || {
        servers.iter().all(|server| !ids(&published(server, &id, "jwks").json()).contains(&key)) && same()
    });
}

/// Under an upstream authority the bundle holds its root; one that cannot be used is told of, and stops nothing else.
#[test]
fn an_upstream_authority_stands_above() {
    let (home, other) = (Home::new(), Home::new());
    for home in [&home, &other] {
        let (certificate, key) = root();
        home.write("root.pem", &certificate);
        home.write("root.key", &key);
        home.configure(
            "[fetch]",
            "[trust_domains.\"example.org\".upstream]\ncertificate = \"root.pem\"\nkey = \"root.key\"\n\n[fetch]",
        );
    }
    let server = home.start();
    let id = created(&server);
    let bundle = published(&server, &id, "bundle");
    let authorities: Vec<Value> = keys(&bundle).into_iter().filter(|key| key["use"] == "x509-svid").collect();
    assert_eq!(authorities.len(), 1, "one root above both: {authorities:?}");
    check_by_openssl(&home, authorities[0]["x5c"][0].as_str().unwrap());
    let told = server.accredit(["trust-domain", "get", "example.org"]).ended(0).stdout;
    assert!(told.contains("upstream authority       ends at"), "{told}");

    other.write("root.key", &root().1);
    let server = other.start();
    let id = created(&server);
    let bundle = published(&server, &id, "bundle");
    assert!(keys(&bundle).iter().all(|key| key["use"] == "jwt-svid"), "{}", bundle.text());
    eventually("it is told of", || server.log().contains("code=\"upstream-wrong-key\""));
    let told = server.accredit(["trust-domain", "get", "example.org"]).ended(0).stdout;
    assert!(told.contains("cannot be used") && told.contains("upstream-wrong-key"), "{told}");
    // Mended files are found without a restart.
    let (certificate, key) = root();
    other.write("root.pem", &certificate);
    other.write("root.key", &key);
    eventually("its authorities are made", || {
        keys(&published(&server, &id, "bundle")).iter().any(|key| key["use"] == "x509-svid")
    });
}

/// A trust domain, with its keys.
fn created(server: &Server) -> String {
    let made = server.accredit(["trust-domain", "create", "example.org"]).ended(0).stdout;
    assert!(made.contains("trust-domain/example.org"), "{made}");
    let got = server.accredit(["trust-domain", "get", "example.org", "-o", "json"]).ended(0).json();
    let id = got["id"].as_str().unwrap().to_owned();
    eventually("it has keys", || server.connect().get(&format!("/td/{id}/bundle")).status == 200);
    eventually("all of them", || !active(server, "jwt-svid").is_empty());
    id
}

fn published(server: &Server, id: &str, document: &str) -> Answer {
    let answer = Connection::get(&mut server.connect(), &format!("/td/{id}/{document}"));
    assert_eq!(answer.status, 200, "{document}: {}", answer.text());
    answer
}

fn keys(document: &Answer) -> Vec<Value> {
    document.json()["keys"].as_array().unwrap().clone()
}

fn ids(document: &Value) -> BTreeSet<String> {
    let keys = document["keys"].as_array().unwrap();
    keys.iter().filter_map(|key| key["kid"].as_str().map(str::to_owned)).collect()
}

/// The keys that sign for a purpose of trust domains.
fn active(server: &Server, purpose: &str) -> Vec<String> {
    listed(server, |key| key["purpose"] == purpose)
}

fn active_by(server: &Server, algorithm: &str) -> Vec<String> {
    listed(server, |key| key["purpose"] == "jwt-svid" && key["algorithm"] == algorithm)
}

fn listed(server: &Server, is_meant: impl Fn(&Value) -> bool) -> Vec<String> {
    let list = server.accredit(["key", "list", "-o", "json"]).ended(0).json();
    let active = list["keys"].as_array().unwrap().iter().filter(|key| key["state"] == "active" && is_meant(key));
    active.map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

fn short_lived(every: u64) -> Home {
    let home = Home::new();
    let rotation = format!(
        "encryption = {{ file = \"kek\" }}\nrotation = {{ every_seconds = {every}, cache_seconds = 1, margin_seconds = 1, leeway_seconds = 1 }}"
    );
    home.configure("encryption = { file = \"kek\" }", &rotation);
    let limits = "[limits]\nmax_token_seconds = 10\nmax_jwt_svid_seconds = 10\nmax_x509_svid_seconds = 10\n\n[fetch]";
    home.configure("[fetch]", limits);
    home
}

/// What openssl says of an authority: that it may be one, and that it signed itself.
fn check_by_openssl(home: &Home, x5c: &str) {
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", wrapped(x5c));
    let path = home.write("authority.pem", &pem);
    let path = path.to_str().unwrap();
    let run = |arguments: &[&str]| Command::new("openssl").args(arguments).stdin(Stdio::null()).output();
    let Ok(verified) = run(&["verify", "-x509_strict", "-CAfile", path, path]) else { return };
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let text = run(&["x509", "-in", path, "-noout", "-text"]).unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("CA:TRUE") && text.contains("Certificate Sign"), "{text}");
}

fn wrapped(base64: &str) -> String {
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\n")
}

/// A root, and its key.
fn root() -> (String, String) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "root");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

const DOCUMENTS: [&str; 3] = [".well-known/openid-configuration", "jwks", "bundle"];
