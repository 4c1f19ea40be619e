//! Administrators elsewhere, and the first of them: the real binary with `admin.listen` and `admin.bootstrap`.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use accredit_e2e::server::Home;
use accredit_e2e::skip;
use serde_json::Value;

const FIRST: &str = "\
kind: Provider
name: people
spec: {type: oidc, issuer: https://people.example.org}
---
kind: Administrator
name: alice
spec: {provider: people, match: {sub: alice}, role: owner}
";

/// A server with a listener for administrators on a free port.
fn home() -> (Home, SocketAddr) {
    let home = Home::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    home.configure("[admin]\n", &format!("[admin]\nlisten = \"{free}\"\n"));
    (home, free)
}

/// Sends bytes and reads to the end; the last request asks for the connection to be closed.
fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// H02: a body that does not come holds no place for long, neither at the login of administrators, who are nobody until it has come,
/// nor where Spiral's command line writes.
#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let (home, address) = home();
    let server = home.start();
    server.apply("kind: Project\nname: lake\n");
    let made = server.accredit(["token", "spiral", "--project", "lake", "-o", "json"]).ended(0).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let login = format!(
        "POST /admin/token HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 100\r\n\r\ngrant_type="
    );
    let workload = format!(
        "POST /v1/projects/{}/workloads HTTP/1.1\r\nHost: accredit.test\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"name\":",
        text("project_id"),
        text("token")
    );
    std::thread::scope(|scope| {
        for (address, request) in [(address, login), (server.address, workload)] {
            scope.spawn(move || {
                let answer = raw(address, &request);
                assert!(answer.starts_with("HTTP/1.1 408 "), "`{answer}` to {request}");
            });
        }
    });
}

/// Nobody is let in without proof, on any route and method, and other names lead nowhere (L24).
#[test]
fn strangers_are_told_to_prove_who_they_are() {
    let (home, address) = home();
    let server = home.start();
    for (method, path) in [
        ("GET", "/v1/status"),
        ("GET", "/v1/resources"),
        ("POST", "/v1/apply"),
        ("DELETE", "/v1/projects/ci"),
        ("GET", "/v1/nowhere"),
    ] {
        let plain =
            format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        let answer = raw(address, &plain);
        assert!(answer.starts_with("HTTP/1.1 401 "), "{method} {path}: {answer}");
        assert!(answer.contains("www-authenticate: DPoP "), "{answer}");
        assert!(answer.contains("content-type: application/problem+json"), "{answer}");
        assert!(answer.contains("\"type\":\"urn:accredit:problem:unauthenticated\""), "{answer}");
        for host in ["evil.example", "accredit.test", "localhost"] {
            let other = plain.replace(&format!("Host: {address}"), &format!("Host: {host}"));
            assert!(raw(address, &other).starts_with("HTTP/1.1 421 "), "{host}");
        }
        let two = plain.replace("Connection", &format!("Host: {address}\r\nConnection"));
        assert!(raw(address, &two).starts_with("HTTP/1.1 400 "), "two hosts");
    }
    // The description is for anybody, and the same at both doors and in the repository.
    let plain = format!("GET /openapi.json HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let answer = raw(address, &plain);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let checked_in = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/admin-openapi.json");
    assert_eq!(body, serde_json::from_str::<Value>(&std::fs::read_to_string(checked_in).unwrap()).unwrap());
    assert_eq!(server.admin("GET", "/openapi.json", &Value::Null).1, body);
    assert!(
        raw(address, &plain.replace(&format!("Host: {address}"), "Host: evil.example")).starts_with("HTTP/1.1 421 ")
    );
    // The public listener knows nothing of it.
    let public = format!("GET /v1/status HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address);
    assert!(raw(server.address, &public).starts_with("HTTP/1.1 404 "));
    server.stop();
}

#[test]
fn an_address_that_others_reach_needs_a_certificate() {
    let home = Home::new();
    home.configure("[admin]\n", "[admin]\nlisten = \"0.0.0.0:0\"\n");
    let ran = home.fail_to_start();
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("`admin.tls`"), "{}", ran.stderr);
}

/// L19: the bootstrap file makes the first administrator, once; with one there, a file that is still named means nothing,
/// whatever it says by then, and the server says so once.
#[test]
fn the_bootstrap_file_counts_once() {
    let home = Home::new();
    home.write("first.yaml", FIRST);
    home.configure("[admin]\n", "[admin]\nbootstrap = \"first.yaml\"\n");
    let server = home.start();
    let admin = |path: &str| server.admin("GET", path, &Value::Null).1;
    assert_eq!(admin("/v1/administrators/alice")["spec"]["role"], "owner");
    let log = admin("/v1/audit?event=administrator-bootstrapped");
    assert_eq!(log["records"][0]["detail"]["actor"], "bootstrap file", "{log}");
    let said = |log: String| log.matches("bootstrap file is not used any more").count();
    assert_eq!(said(server.log()), 0);
    server.stop();

    for (later, starts) in [(FIRST.to_owned(), 1), (FIRST.replace("alice", "mallory"), 2), ("kind: [".to_owned(), 3)] {
        home.write("first.yaml", &later);
        let server = home.start();
        let admin = |path: &str| server.admin("GET", path, &Value::Null).1;
        let names = admin("/v1/administrators")["resources"].to_string();
        assert!(names.contains("alice") && !names.contains("mallory"), "{names}");
        assert_eq!(admin("/v1/audit?event=administrator-bootstrapped")["records"].as_array().map(Vec::len), Some(1));
        assert_eq!(said(server.log()), starts);
        server.stop();
    }
}

#[test]
fn a_bootstrap_file_brings_in_nothing_else() {
    let home = Home::new();
    home.configure("[admin]\n", "[admin]\nbootstrap = \"first.yaml\"\n");
    for (text, said) in [
        (FIRST.replace("role: owner", "role: operator"), "expected `owner`"),
        (format!("{FIRST}---\nkind: Project\nname: ci\n"), "project `ci` is neither"),
        (FIRST.replace("provider: people", "provider: nobody"), "provider `nobody` does not exist"),
        (FIRST.replace("https://people", "ftp://people"), "is not an https URL"),
        ("kind: [".to_owned(), "first.yaml"),
    ] {
        home.write("first.yaml", &text);
        let ran = home.fail_to_start();
        assert!(ran.code != Some(0) && ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
}

/// L19: a process of our own uid number in another user namespace is a stranger at the socket, and so is another uid.
#[test]
fn the_socket_knows_its_own_user() {
    let home = Home::new();
    let server = home.start();
    let ask = "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.settimeout(10)\ns.connect(sys.argv[1])\ns.sendall(b'GET /v1/status HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n')\nsys.stdout.write(s.recv(15).decode())\n";
    let asked = |before: &[&str]| {
        let (program, arguments) = before.split_first().unwrap();
        let mut command = std::process::Command::new(program);
        command.args(arguments).args(["python3", "-c", ask]).arg(&server.socket);
        let output = command.output().unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (own, _) = asked(&["env"]);
    if own != "HTTP/1.1 200 OK" {
        return skip("another user namespace at the socket", "no python3 that can ask");
    }
    let (foreign, said) = asked(&["unshare", "--user", "--map-root-user"]);
    let cannot_unshare = said.contains("unshare") || said.contains("Operation not permitted");
    assert!(foreign.is_empty() || cannot_unshare, "answered {foreign}");
    if cannot_unshare {
        skip("another user namespace at the socket", "user namespaces cannot be made here");
    }
    server.stop();
}
