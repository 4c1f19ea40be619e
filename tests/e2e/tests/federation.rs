//! Foreign trust domains by their bundles: what is held counts, an endpoint that goes back or is somebody else changes
//! nothing, and an empty bundle revokes everything.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use accredit_e2e::http::Connection;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::partner::{Authority, Endpoint, bundle, documents, federation, jwt_svid_key, shown, svid};
use accredit_e2e::patience::{eventually, within_a_second};
use accredit_e2e::server::{Home, PUBLIC_URL, Server};
use accredit_e2e::several;
use accredit_test_postgres::shared;
use serde_json::{Value, json};

/// L15: a bundle never goes back, by whatever way, also behind a restart; an empty one with a higher sequence revokes
/// everything; a federation that is gone holds nothing.
#[test]
fn l15_a_bundle_by_the_web_counts_and_never_goes_back() {
    let (home, web) = (Home::new(), Authority::new("web"));
    home.write("web.pem", &web.pem());
    home.configure("allow = [\"127.0.0.0/8\"]", "allow = [\"127.0.0.0/8\"]\nca = [\"web.pem\"]");
    let (partner, other) = (Issuer::new("unused"), Issuer::new("unused"));
    let keys = |issuer: &Issuer| vec![jwt_svid_key(issuer)];
    let endpoint = Endpoint::serve(web.leaf("127.0.0.1"));
    endpoint.say(&bundle(Some(5), &keys(&partner)));
    let server = home.start();
    server.apply(&documents(&federation(&endpoint, "https_web", "")));
    let accepted = |server: &Server, issuer: &Issuer| {
        let answer = server.exchange(&svid(issuer), &[]);
        assert!(matches!(answer.status, 200 | 400), "{}: {}", answer.status, answer.text());
        answer.status == 200
    };
    eventually("the first bundle", || shown(&server)["state"] == "fresh");
    assert!(accepted(&server, &partner) && !accepted(&server, &other));
    assert_eq!(
        (shown(&server)["sequence"].as_u64(), shown(&server)["keys"][0]["kid"].as_str()),
        (Some(5), Some("key-1"))
    );

    let refused = |server: &Server, code: &str| {
        let ran = server.accredit(["federation", "refresh", "partner", "-o", "json"]).ended(1);
        let told = ran.json();
        assert_eq!((told["lastError"]["code"].as_str(), told["sequence"].as_u64()), (Some(code), Some(5)), "{told}");
        assert_eq!(told["state"], "stale");
        assert!(accepted(server, &partner) && !accepted(server, &other), "{code}");
    };
    endpoint.say(&bundle(Some(4), &keys(&other)));
    refused(&server, "bundle-older");
    endpoint.say(&bundle(None, &keys(&other)));
    refused(&server, "bundle-older");
    endpoint.say(&bundle(Some(4), &[]));
    refused(&server, "bundle-older");
    endpoint.say(&bundle(Some(5), &keys(&other)));
    refused(&server, "bundle-uncounted");
    endpoint.say("{\"keys\":[],\"keys\":[],\"spiffe_sequence\":6}");
    refused(&server, "fetch-bad-bundle");
    endpoint.say("<html>");
    refused(&server, "fetch-bad-bundle");
    assert!(server.log().contains("bundle-refused") && server.log().contains("sequence 4, which is older than 5"));
    // Whoever watches is told why, and nothing of what was served.
    let page = Connection::unix(&server.socket).get("/metrics").text().to_owned();
    for line in [
        "accredit_stale_bundles 1",
        r#"accredit_bundle_stale{kind="federation",name="partner"} 1"#,
        r#"accredit_bundle_refusals_total{kind="federation",name="partner",reason="bundle-older"} 3"#,
        r#"accredit_bundle_refusals_total{kind="federation",name="partner",reason="bundle-uncounted"} 1"#,
        r#"accredit_bundle_refusals_total{kind="federation",name="partner",reason="fetch-bad-bundle"} 2"#,
        r#"accredit_bundle_fetches_total{kind="federation",name="partner",outcome="allowed"} 1"#,
        r#"accredit_bundle_keys{kind="federation",name="partner",use="jwt-svid"} 1"#,
    ] {
        assert!(page.lines().any(|other| other == line), "`{line}` is not on the page:\n{page}");
    }
    assert!(!page.contains("partner.example") && !page.contains("127.0.0.1"), "{page}");
    endpoint.say(&bundle(Some(4), &keys(&other)));
    assert!(server.stop().success());

    let server = home.start();
    eventually("a fetch behind the restart", || !shown(&server)["lastError"].is_null());
    refused(&server, "bundle-older");
    let records = server.accredit(["audit", "list", "--limit", "200", "-o", "json"]).ended(0).stdout;
    assert!(records.contains("bundle-replaced") && records.contains("bundle-refused"), "{records}");
    alarmed(&server, &["bundle-older sequence 5", "bundle-uncounted sequence 5"]);

    endpoint.say(&bundle(Some(6), &[]));
    let told = server.accredit(["federation", "refresh", "partner", "-o", "json"]).ended(0).json();
    assert_eq!((told["state"].as_str(), told["sequence"].as_u64()), (Some("revoked"), Some(6)));
    assert!(!accepted(&server, &partner) && !accepted(&server, &other));
    endpoint.say(&bundle(Some(7), &keys(&other)));
    server.accredit(["federation", "refresh", "partner"]).ended(0);
    assert!(accepted(&server, &other) && !accepted(&server, &partner));
    let text = server.accredit(["federation", "get", "partner"]).ended(0).stdout;
    assert!(text.contains("sequence") && text.contains("age") && text.contains("https_web"), "{text}");

    // What does not count lends no keys, and what counts again lends those that were held.
    server.accredit(["federation", "disable", "partner"]).ended(0);
    assert_ne!(server.exchange(&svid(&other), &[]).status, 200);
    server.accredit(["federation", "enable", "partner"]).ended(0);
    assert!(accepted(&server, &other));
    for gone in [["mapping", "delete", "ci/mesh"], ["provider", "delete", "mesh"], ["federation", "delete", "partner"]]
    {
        server.accredit(gone).ended(0);
    }
    assert!(!accepted(&server, &other));
    assert!(server.stop().success());
}

/// L15: two servers of one store hold one bundle. What one of them fetches the other verifies by, also where it cannot reach the
/// endpoint itself; neither goes back, and what one refuses is an alarm to both.
#[test]
fn l15_servers_of_one_store_hold_one_bundle() {
    let Some(cluster) = shared() else { return };
    let (homes, web) = (several::homes(cluster, 2), Authority::new("web"));
    homes[0].write("web.pem", &web.pem());
    homes[0].configure("allow = [\"127.0.0.0/8\"]", "allow = [\"127.0.0.0/8\"]\nca = [\"web.pem\"]");
    let (partner, other) = (Issuer::new("unused"), Issuer::new("unused"));
    let endpoint = Endpoint::serve(web.leaf("127.0.0.1"));
    endpoint.say(&bundle(Some(5), &[jwt_svid_key(&partner)]));
    let (here, there) = (homes[0].start(), homes[1].start());
    here.apply(&documents(&federation(&endpoint, "https_web", "")));
    eventually("the first bundle", || shown(&here)["state"] == "fresh");
    let accepted = |server: &Server, issuer: &Issuer| server.exchange(&svid(issuer), &[]).status == 200;
    within_a_second("the bundle of the other server", || accepted(&there, &partner));
    assert!(!accepted(&there, &other));
    // The other one does not trust the endpoint's authority, so it brings nothing itself.
    let refused = there.accredit(["federation", "refresh", "partner", "-o", "json"]).ended(1).json();
    assert_eq!((refused["lastError"]["code"].as_str(), refused["sequence"].as_u64()), (Some("fetch-tls"), Some(5)));
    endpoint.say(&bundle(Some(6), &[jwt_svid_key(&other)]));
    here.accredit(["federation", "refresh", "partner"]).ended(0);
    within_a_second("the next bundle", || accepted(&there, &other) && !accepted(&there, &partner));
    endpoint.say(&bundle(Some(5), &[jwt_svid_key(&partner)]));
    here.accredit(["federation", "refresh", "partner"]).ended(1);
    assert_eq!(shown(&here)["sequence"], 6);
    alarmed(&here, &["bundle-older sequence 6"]);
    eventually("the alarm", || alarms(&there) == ["bundle-older sequence 6"]);
    assert!(here.stop().success());
    // Whoever starts later begins with what is held, and not with what is served.
    let again = homes[0].start();
    assert!(accepted(&again, &other) && !accepted(&again, &partner) && accepted(&there, &other));
    assert!(again.stop().success() && there.stop().success());
}

/// An endpoint of profile `https_spiffe` is known by its X509-SVID under the bundle that is held, and by nothing else; a new
/// authority is learned from the endpoint while the old one still vouches for it.
#[test]
fn l15_an_endpoint_is_known_by_its_own_trust_domain() {
    let (home, partner) = (Home::new(), Issuer::new("unused"));
    let (first, second, stranger) = (Authority::new("first"), Authority::new("second"), Authority::new("stranger"));
    let id = "spiffe://partner.example/bundle";
    let endpoint = Endpoint::serve(stranger.svid(id));
    endpoint.say(&bundle(Some(1), &[first.key(), jwt_svid_key(&partner)]));
    let server = home.start();
    let bootstrap = bundle(Some(1), &[first.key()]);
    let more = format!("  endpointSpiffeId: {id}\n  bootstrapBundle: {bootstrap}\n");
    server.apply(&documents(&federation(&endpoint, "https_spiffe", &more)));
    let refresh = |code: i32| server.accredit(["federation", "refresh", "partner", "-o", "json"]).ended(code).json();
    eventually("the first fetch", || !shown(&server)["lastError"].is_null());
    for somebody_else in [
        stranger.svid(id),
        first.svid("spiffe://partner.example/other"),
        first.svid("spiffe://partner.example/bundle/x"),
        first.svid("spiffe://other.example/bundle"),
        first.leaf("127.0.0.1"),
    ] {
        endpoint.be(somebody_else);
        let told = refresh(1);
        assert_eq!(
            (told["lastError"]["code"].as_str(), told["state"].as_str()),
            (Some("fetch-tls"), Some("failing")),
            "{told}"
        );
    }
    assert_ne!(server.exchange(&svid(&partner), &[]).status, 200);

    endpoint.be(first.svid(id));
    assert_eq!(refresh(0)["authorities"][0]["names"], json!(["spiffe://partner.example"]));
    assert_eq!(server.exchange(&svid(&partner), &[]).status, 200);
    // The next authority is in the bundle before anything is signed by it.
    endpoint.be(second.svid(id));
    assert_eq!(refresh(1)["lastError"]["code"], "fetch-tls");
    endpoint.be(first.svid(id));
    endpoint.say(&bundle(Some(2), &[first.key(), second.key(), jwt_svid_key(&partner)]));
    assert_eq!(refresh(0)["sequence"], 2);
    endpoint.be(second.svid(id));
    endpoint.say(&bundle(Some(3), &[second.key(), jwt_svid_key(&partner)]));
    assert_eq!(refresh(0)["sequence"], 3);
    // The bootstrap bundle has done its work.
    endpoint.be(first.svid(id));
    assert_eq!(refresh(1)["lastError"]["code"], "fetch-tls");
    assert_eq!(server.exchange(&svid(&partner), &[]).status, 200);
    assert!(server.stop().success());
}

/// A provider's own bundle endpoint, and the discovery of a trust domain whose keys say no use.
#[test]
fn providers_know_trust_domains_by_bundle_and_by_discovery() {
    let (home, web, partner) = (Home::new(), Authority::new("web"), Issuer::serve());
    home.write("web.pem", &web.pem());
    home.configure("allow = [\"127.0.0.0/8\"]", "allow = [\"127.0.0.0/8\"]\nca = [\"web.pem\"]");
    let endpoint = Endpoint::serve(web.leaf("127.0.0.1"));
    endpoint.say(&bundle(Some(1), &[jwt_svid_key(&partner.issuer)]));
    let server = home.start();
    let provider = |keys: &str| {
        format!("kind: Provider\nname: mesh\nspec: {{type: spiffe, trustDomain: partner.example, keys: {keys}}}\n")
    };
    let by_bundle = provider(&format!("{{spiffeBundle: {{url: 'https://127.0.0.1:{}/bundle'}}}}", endpoint.port));
    server.apply(&documents(&by_bundle));
    assert_eq!(server.exchange(&svid(&partner.issuer), &[]).status, 200);
    let keys = server.accredit(["provider", "keys", "mesh", "-o", "json"]).ended(0).json();
    assert_eq!((keys["source"].as_str(), keys["state"].as_str()), (Some("spiffeBundle"), Some("fresh")), "{keys}");
    eventually("its history", || {
        let keys = server.accredit(["provider", "keys", "mesh", "-o", "json"]).ended(0).json();
        keys["history"].as_array().is_some_and(|history| !history.is_empty())
    });
    endpoint.say(&bundle(Some(2), &[]));
    server.accredit(["provider", "delete", "mesh", "--dry-run"]);
    server.apply(&provider(&format!("{{discovery: {{url: '{}'}}}}", partner.issuer.url)));
    assert_eq!(server.exchange(&svid(&partner.issuer), &[]).status, 200);
    let keys = server.accredit(["provider", "keys", "mesh", "-o", "json"]).ended(0).json();
    assert_eq!(keys["source"], "discovery", "{keys}");
    assert!(server.stop().success());
}

/// Two servers federate both ways: one is read by the web, the other by an X509-SVID of its trust domain that it mints itself.
/// What each publishes is what the other holds, and what a static site of it says.
#[test]
fn two_servers_hold_each_others_bundles() {
    let (one, two, web) = (Home::new(), Home::new(), Authority::new("web"));
    let (certificate, key) = web.leaf("127.0.0.1");
    one.write("leaf.pem", &pem("CERTIFICATE", &certificate));
    one.write("leaf.key", &pem("PRIVATE KEY", &key));
    one.configure(
        "listen = \"127.0.0.1:0\"",
        "listen = \"127.0.0.1:0\"\ntls = { certificate = \"leaf.pem\", key = \"leaf.key\" }",
    );
    two.write("web.pem", &web.pem());
    two.configure(
        "allow = [\"127.0.0.0/8\"]",
        "allow = [\"127.0.0.0/8\"]\nca = [\"web.pem\"]\n\n[[federation]]\ntrust_domain = \"two.example\"\nlisten = \"127.0.0.1:0\"",
    );
    let (first, second) = (one.start(), two.start());
    first.apply("kind: TrustDomain\nname: one.example\n");
    second.apply("kind: TrustDomain\nname: two.example\n");
    let documents = |server: &Server, name: &str| {
        let mut told = Value::Null;
        eventually("its keys", || {
            let (status, answer) =
                server.admin("GET", &format!("/v1/trust-domain-documents?trustDomain={name}"), &Value::Null);
            told = answer;
            status == 200 && told["documents"][1]["text"].as_str().is_some_and(|text| text.contains("x509-svid"))
        });
        told
    };
    let (of_one, of_two) = (documents(&first, "one.example"), documents(&second, "two.example"));
    let issuer = of_one["issuer"].as_str().unwrap();
    let by_web = format!("https://127.0.0.1:{}{}/bundle", first.address.port(), &issuer[PUBLIC_URL.len()..]);
    second.apply(&format!(
        "{{kind: Federation, name: partner, spec: {{trustDomain: two.example, foreignTrustDomain: one.example, url: '{by_web}', profile: https_web}}}}"
    ));
    let log = second.log();
    let (_, address) = log.split_once("under an X509-SVID").unwrap().1.split_once("address=").unwrap();
    let port = address.split_once(':').unwrap().1.split(|c: char| !c.is_ascii_digit()).next().unwrap();
    let bootstrap = of_two["documents"][1]["text"].as_str().unwrap();
    first.apply(&format!(
        "kind: Federation\nname: partner\nspec:\n  trustDomain: one.example\n  foreignTrustDomain: two.example\n  \
         url: https://127.0.0.1:{port}/bundle\n  profile: https_spiffe\n  \
         endpointSpiffeId: spiffe://two.example/accredit/bundle\n  bootstrapBundle: {bootstrap}\n"
    ));
    for (server, served) in [(&first, &of_two), (&second, &of_one)] {
        eventually("the other's bundle", || {
            server.accredit(["federation", "refresh", "partner"]);
            shown(server)["state"] == "fresh"
        });
        let (shown, served) = (shown(server), &served["documents"][1]["text"]);
        let served: Value = serde_json::from_str(served.as_str().unwrap()).unwrap();
        assert_eq!(shown["sequence"], served["spiffe_sequence"], "{shown}");
        let of_use =
            |wanted: &str| served["keys"].as_array().unwrap().iter().filter(|key| key["use"] == wanted).count();
        assert_eq!(shown["keys"].as_array().unwrap().len(), of_use("jwt-svid"), "{shown}");
        assert_eq!(shown["authorities"].as_array().unwrap().len(), of_use("x509-svid"), "{shown}");
    }
    let site = two.path("site");
    let publish =
        || second.accredit(["trust-domain", "publish", "two.example", "--to", site.to_str().unwrap()]).ended(0).stdout;
    let said = publish();
    assert!(said.contains("3 of 3 documents were new") && said.contains("write them again within"), "{said}");
    let below = &of_two["issuer"].as_str().unwrap()[PUBLIC_URL.len()..];
    for path in [".well-known/openid-configuration", "jwks", "bundle"] {
        let served = second.connect().get(&format!("{below}/{path}"));
        let written = std::fs::read_to_string(site.join(path)).unwrap();
        assert_eq!((served.status, served.text()), (200, written.as_str()), "{path}");
    }
    assert!(publish().contains("0 of 3 documents were new"));
    assert!(first.stop().success() && second.stop().success());
}

/// The alarms of the federation, each with what it is about.
fn alarms(server: &Server) -> Vec<String> {
    let list = server.accredit(["alarm", "list", "-o", "json"]).ended(0).json();
    let of_partner = list["alarms"].as_array().unwrap().iter().filter(|alarm| alarm["provider"] == "partner");
    let text = |alarm: &Value, name: &str| alarm[name].as_str().unwrap().to_owned();
    let mut said: Vec<String> =
        of_partner.map(|alarm| format!("{} {}", text(alarm, "code"), text(alarm, "thing"))).collect();
    said.sort();
    said
}

/// That these are all, and that the log has what each was raised for.
fn alarmed(server: &Server, expected: &[&str]) {
    eventually("the alarms", || alarms(server) == expected);
    let list = server.accredit(["alarm", "list", "-o", "json"]).ended(0).json();
    for alarm in list["alarms"].as_array().unwrap().iter().filter(|alarm| alarm["provider"] == "partner") {
        let record = server.accredit(["audit", "show", alarm["decision"].as_str().unwrap(), "-o", "json"]).ended(0);
        assert_eq!(record.json()["event"], "bundle-refused", "{alarm}");
        assert!(alarm["hint"].as_str().unwrap().contains("what is held goes on counting"), "{alarm}");
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let mut text = String::new();
    accredit_id::svid::pem::write(label, der, &mut text);
    text
}
