//! TLS by certificate files, met with a client that nobody here wrote (openssl).

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use accredit_e2e::command::{Ran, exists, run};
use accredit_e2e::server::{Home, Server};
use accredit_e2e::skip;

/// TLS 1.2 and later, the certificate that was configured, and no plain HTTP beside it.
#[test]
fn a_listener_with_certificates_speaks_tls_1_2_and_later() {
    if !exists("openssl", "version") {
        return skip("TLS", "there is no `openssl` here");
    }
    let home = Home::new();
    certificates(home.folder());
    home.write("kek", KEY);
    home.configure("http://accredit.test", "https://accredit.test");
    home.configure(
        "listen = \"127.0.0.1:0\"",
        "listen = \"0.0.0.0:0\"\ntls = { certificate = \"leaf.pem\", key = \"leaf.key\" }",
    );
    let server = home.start();
    for (version, is_spoken) in [("-tls1_3", true), ("-tls1_2", true), ("-tls1_1", false), ("-tls1", false)] {
        let ran = client(&home, &server, &[version]);
        let answered = ran.stdout.contains("HTTP/1.1 200 OK") && ran.stdout.ends_with("ok\n");
        assert_eq!(answered, is_spoken, "{version}: {}\n{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code == Some(0), is_spoken, "{version}: {}", ran.stderr);
        // Refused by the server, not by a client that cannot speak it.
        assert_eq!(ran.stderr.contains("SSL alert number"), !is_spoken, "{version}: {}", ran.stderr);
    }
    let stranger = client(&home, &server, &["-CAfile", "stranger.pem"]);
    assert!(stranger.code != Some(0) && !stranger.stdout.contains("HTTP/1.1 200 OK"), "{}", stranger.stdout);

    let mut plain = accredit_e2e::http::Connection::tcp(([127, 0, 0, 1], server.address.port()).into());
    plain.send(b"GET /livez HTTP/1.1\r\nHost: accredit.test\r\n\r\n").unwrap();
    assert!(!matches!(plain.answer(), Ok(Some(answer)) if answer.status == 200), "plain HTTP was answered");
    assert!(server.stop().success());
}

/// A certificate that cannot be used keeps the server from starting and is named.
#[test]
fn certificates_that_cannot_be_used_are_named() {
    if !exists("openssl", "version") {
        return skip("TLS certificates", "there is no `openssl` here");
    }
    let home = Home::new();
    certificates(home.folder());
    let tls = |certificate: &str, key: &str| {
        format!("listen = \"127.0.0.1:0\"\ntls = {{ certificate = \"{certificate}\", key = \"{key}\" }}")
    };
    home.configure("http://accredit.test", "https://accredit.test");
    home.configure("listen = \"127.0.0.1:0\"", &tls("leaf.pem", "stranger.key"));
    let mut named = ("leaf.pem", "stranger.key");
    for next in
        [("leaf.pem", "nothing.key"), ("nothing.pem", "leaf.key"), ("leaf.key", "leaf.key"), ("leaf.pem", "leaf.pem")]
    {
        let ran = home.fail_to_start().ended(1);
        let names_one = [named.0, named.1].iter().any(|name| ran.stderr.contains(name));
        assert!(ran.stderr.starts_with("error: ") && names_one, "{named:?}: {}", ran.stderr);
        home.configure(&tls(named.0, named.1), &tls(next.0, next.1));
        named = next;
    }
}

/// A request for `/livez` through `openssl s_client`, which exits with 0 when the handshake and the certificate are right.
fn client(home: &Home, server: &Server, more: &[&str]) -> Ran {
    let mut command = Command::new("openssl");
    let address = format!("127.0.0.1:{}", server.address.port());
    command.current_dir(home.folder()).args([
        "s_client",
        "-connect",
        &address,
        "-servername",
        "accredit.test",
        "-verify_hostname",
        "accredit.test",
    ]);
    command
        .args(["-verify_return_error", "-quiet", "-ign_eof", "-CAfile", "ca.pem", "-cipher", "DEFAULT:@SECLEVEL=0"])
        .args(more);
    run(&mut command, "GET /livez HTTP/1.1\r\nHost: accredit.test\r\nConnection: close\r\n\r\n")
}

/// An authority, a leaf for `accredit.test` that it signed, and a stranger.
fn certificates(folder: &Path) {
    let openssl =
        |arguments: &str| run(Command::new("openssl").current_dir(folder).args(arguments.split(' ')), "").ended(0);
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    for name in ["ca", "stranger"] {
        openssl(&format!("req -x509 {key} -keyout {name}.key -out {name}.pem -days 2 -subj /CN={name}"));
    }
    fs::write(folder.join("leaf.ext"), "subjectAltName=DNS:accredit.test\nextendedKeyUsage=serverAuth\n").unwrap();
    openssl(&format!("req -new {key} -keyout leaf.key -out leaf.csr -subj /CN=leaf"));
    openssl("x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -out leaf.pem -days 2 -extfile leaf.ext");
}

/// Thirty-two bytes.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
