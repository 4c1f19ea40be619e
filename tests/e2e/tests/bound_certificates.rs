//! Tokens that are bound to the certificate of a connection (RFC 8705), met with a client that nobody here wrote (openssl).

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use accredit_e2e::claims::{said, token};
use accredit_e2e::command::{exists, run};
use accredit_e2e::http::encoded;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::resources;
use accredit_e2e::server::{Home, Server};
use accredit_e2e::skip;
use accredit_id::base64url;
use accredit_id::digest::sha256;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// I09: the certificate that a connection was opened with is what the token is bound to, and nothing that a header says.
#[test]
fn i09_a_token_is_bound_to_the_certificate_of_its_connection() {
    if !exists("openssl", "version") {
        return skip("certificate-bound tokens", "there is no `openssl` here");
    }
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let openssl = |arguments: &str| {
        run(Command::new("openssl").current_dir(home.folder()).args(arguments.split(' ')), "").ended(0)
    };
    for name in ["leaf", "next", "own", "other"] {
        openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.pem -days 2 -subj /CN={name}"
        ));
        openssl(&format!("x509 -in {name}.pem -outform DER -out {name}.der"));
    }
    let thumbprint =
        |name: &str| base64url::encode(&sha256(&std::fs::read(home.path(&format!("{name}.der"))).unwrap()));
    home.configure("http://accredit.test", "https://accredit.test");
    home.configure(
        "listen = \"127.0.0.1:0\"",
        "listen = \"127.0.0.1:0\"\ntls = { certificate = \"leaf.pem\", key = \"leaf.key\" }\nclient_certificates = \"request\"",
    );
    let server = home.start();
    server.apply(&resources::usual(&issuer).replace("lifetime: 15m", "lifetime: 15m\n  bound: mtls"));
    let subject = || token(&issuer, &json!({"aud": "https://accredit.test"}));
    let exchange = |kind: &str, token: &str| {
        let kind = format!("urn:ietf:params:oauth:token-type:{kind}");
        let grant = "urn:ietf:params:oauth:grant-type:token-exchange";
        format!("grant_type={grant}&subject_token_type={kind}&subject_token={}", encoded(token))
    };
    let ask = |certificate: Option<&str>, headers: &str, body: &str| {
        let request = format!("POST /oauth/token HTTP/1.1\r\nHost: accredit.test\r\n{headers}");
        asked(&home, &server, &["-tls1_3"], certificate, &request, body)
    };

    // Without a certificate there is none, whatever a header claims; nobody in front of this server may send one.
    let claimed = format!("Client-Cert: :{}:\r\nX-SSL-Cert: {}\r\n", base64url::encode(b"x"), thumbprint("own"));
    for headers in ["", &claimed] {
        assert_eq!(ask(None, headers, &exchange("jwt", &subject()))["reason"], "binding-required");
    }
    let answer = ask(Some("own"), "", &exchange("jwt", &subject()));
    let bound = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(
        (&answer["token_type"], &said(bound)["cnf"]),
        (&json!("Bearer"), &json!({"x5t#S256": thumbprint("own")}))
    );
    // Nor over TLS 1.2, nor is it another's.
    let older = "POST /oauth/token HTTP/1.1\r\nHost: accredit.test\r\n";
    let answer = asked(&home, &server, &["-tls1_2"], Some("other"), older, &exchange("jwt", &subject()));
    assert_eq!(said(answer["access_token"].as_str().unwrap())["cnf"], json!({"x5t#S256": thumbprint("other")}));
    for (certificate, headers) in [(None, ""), (None, claimed.as_str()), (Some("other"), "")] {
        assert_eq!(ask(certificate, headers, &exchange("access_token", bound))["reason"], "proof-missing");
    }
    let narrowed = ask(Some("own"), "", &exchange("access_token", bound));
    assert_eq!(said(narrowed["access_token"].as_str().unwrap())["cnf"], said(bound)["cnf"]);

    // An API's own token authenticates it by the same certificate alone.
    for (certificate, active) in [(Some("own"), true), (Some("other"), false), (None, false)] {
        let request =
            format!("POST /oauth/introspect HTTP/1.1\r\nHost: accredit.test\r\nAuthorization: Bearer {bound}\r\n");
        let told = asked(&home, &server, &["-tls1_3"], certificate, &request, &format!("token={bound}"));
        assert_eq!(told["active"] == true, active, "{certificate:?}: {told}");
        if active {
            assert_eq!((&told["cnf"], &told["token_type"]), (&said(bound)["cnf"], &json!("Bearer")));
        }
    }
    let metadata = "GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: accredit.test\r\n";
    let metadata = asked(&home, &server, &["-tls1_3"], None, metadata, "");
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
    assert_eq!(metadata["dpop_signing_alg_values_supported"], json!(["ES256", "ES384", "EdDSA"]));

    // Clients are asked for theirs as before when the server's own is replaced.
    for part in ["pem", "key"] {
        std::fs::copy(home.path(&format!("next.{part}")), home.path(&format!("leaf.{part}"))).unwrap();
    }
    server.signal(Signal::SIGHUP);
    let begun = Instant::now();
    while !server.log().contains("certificate read again") {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never comes");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(ask(None, "", &exchange("jwt", &subject()))["reason"], "binding-required");
    let answer = ask(Some("own"), "", &exchange("jwt", &subject()));
    assert_eq!(said(answer["access_token"].as_str().unwrap())["cnf"], said(bound)["cnf"]);
}

/// One request through `openssl s_client`, and the body of its answer.
fn asked(home: &Home, server: &Server, more: &[&str], certificate: Option<&str>, head: &str, body: &str) -> Value {
    let mut command = Command::new("openssl");
    command.current_dir(home.folder()).args(["s_client", "-quiet", "-ign_eof", "-CAfile", "leaf.pem", "-connect"]);
    command.arg(server.address.to_string()).args(more);
    if let Some(name) = certificate {
        command.args(["-cert", &format!("{name}.pem"), "-key", &format!("{name}.key")]);
    }
    let form = "Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n";
    let ran = run(&mut command, &format!("{head}{form}Content-Length: {}\r\n\r\n{body}", body.len()));
    let body = ran.stdout.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).unwrap_or_else(|fault| panic!("{fault}: {}\n{}", ran.stdout, ran.stderr))
}
