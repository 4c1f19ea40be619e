//! Starting and ending: what keeps a server from starting, what it says, and what becomes of whoever was being served.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use accredit_e2e::claims::token;
use accredit_e2e::command::{accredit, run};
use accredit_e2e::http::Connection;
use accredit_e2e::issuer::Issuer;
use accredit_e2e::resources;
use accredit_e2e::server::{Home, PATIENCE};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

/// A server that is told nothing starts on loopback, in its user's own folders, and says what to do next.
#[test]
fn an_unconfigured_server_is_useful_at_once() {
    let home = Home::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let begin = || {
        let log = fs::File::create(home.path("log")).unwrap();
        let mut command = accredit();
        command
            .args(["server", "--listen", &free.to_string()])
            .env("HOME", home.folder())
            .stderr(log)
            .stdout(Stdio::null());
        let child = Kept(command.spawn().unwrap());
        await_text(&home.path("log"), "stop     Ctrl-C\n");
        child
    };
    let child = begin();
    let said = fs::read_to_string(home.path("log")).unwrap();
    for line in
        ["server ready", &format!("server   http://{free}\n"), "accredit init github --repository", "apply -f web.yaml"]
    {
        assert!(said.contains(line), "`{line}` is not said:\n{said}");
    }
    let socket = home.path(".local/share/accredit/run/admin.sock");
    let files =
        [home.path(".local/share/accredit/accredit.db"), home.path(".config/accredit/key-encryption-key"), socket];
    for path in &files {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    // Every verb finds it without being told where.
    let status = run(accredit().args(["status", "-o", "json"]).env("HOME", home.folder()), "").ended(0).json();
    assert_eq!(status["publicUrl"], format!("http://{free}"));
    let init = [
        "init",
        "github",
        "--repository",
        "acme/web",
        "--repository-id",
        "123",
        "--owner-id",
        "98",
        "--ref",
        "main",
        "--api",
        "https://api.test",
        "--permission",
        "read",
    ];
    let yaml = run(accredit().args(init).env("HOME", home.folder()), "").ended(0).stdout;
    run(accredit().args(["apply", "-f", "-"]).env("HOME", home.folder()), &yaml).ended(0);
    let ready = Connection::tcp(free).get("/readyz");
    assert_eq!((ready.status, &ready.json()["ready"]), (200, &json!(true)));
    let keys = Connection::tcp(free).get("/oauth/jwks").body;
    assert_eq!(child.end(Signal::SIGINT), Some(0));

    let child = begin();
    assert_eq!(Connection::tcp(free).get("/oauth/jwks").body, keys, "keys are kept");
    assert_eq!(child.end(Signal::SIGTERM), Some(0));
    run(accredit().arg("status").env("HOME", home.folder()), "").ended(4);
}

/// Without a configuration there is loopback alone, under an issuer that stays what it is.
#[test]
fn an_unconfigured_server_refuses_what_it_cannot_be() {
    let home = Home::new();
    for (listen, words) in [("0.0.0.0:7070", "not loopback"), ("[::]:7070", "not loopback"), ("7070", "does not fit")] {
        let ran = run(accredit().args(["server", "--listen", listen]).env("HOME", home.folder()), "").ended(2);
        assert!(ran.stderr.contains(words) && ran.stderr.contains("hint: "), "{listen}: {}", ran.stderr);
    }
    let ran = run(accredit().arg("server"), "").ended(2);
    assert!(ran.stderr.contains("HOME"), "{}", ran.stderr);
    assert!(!home.path(".local").exists() && !home.path(".config").exists(), "something was left behind");
}

/// What is unsafe or impossible does not start, names what is wrong, and leaves nothing behind.
#[test]
fn what_keeps_a_server_from_starting_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (old, new, code, words) in [
        ("127.0.0.1:0", address.as_str(), 1, address.as_str()),
        ("127.0.0.1:0", "0.0.0.0:0", 2, "`public.tls`"),
        ("127.0.0.1:0", "[::]:0", 2, "`public.tls`"),
        ("listen =", "lissen =", 2, "accredit.toml:4"),
        ("http://accredit.test", "http://accredit.test/", 2, "`public_url`"),
        ("http://accredit.test", "ftp://accredit.test", 2, "`public_url`"),
        ("127.0.0.0/8", "127.0.0.0/99", 1, "`fetch.allow`"),
        ("sqlite:data/accredit.db", "mysql://root:hunter2@db/accredit", 1, "mysql"),
        ("sqlite:data/accredit.db", "sqlite:kek/accredit.db", 1, "kek"),
        ("{ file = \"kek\" }", "{ credential = \"kek\" }", 1, "credential"),
        ("{ file = \"kek\" }", "{ command = [\"/nonexistent\"] }", 1, "/nonexistent"),
    ] {
        let home = Home::new();
        home.write("kek", "bm90IGEga2V5");
        home.configure(old, new);
        let ran = home.fail_to_start();
        assert!(
            ran.code == Some(code) && ran.stderr.contains(words),
            "{old} -> {new}: expected {code} and `{words}`, got {:?}\n{}",
            ran.code,
            ran.stderr
        );
        assert!(
            ran.stderr.contains("error: ") && !ran.stderr.contains("panicked") && !ran.stderr.contains("hunter2"),
            "{}",
            ran.stderr
        );
    }
    let home = Home::new();
    fs::remove_file(home.path("accredit.toml")).unwrap();
    let ran = home.fail_to_start().ended(2);
    assert!(ran.stderr.contains("accredit.toml"), "{}", ran.stderr);
}

/// One store has one server.
#[test]
fn a_second_server_on_a_store_is_refused() {
    let (home, other) = (Home::new(), Home::new());
    let server = home.start();
    other.configure("sqlite:data/accredit.db", &format!("sqlite:{}", home.path("data/accredit.db").display()));
    fs::copy(home.path("kek"), other.path("kek")).unwrap();
    let ran = other.fail_to_start().ended(1);
    assert!(
        ran.stderr.contains("is in use by another server") && ran.stderr.contains(&server.process().to_string()),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    server.accredit(["status"]).ended(0);
    server.kill();
    assert!(other.start().stop().success(), "a killed server holds its store no longer");
}

/// A key-encryption key that is not the store's own opens nothing, and is not replaced; neither is a lost one.
#[test]
fn a_wrong_key_encryption_key_is_named() {
    let (home, other) = (Home::new(), Home::new());
    assert!(home.start().stop().success());
    assert!(other.start().stop().success());
    let own = fs::read_to_string(home.path("kek")).unwrap();
    home.write("kek", &fs::read_to_string(other.path("kek")).unwrap());
    let ran = home.fail_to_start().ended(1);
    assert!(ran.stderr.contains("key-encryption key"), "{}", ran.stderr);
    for rubbish in ["", "short", "not base64!"] {
        home.write("kek", rubbish);
        let ran = home.fail_to_start().ended(1);
        assert!(ran.stderr.contains(home.path("kek").to_str().unwrap()), "{}", ran.stderr);
        assert!(rubbish.is_empty() || !ran.stderr.contains(rubbish), "{}", ran.stderr);
    }
    fs::remove_file(home.path("kek")).unwrap();
    home.fail_to_start().ended(1);
    home.write("kek", &own);
    assert!(home.start().stop().success());
}

/// Whoever is being served when the server is told to end is served to the end; nobody new is let in.
#[test]
fn a_server_that_ends_finishes_what_it_is_at() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
        let server = home.start();
        server.apply(&resources::usual(&issuer));
        let address = server.address;
        let mut begun = server.connect();
        let request = begun.exchange_request(&token(&issuer, &json!({})), &[]);
        let (first, rest) = request.split_at(request.len() - 40);
        begun.send(first).unwrap();
        let mut idle = server.connect();
        assert_eq!(idle.get("/livez").status, 200);
        thread::sleep(Duration::from_millis(50));
        server.signal(signal);
        assert!(idle.answer().unwrap().is_none(), "a connection on which nothing happens is closed");
        await_refusal(address);
        begun.send(rest).unwrap();
        let id = begun.answer().unwrap().unwrap();
        id.access_token();
        assert_eq!(server.ended().code(), Some(0));
        assert!(!home.path("data/accredit.db-wal").exists(), "the store is not one file that can be copied");
        let server = home.start();
        server.accredit(["decision", &id.decision()]).ended(0);
        let verified = server.accredit(["audit", "verify", "-o", "json"]).ended(0).json();
        assert!(verified["heads"].as_u64().unwrap() >= 1, "the log was closed without a signed head: {verified}");
    }
}

/// H14: where plain HTTP is spoken to proxies alone, nobody else is answered.
#[test]
fn plain_http_is_for_listed_proxies_alone() {
    for (listed, is_served) in [("127.0.0.1/32", true), ("10.0.0.0/8", false)] {
        let home = Home::new();
        home.configure("http://accredit.test", "https://accredit.test");
        home.configure(
            "listen = \"127.0.0.1:0\"",
            &format!("listen = \"0.0.0.0:0\"\ntrusted_proxies = [\"{listed}\"]"),
        );
        let ran = home.fail_to_start().ended(1);
        assert!(ran.stderr.contains("kek"), "a key is not made where others can reach:\n{}", ran.stderr);
        home.write("kek", KEY);
        let server = home.start();
        let mut connection = Connection::tcp(([127, 0, 0, 1], server.address.port()).into());
        let asked =
            connection.send(b"GET /livez HTTP/1.1\r\nHost: accredit.test\r\n\r\n").and_then(|()| connection.answer());
        assert_eq!(matches!(asked, Ok(Some(answer)) if answer.status == 200), is_served, "{listed}");
    }
}

/// The whole main job in one command, which leaves nothing behind.
#[test]
fn the_demo_works_and_cleans_up() {
    let home = Home::new();
    let (temporary, own) = (home.path("tmp"), home.path("home"));
    fs::create_dir(&temporary).unwrap();
    fs::create_dir(&own).unwrap();
    let is_clean = || fs::read_dir(&temporary).unwrap().chain(fs::read_dir(&own).unwrap()).count() == 0;
    let demo = || {
        let mut command = accredit();
        command.arg("demo").env("HOME", &own).env("TMPDIR", &temporary).current_dir(&own);
        command
    };
    let ran = run(&mut demo(), "").ended(0);
    for words in [
        "allowed  acme/web main -> ci/web",
        "called   GET /balance -> 200",
        "denied   acme/web dev",
        "expected refs/heads/main",
    ] {
        assert!(ran.stdout.contains(words), "`{words}` is not said:\n{}", ran.stdout);
    }
    assert!(is_clean(), "the demo left something behind");

    let log = fs::File::create(home.path("log")).unwrap();
    let child = Kept(demo().arg("--stay").stdout(log).stdin(Stdio::null()).spawn().unwrap());
    let said = await_text(&home.path("log"), "export\n");
    let socket = said.split("--socket ").nth(1).unwrap().split(' ').next().unwrap();
    let list = run(accredit().args(["audit", "list", "--socket", socket]), "").ended(0).stdout;
    assert!(list.contains("exchange-allowed") && list.contains("exchange-denied"), "{list}");
    let file = said.split("lies in ").nth(1).unwrap().split(' ').next().unwrap();
    let folder = Path::new(file).parent().unwrap();
    assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o077, 0, "others can read the job's token");
    let explain = ["explain", "--socket", socket, "--token", file, "--service-account", "ci/web"];
    run(accredit().args(explain), "").ended(0);
    assert_eq!(child.end(Signal::SIGINT), Some(0));
    assert!(is_clean(), "the demo left something behind");
}

/// A process that does not outlive a test that fails.
struct Kept(Child);

impl Kept {
    fn end(mut self, signal: Signal) -> Option<i32> {
        kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), signal).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn await_text(path: &Path, text: &str) -> String {
    let began = Instant::now();
    loop {
        let said = fs::read_to_string(path).unwrap();
        if said.contains(text) {
            return said;
        }
        assert!(began.elapsed() < PATIENCE, "`{text}` is not said:\n{said}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn await_refusal(address: std::net::SocketAddr) {
    let began = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(began.elapsed() < PATIENCE, "new connections are still let in");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Thirty-two bytes.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
