//! Identities from several servers on one PostgreSQL, and for operators who are elsewhere.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use accredit_e2e::claims::{kid, said, token};
use accredit_e2e::command::{accredit, run};
use accredit_e2e::http::Answer;
use accredit_e2e::issuer::{Issuer, now};
use accredit_e2e::jobs::{PATH, ask, authorities, await_keys, bundle, documents, job, refused, token_for};
use accredit_e2e::patience::{eventually, within, within_a_second};
use accredit_e2e::server::{Home, PUBLIC_URL, Server};
use accredit_e2e::wire::{State, Wire};
use accredit_e2e::{resources, several};
use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use accredit_id::svid::jwt::JwtSvid;
use accredit_id::svid::key::PrivateKey;
use accredit_id::svid::{pem, x509};
use accredit_id::time::Timestamp;
use accredit_test_postgres::shared;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose, SanType};
use serde_json::{Value, json};

const API: &str = "https://api.test";

/// Servers on a database of their own, with a cluster that takes the jobs of one issuer.
fn clustered(count: usize) -> Option<(Vec<Home>, accredit_e2e::issuer::Served, Vec<Server>)> {
    let homes = several::homes(shared()?, count);
    let issuer = Issuer::serve();
    let servers: Vec<Server> = thread::scope(|scope| {
        let starting: Vec<_> = homes.iter().map(|home| scope.spawn(|| home.start())).collect();
        starting.into_iter().map(|server| server.join().unwrap()).collect()
    });
    servers[0].apply(&documents(&issuer.issuer, "          replay: once\n", PATH));
    servers.iter().for_each(await_keys);
    Some((homes, issuer, servers))
}

/// One JWT-SVID.
fn svid(answer: &Answer, place: usize) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["svids"][place]["svid"].as_str().unwrap().to_owned()
}

/// Whether whoever reads the bundle of a server takes a JWT-SVID.
fn takes(server: &Server, token: &str) -> bool {
    let (_, published) = bundle(server);
    let keys = KeySet::parse(published.to_string().as_bytes(), Source::Fetched, Purpose::JwtSvid);
    let domain = "example.org".parse().unwrap();
    let read = JwtSvid::read(token, &domain, API, Timestamp::from_unix(now())).unwrap();
    keys.is_ok_and(|keys| read.verify(&keys).is_ok())
}

/// K05, L13: what one server issues the keys of all verify; a token that counts once counts once on all; a change of the cluster
/// is in force on all within the five seconds that are promised; a key that is tainted on one signs nowhere, and one that is
/// revoked is published nowhere.
#[test]
fn k05_servers_of_one_store_are_one_authority() {
    let Some((_homes, issuer, servers)) = clustered(2) else { return };
    let job = || job(&issuer.issuer, &json!({}));
    assert_eq!(bundle(&servers[0]), bundle(&servers[1]), "each has keys of its own");
    for (here, there) in [(&servers[0], &servers[1]), (&servers[1], &servers[0])] {
        let key = PrivateKey::generate().unwrap();
        let spent = job();
        let wanted = json!({"cluster": "build", "token": spent, "svids": [
            {"type": "jwt", "audience": [API]}, {"type": "x509", "csr": key.request().unwrap()},
        ]});
        let answer = ask(here, &wanted);
        assert!(takes(there, &svid(&answer, 0)));
        let chain = pem::all(&svid(&answer, 1), pem::CERTIFICATE).unwrap();
        let anchors = authorities(&bundle(there).1);
        x509::verify(&chain, &"example.org".parse().unwrap(), &anchors, Timestamp::from_unix(now())).unwrap();
        refused(&ask(there, &wanted), 401, "jti-reused");
        let told = there.accredit(["decision", &answer.decision(), "-o", "json"]).ended(0).json();
        assert_eq!((&told["verdict"], &told["cluster"]), (&json!("allow"), &json!("build")));
    }

    // Another path: nobody knows beforehand how long it takes, but no server may say the old one after five seconds.
    let path = "/{{cluster.name}}/moved/{{jwt.claim.repository_id}}";
    servers[0].apply(&documents(&issuer.issuer, "          replay: once\n", path));
    within(Duration::from_secs(5), "the other path", || {
        token_for(&servers[1], &job(), API).member("spiffe_id") == "spiffe://example.org/build/moved/123"
    });
    // What takes something away counts at once.
    servers[1].accredit(["cluster", "disable", "build"]).ended(0);
    refused(&token_for(&servers[0], &job(), API), 403, "identity-not-allowed");
    servers[1].accredit(["cluster", "enable", "build"]).ended(0);
    within(Duration::from_secs(5), "the cluster again", || token_for(&servers[0], &job(), API).status == 200);

    // The first keys have successors that every reader knows.
    let (here, there) = (&servers[0], &servers[1]);
    let before = svid(&token_for(there, &job(), API), 0);
    here.accredit(["key", "taint", &kid(&before), "--reason", "test"]).ended(0);
    let after = svid(&token_for(there, &job(), API), 0);
    assert_ne!(kid(&after), kid(&before), "it signs on");
    assert!(takes(there, &before) && takes(here, &after), "what it signed counts until it ends");
    here.accredit(["key", "revoke", &kid(&before), "--reason", "test"]).ended(0);
    assert!(!takes(here, &before));
    within_a_second("the revoked key is gone", || !takes(there, &before));
    assert!(takes(there, &after));

    // An authority that is revoked on one vouches for nobody at the other, and signs nowhere.
    let key = PrivateKey::generate().unwrap();
    let certificate = |server: &Server| {
        let wanted = json!({"cluster": "build", "token": job(), "type": "x509", "csr": key.request().unwrap()});
        pem::all(&svid(&ask(server, &wanted), 0), pem::CERTIFICATE).unwrap()
    };
    let is_trusted = |server: &Server, chain: &[Vec<u8>]| {
        let anchors = authorities(&bundle(server).1);
        x509::verify(chain, &"example.org".parse().unwrap(), &anchors, Timestamp::from_unix(now())).is_ok()
    };
    let before = certificate(here);
    let keys = there.accredit(["key", "list", "-o", "json"]).ended(0).json()["keys"].clone();
    let mut signs =
        keys.as_array().unwrap().iter().filter(|key| key["purpose"] == "x509-ca" && key["state"] == "active");
    let authority = signs.next().unwrap()["id"].as_str().unwrap().to_owned();
    assert!(is_trusted(here, &before) && is_trusted(there, &before));
    there.accredit(["key", "revoke", &authority, "--reason", "test"]).ended(0);
    assert!(is_trusted(there, &certificate(here)), "it signs on");
    within_a_second("the revoked authority is gone", || !is_trusted(here, &before));
    assert!(!is_trusted(there, &before));
    for server in &servers {
        let verified = server.accredit(["audit", "verify", "-o", "json"]).ended(0).json();
        assert_eq!(verified["breaks"], json!([]), "{verified}");
    }
}

/// K07: who cannot reach the store issues no SVID and says when to come again; the token that was shown then is not spent, and
/// what was issued before has its record.
#[test]
fn k07_a_server_that_is_cut_off_issues_no_svid() {
    let Some(cluster) = shared() else { return };
    let wire = Wire::to(cluster.port());
    let database = cluster.database();
    let home = several::home(&cluster.url_through(wire.port, database.rsplit('/').next().unwrap()));
    let (server, issuer) = (home.start(), Issuer::serve());
    server.apply(&documents(&issuer.issuer, "          replay: once\n", PATH));
    await_keys(&server);
    let mut issued = Vec::new();
    for state in [State::Cut, State::Cut] {
        eventually("an SVID", || {
            let answer = token_for(&server, &job(&issuer.issuer, &json!({})), API);
            issued.extend((answer.status == 200).then(|| answer.decision()));
            answer.status == 200
        });
        wire.be(state);
        let kept = job(&issuer.issuer, &json!({}));
        for _ in 0..2 {
            let answer = token_for(&server, &kept, API);
            refused(&answer, 503, "unavailable");
            assert!(answer.header("retry-after").is_some(), "{state:?}");
        }
        wire.be(State::Whole);
        eventually("ready again", || server.connect().get("/readyz").status == 200);
        eventually("the token that was not spent", || {
            let answer = token_for(&server, &kept, API);
            assert!(matches!(answer.status, 200 | 503), "{state:?}: {}", answer.text());
            issued.extend((answer.status == 200).then(|| answer.decision()));
            answer.status == 200
        });
        // A connection that was cut while nobody used it is noticed by whoever uses it next, who is told to come again.
        eventually("it counts once", || {
            let answer = token_for(&server, &kept, API);
            assert!(matches!(answer.status, 401 | 503), "{state:?}: {}", answer.text());
            answer.status == 401 && answer.member("code") == "jti-reused"
        });
    }
    for decision in &issued {
        let (status, record) = server.admin("GET", &format!("/v1/audit/{decision}"), &Value::Null);
        assert_eq!((status, &record["event"]), (200, &json!("svid-issued")), "{decision}");
    }
    eventually("the log is whole", || {
        let verified = server.accredit(["audit", "verify", "-o", "json"]);
        verified.code == Some(0) && verified.json()["breaks"] == json!([])
    });
}

/// An operator elsewhere mints over HTTPS with a token of his own, where the cluster lets operators; whoever only reads does not.
#[test]
fn operators_elsewhere_mint_over_https() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let authority = certificates(&home);
    // Proofs are made for the URL that administrators type, so the server must know its port beforehand.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("https://127.0.0.1:{port}");
    let tls = format!(
        "listen = \"127.0.0.1:{port}\"\nurl = \"{url}\"\ntls = {{ certificate = \"leaf.pem\", key = \"leaf.key\" }}\n\n[store]"
    );
    home.configure("[store]", &tls);
    let server = home.start();
    let usual = resources::usual(&issuer).replacen("  keys:", "  login: {workloads: true}\n  keys:", 1);
    let administrator = |name: &str, branch: &str, role: &str| {
        format!(
            "---\nkind: Administrator\nname: {name}\nspec:\n  provider: github\n  match: {{repository_id: \"123\", \
             repository_owner_id: \"98\", ref: refs/heads/{branch}}}\n  role: {role}\n"
        )
    };
    server.apply(&(usual + &administrator("robots", "main", "operator") + &administrator("eyes", "audit", "auditor")));
    let lets = documents(&issuer, "", PATH)
        .replace("      policy:\n", "      operators: {paths: [\"/build/test/*\"]}\n      policy:\n");
    server.apply(&lets.replace("https://ci.test", "https://jobs.test"));
    let elsewhere = |who: &str, arguments: &[&str]| {
        let configuration = home.path(&format!("config-{who}"));
        run(accredit().args(arguments).env("HOME", home.folder()).env("XDG_CONFIG_HOME", configuration), "")
    };
    for (who, branch) in [("robots", "main"), ("eyes", "audit")] {
        let evidence = json!({"aud": format!("{PUBLIC_URL}/admin"), "ref": format!("refs/heads/{branch}")});
        let file = home.write(&format!("{who}.jwt"), &token(&issuer, &evidence));
        let login = ["login", &url, "--ca", &authority, "--token-file", file.to_str().unwrap()];
        elsewhere(who, &login).ended(0);
    }
    let mint =
        ["svid", "mint", "--cluster", "build", "--path", "/build/test/a", "--audience", API, "--reason", "ticket 7"];
    let minted = elsewhere("robots", &mint).ended(0).stdout;
    assert_eq!(said(minted.trim())["sub"], "spiffe://example.org/build/test/a");
    assert!(takes(&server, minted.trim()));
    let paths = ["mint.key", "mint.pem"].map(|name| home.path(name).to_str().unwrap().to_owned());
    let certificate =
        [&mint[..6], &["--x509", "--key-out", &paths[0], "--cert-out", &paths[1], "--reason", "x"]].concat();
    elsewhere("robots", &certificate).ended(0);
    let chain = pem::all(&std::fs::read_to_string(&paths[1]).unwrap(), pem::CERTIFICATE).unwrap();
    assert_eq!(x509::Leaf::read(&chain[0]).unwrap().id.as_str(), "spiffe://example.org/build/test/a");
    let outside = [&mint[..4], &["--path", "/admin"], &mint[6..]].concat();
    assert!(elsewhere("robots", &outside).ended(1).stderr.contains("operator-not-allowed"));
    elsewhere("eyes", &mint).ended(3);
    let list = server.accredit(["audit", "list", "--event", "svid-issued", "-o", "json"]).ended(0).json();
    let records = list["records"].as_array().unwrap();
    assert_eq!(records.len(), 2, "{list}");
    for record in records {
        assert!(record["detail"]["actor"].as_str().unwrap().starts_with("github:repo:acme/web"), "{record}");
        assert!(!record.to_string().contains(minted.trim()), "the log has the token");
    }
}

/// A certificate for 127.0.0.1 and its key, and the path of the authority to trust.
fn certificates(home: &Home) -> String {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = vec![SanType::IpAddress("127.0.0.1".parse().unwrap())];
    let key = KeyPair::generate().unwrap();
    home.write("leaf.pem", &params.signed_by(&key, &authority).unwrap().pem());
    home.write("leaf.key", &key.serialize_pem());
    home.write("web.pem", &authority.as_ref().pem()).to_str().unwrap().to_owned()
}
