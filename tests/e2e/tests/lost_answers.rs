//! Answers to administrators that get lost: whoever asks again by the same key is told what was done, and nothing is done twice.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use accredit_e2e::claims::token;
use accredit_e2e::command::{Ran, accredit, run};
use accredit_e2e::http::{Answer, Connection};
use accredit_e2e::issuer::Issuer;
use accredit_e2e::patience::within;
use accredit_e2e::server::{Home, PUBLIC_URL, Server};
use accredit_e2e::{resources, several};
use accredit_test_postgres::shared;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// A request with a key.
fn keyed(method: &str, path: &str, key: &str, body: &Value) -> Vec<u8> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
    format!("{head}Idempotency-Key: \"{key}\"\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn ask(server: &Server, request: &[u8]) -> Answer {
    Connection::unix(&server.socket).ask(request)
}

fn exists(server: &Server, path: &str) -> bool {
    Connection::unix(&server.socket).get(path).status == 200
}

/// How many acts the log has of a name.
fn acts(server: &Server, event: &str, name: &str) -> usize {
    let log = server.admin("GET", &format!("/v1/audit?event={event}&page_size=500"), &Value::Null).1;
    let is_of = |record: &&Value| record.to_string().contains(&format!("\"{name}\""));
    log["records"].as_array().unwrap().iter().filter(is_of).count()
}

fn same(one: &Answer, other: &Answer) {
    let seen = |answer: &Answer| {
        let headers = ["etag", "location", "content-type"].map(|name| answer.header(name).map(str::to_owned));
        (answer.status, headers, answer.text().to_owned())
    };
    assert_eq!(seen(one), seen(other));
}

/// K07: kill -9 between the commit and the answer. A trust domain's keys are made behind its commit, so that there is time.
#[test]
fn k07_a_kill_between_commit_and_answer_loses_no_answer() {
    let home = Home::new();
    let mut server = home.start();
    let mut lost = 0;
    for round in 0..6 {
        let (name, path) = (format!("r{round}.test"), format!("/v1/trust-domains/r{round}.test"));
        let request = keyed("POST", "/v1/trust-domains", &format!("key-{round}"), &json!({"name": name, "spec": {}}));
        let (mut asking, mut looking) = (Connection::unix(&server.socket), Connection::unix(&server.socket));
        asking.send(&request).unwrap();
        match round % 3 {
            0 => thread::sleep(Duration::from_millis(round)),
            _ => while looking.get(&path).status != 200 {},
        }
        server.signal(Signal::SIGKILL);
        let heard = asking.answer().ok().flatten();
        server.kill();
        server = home.start();
        let was_done = exists(&server, &path);
        lost += usize::from(was_done && heard.is_none());
        let again = ask(&server, &request);
        assert_eq!((again.status, &again.json()["changes"][0]["action"]), (201, &json!("create")), "{}", again.text());
        if let Some(heard) = heard {
            same(&heard, &again);
        }
        same(&again, &ask(&server, &request));
        assert_eq!(acts(&server, "resource-created", &name), 1, "round {round}");
        let other = keyed("POST", "/v1/trust-domains", &format!("key-{round}"), &json!({"name": "other.test"}));
        assert_eq!(ask(&server, &other).member("code"), "idempotency-key-reused");
    }
    assert!(lost > 0, "no kill came between a commit and its answer: the test shows nothing");
    let verified = server.accredit(["audit", "verify", "-o", "json"]).ended(0).json();
    assert_eq!(verified["breaks"], json!([]));
    assert!(server.stop().success());
}

/// Two servers on one database: asked at once they do it once and answer alike; asked later, or when the one that did it was
/// killed, the other one answers what it would have.
#[test]
fn a_key_is_one_deed_on_two_servers() {
    let Some(cluster) = shared() else { return };
    let homes = several::homes(cluster, 2);
    let mut servers: Vec<Server> = homes.iter().map(Home::start).collect();
    servers[0].apply("kind: Project\nname: ci\n");
    within(PATIENCE, "the project", || exists(&servers[1], "/v1/projects/ci"));
    for round in 0..8 {
        let (name, key) = (format!("ci/at-once-{round}"), format!("once-{round}"));
        let request = keyed("POST", "/v1/service-accounts", &key, &json!({"name": name, "spec": {}}));
        let start = Barrier::new(2);
        let begin = &|server: &Server| {
            let mut connection = Connection::unix(&server.socket);
            start.wait();
            connection.ask(&request)
        };
        let answers: Vec<Answer> = thread::scope(|scope| {
            let asking: Vec<_> = servers.iter().map(|server| scope.spawn(move || begin(server))).collect();
            asking.into_iter().map(|answer| answer.join().unwrap()).collect()
        });
        assert_eq!(answers[0].status, 201, "{}", answers[0].text());
        same(&answers[0], &answers[1]);
        assert_eq!(acts(&servers[0], "resource-created", &name), 1, "round {round}");
        // Whatever became of it since: it was done once.
        let path = format!("/v1/service-accounts/{name}");
        let delete = keyed("DELETE", &path, &format!("gone-{round}"), &Value::Null);
        let gone = ask(&servers[round % 2], &delete);
        assert_eq!(gone.status, 200, "{}", gone.text());
        same(&gone, &ask(&servers[(round + 1) % 2], &delete));
        same(&answers[0], &ask(&servers[(round + 1) % 2], &request));
        assert!(!exists(&servers[round % 2], &path));
        let other = keyed("POST", "/v1/service-accounts", &key, &json!({"name": "ci/other"}));
        for server in &servers {
            assert_eq!(ask(server, &other).member("code"), "idempotency-key-reused");
        }
    }
    // Killed as soon as the other one knows of it, whether it has answered or not.
    for round in 0..3 {
        let path = format!("/v1/projects/late-{round}");
        let request =
            keyed("POST", "/v1/projects", &format!("late-{round}"), &json!({"name": format!("late-{round}")}));
        // Open until then: a server does not begin what nobody waits for.
        let mut connection = Connection::unix(&servers[0].socket);
        connection.send(&request).unwrap();
        within(PATIENCE, "the project", || exists(&servers[1], &path));
        servers.remove(0).kill();
        let told = ask(&servers[0], &request);
        assert_eq!((told.status, &told.json()["changes"][0]["action"]), (201, &json!("create")), "{}", told.text());
        servers.push(homes[0].start());
        same(&told, &ask(&servers[1], &request));
        servers.reverse();
    }
    for server in &servers {
        let verified = server.accredit(["audit", "verify", "-o", "json"]).ended(0).json();
        assert_eq!(verified["breaks"], json!([]), "{verified}");
    }
}

/// The command line asks again by itself when the connection breaks before the answer: what it did is done once, and told as if
/// nothing had happened.
#[test]
fn a_lost_answer_is_asked_for_again() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let behind = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = Losing::to(behind);
    let front = proxy.address;
    home.configure(
        "[admin]\n",
        &format!("[admin]\nlisten = \"{behind}\"\nurl = \"http://{front}\"\nhosts = [\"{front}\"]\n"),
    );
    let server = home.start();
    let usual = resources::usual(&issuer).replacen("  keys:", "  login: {workloads: true}\n  keys:", 1);
    server.apply(&format!("{usual}---\n{OPERATORS}"));
    let evidence = token(&issuer, &json!({"aud": format!("{PUBLIC_URL}/admin")}));
    let file = home.write("job.jwt", &format!("{evidence}\n"));
    let ask = |arguments: &[&str], stdin: &str| -> Ran {
        run(accredit().args(arguments).env("HOME", home.folder()).env("XDG_CONFIG_HOME", home.path("config")), stdin)
    };
    ask(&["login", &format!("http://{front}"), "--token-file", file.to_str().unwrap()], "").ended(0);

    let account = "kind: ServiceAccount\nname: ci/lost\n";
    let seen = |stdin: &str, arguments: &[&str]| {
        proxy.lose(1);
        let ran = ask(arguments, stdin);
        assert_eq!(proxy.left(), 0, "nothing was lost");
        ran.ended(0)
    };
    let applied = seen(account, &["apply", "-f", "-", "-o", "json"]).json();
    assert_eq!(applied["changes"][0]["action"], "create", "{applied}");
    assert_eq!(acts(&server, "resources-applied", "ci/lost"), 1);
    seen("", &["service-account", "disable", "ci/lost"]);
    seen("", &["service-account", "delete", "ci/lost"]);
    assert_eq!(acts(&server, "resource-deleted", "ci/lost"), 1);
    seen("", &["service-account", "create", "ci/lost"]);
    // Once: whoever is cut off for longer is told so.
    proxy.lose(2);
    let out = ask(&["service-account", "delete", "ci/lost"], "").ended(4);
    assert!(out.stderr.contains("cannot be reached"), "{}", out.stderr);
    assert_eq!((proxy.left(), acts(&server, "resource-deleted", "ci/lost")), (0, 2));
    assert!(server.stop().success());
}

/// How soon a server hears of a change is not what is asked here.
const PATIENCE: Duration = Duration::from_secs(20);
const OPERATORS: &str = r#"kind: Administrator
name: robots
spec:
  provider: github
  match: {repository_id: "123", repository_owner_id: "98", ref: refs/heads/main}
  role: operator
"#;

/// A way to a server that breaks where an answer to a write with a key comes back.
struct Losing {
    address: SocketAddr,
    left: Arc<AtomicUsize>,
}

// === impl Losing ===

impl Losing {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, left) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&left);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let (Ok(far), left) = (TcpStream::connect(server), Arc::clone(&counted)) else { continue };
                carry(&near, &far, &left).unwrap();
            }
        });
        Self { address, left }
    }

    /// Loses so many answers from now on.
    fn lose(&self, answers: usize) {
        self.left.store(answers, Ordering::SeqCst);
    }

    fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }
}

fn carry(near: &TcpStream, far: &TcpStream, left: &Arc<AtomicUsize>) -> io::Result<()> {
    let is_write = Arc::new(AtomicBool::new(false));
    let (mut from, mut into, writes) = (near.try_clone()?, far.try_clone()?, Arc::clone(&is_write));
    thread::spawn(move || {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let piece = String::from_utf8_lossy(&bytes[..count]).to_ascii_lowercase();
            if piece.contains(" http/1.1\r\n") {
                writes.store(piece.contains("\r\nidempotency-key: "), Ordering::SeqCst);
            }
            if into.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = into.shutdown(Shutdown::Both);
    });
    let (mut from, mut into, left) = (far.try_clone()?, near.try_clone()?, Arc::clone(left));
    thread::spawn(move || {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let one_less = |left: usize| left.checked_sub(1);
            let is_lost = is_write.load(Ordering::SeqCst)
                && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
            if is_lost || into.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = (into.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
    });
    Ok(())
}
