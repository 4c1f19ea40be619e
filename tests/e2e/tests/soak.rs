//! Soak: everything is asked of a server for long, and its memory stays as it was.
//!
//! A run is short here; `cargo xtask soak --minutes N` makes it as long as one likes.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests fail by panicking; a run says how it goes")]

use std::env;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use accredit_e2e::claims::{job_with, random, token};
use accredit_e2e::http::{Connection, encoded};
use accredit_e2e::issuer::{Issuer, Served};
use accredit_e2e::resources;
use accredit_e2e::server::{Home, PUBLIC_URL, Server};
use serde_json::{Value, json};

/// Who is asked, and by whom.
struct Soak {
    server: Server,
    issuer: Issuer,
    served: Served,
    asked: AtomicU64,
    unserved: AtomicU64,
    over: AtomicBool,
}

/// What comes before memory is looked at.
struct WarmUp {
    sources: usize,
    requests: u64,
    longest: Duration,
}

/// What the operating system says of the server.
#[derive(Clone, Copy, Debug)]
struct Sample {
    resident_kib: u64,
    /// Of it, what is backed by no file: code that runs for the first time is resident from then on, and is no growth.
    anonymous_kib: u64,
    threads: u64,
    files: u64,
}

/// Exchanges, refusals, forged and unknown keys, many sources and subjects, evidence that counts once, revocations, changes of
/// resources, of providers' keys and of the server's own: once every bounded memory is full, memory is flat.
#[test]
fn memory_is_flat_whatever_is_asked() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let length = Duration::from_secs(number("ACCREDIT_SOAK_SECONDS").unwrap_or(SECONDS));
    let home = Home::new();
    home.configure("listen = \"127.0.0.1:0\"", "listen = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.1/32\"]");
    // Keys and tokens that end soon, so that what is kept of them comes and goes within a short run, too. In a long one keys last
    // longer: each that was leaves a row for good, and a key for each dozen of seconds would be those of centuries.
    let every = if length > SHORT { 120 } else { 12 };
    let rotation =
        format!("rotation = {{ every_seconds = {every}, cache_seconds = 1, margin_seconds = 5, leeway_seconds = 1 }}");
    home.configure("encryption = { file = \"kek\" }", &format!("encryption = {{ file = \"kek\" }}\n{rotation}"));
    home.configure("[fetch]", "[limits]\nmax_token_seconds = 10\n\n[fetch]");
    let soak = Soak {
        server: home.start(),
        issuer: Issuer::new("https://ci.test"),
        served: Issuer::serve(),
        asked: AtomicU64::new(0),
        unserved: AtomicU64::new(0),
        over: AtomicBool::new(false),
    };
    let documents = [
        resources::usual(&soak.issuer),
        resources::provider("served", &soak.served.issuer.url, "{discovery: {}}"),
        resources::once("ci/web-once", "github", "once"),
        resources::mapping("ci/web-served", "served", "main", ""),
    ];
    soak.server.apply(&documents.join("---\n"));
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| soak.ask());
        }
        scope.spawn(|| soak.operate());
        // Dropped before the threads are waited for, also when something fails here.
        let _over = Over(&soak.over);
        soak.watch(length);
    });
    assert!(!soak.server.log().contains("panicked"), "{}", soak.server.log());
}

struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

// === impl Soak ===

impl Soak {
    /// Waits until bounded memories are full, then holds the end of the time to its beginning.
    fn watch(&self, length: Duration) {
        let WarmUp { sources, requests, longest } = if length > SHORT { THOROUGH } else { BRIEF };
        self.fill_sources(sources);
        let begun = Instant::now();
        while self.asked.load(Ordering::SeqCst) < requests && begun.elapsed() < longest {
            thread::sleep(SAMPLE_EVERY);
        }
        let (warm, warm_up) = (self.asked.load(Ordering::SeqCst), begun.elapsed());
        let mut samples = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < length {
            samples.push(self.sample());
            if samples.len() % TELL_EVERY == 0 {
                eprintln!("{:>6.0} s  {:?}", begun.elapsed().as_secs_f64(), samples[samples.len() - 1]);
            }
            thread::sleep(SAMPLE_EVERY);
        }
        let asked = self.asked.load(Ordering::SeqCst) - warm;
        let share = (samples.len() / 4).max(1);
        let (before, after) = (median(&samples[..share]), median(&samples[samples.len() - share..]));
        eprintln!("{warm} requests in {warm_up:?}, then {asked} in {length:?}: {before:?}, then {after:?}");
        let unserved = self.unserved.load(Ordering::SeqCst);
        assert!(unserved * 20 < asked, "{unserved} of {asked} requests were not served");
        assert!(warm > 500 && asked > 500, "too little was asked: {warm}, then {asked}");
        let most = before.resident_kib + before.resident_kib * ALLOWANCE_PERCENT / 100;
        assert!(after.resident_kib <= most, "memory grows: {before:?}, then {after:?} after {asked} requests");
        assert!(after.files <= before.files + 8, "files stay open: {before:?}, then {after:?}");
        assert!(after.threads <= before.threads + 2, "threads stay: {before:?}, then {after:?}");
    }

    /// As many sources as there is room for, and more, have failed: a request that is no form costs little.
    fn fill_sources(&self, sources: usize) {
        let mut connection = self.server.connect();
        for batch in 0..sources / PIPELINED {
            let requests: Vec<u8> = (0..PIPELINED)
                .flat_map(|one| {
                    let number = batch * PIPELINED + one;
                    let header = format!("X-Forwarded-For: 10.9.{}.{}\r\n", number / 256, number % 256);
                    connection.form_request("/oauth/token", &header, "grant_type=x")
                })
                .collect();
            connection.send(&requests).unwrap();
            for _ in 0..PIPELINED {
                let answer = connection.answer().unwrap().unwrap();
                assert_eq!(answer.status, 400);
            }
        }
    }

    /// Asks everything that clients ask, in turn.
    fn ask(&self) {
        let mut connection = self.server.connect();
        let stranger = Issuer::new(&self.issuer.url);
        let mut stranger_elsewhere = Issuer::new(&self.served.issuer.url);
        let mut turn = 0_u64;
        while !self.over.load(Ordering::SeqCst) {
            turn += 1;
            let any = u64::from_ne_bytes(random()[..8].try_into().unwrap());
            let subject = |branch: &str| {
                let sub = format!("repo:acme/web:ref:refs/heads/{branch}:{}", any % SUBJECTS);
                // Large, so that whatever keeps a token is seen to.
                json!({"ref": format!("refs/heads/{branch}"), "sub": sub, "padding": "x".repeat(6000)})
            };
            let (subject, expected) = match turn % 16 {
                0 => (token(&self.issuer, &subject("wrong")), 400),
                1 => (token(&stranger, &json!({})), 400),
                2 => {
                    stranger_elsewhere.key_id = format!("key-{any}");
                    (stranger_elsewhere.sign(&job_with(&stranger_elsewhere, &json!({}))), 400)
                }
                3 => ("not.a.token".to_owned(), 400),
                4..=6 => (token(&self.issuer, &subject("once")), 200),
                7..=8 => (token(&self.served.issuer, &subject("main")), 200),
                _ => (token(&self.issuer, &subject("main")), 200),
            };
            let body = format!("grant_type={GRANT}&subject_token_type={JWT}&subject_token={}", encoded(&subject));
            let source = format!("X-Forwarded-For: 10.{}.{}.{}\r\n", 16 + any % 64, any >> 8 & 0xff, any >> 16 & 0xff);
            let answer = connection.ask(&connection.form_request("/oauth/token", &source, &body));
            if answer.status == 503 && answer.header("retry-after").is_some() {
                // A machine may be so busy that the server cannot keep up with its keys.
                self.unserved.fetch_add(1, Ordering::SeqCst);
                thread::sleep(Duration::from_secs(1));
                continue;
            }
            assert_eq!(answer.status, expected, "{}", answer.text());
            self.asked.fetch_add(1, Ordering::SeqCst);
            if turn % 64 == 4 {
                let body = format!("token={}", encoded(&answer.access_token()));
                let revoked = connection.ask(&connection.form_request("/oauth/revoke", &source, &body));
                assert_eq!(revoked.status, 200);
            }
            if turn % 256 == 5 {
                // Whoever comes anew has a connection of his own.
                connection = self.server.connect();
            }
        }
    }

    /// Does everything that operators do, and takes away what it has made.
    fn operate(&self) {
        let mut admin = Connection::unix(&self.server.socket);
        let mut turn = 0_u64;
        let mut ask = |method: &str, path: &str, body: &Value| {
            let answer = admin.json(method, path, body);
            assert!(matches!(answer.status, 200 | 201 | 503), "{method} {path}: {}", answer.text());
        };
        while !self.over.load(Ordering::SeqCst) {
            turn += 1;
            let issuer = Issuer::new("https://rolling.test");
            let keys = json!({"uploaded": issuer.key_set()});
            let documents = json!({"resources": [
                {"kind": "Provider", "name": "rolling", "spec": {"type": "github", "issuer": issuer.url, "keys": keys}},
                {"kind": "ServiceAccount", "name": "ci/comes", "spec": {"description": format!("{turn}")}},
                {"kind": "Mapping", "name": "ci/comes", "spec": {"provider": "rolling", "serviceAccount": "ci/comes",
                    "match": {"repository_id": format!("{turn}"), "repository_owner_id": "98"},
                    "condition": format!("assertion.run_number == \"{turn}\"")}},
            ]});
            ask("POST", "/v1/apply", &documents);
            let question = json!({"claims": job_with(&self.issuer, &json!({"aud": PUBLIC_URL})), "provider": "github"});
            ask("POST", "/v1/explain", &question);
            ask("GET", "/v1/audit?page_size=50", &Value::Null);
            ask("GET", "/v1/resources", &Value::Null);
            // The mapping first, since it names the others.
            for (kind, name) in [("mapping", "ci/comes"), ("service-account", "ci/comes"), ("provider", "rolling")] {
                ask("POST", "/v1/resource/delete", &json!({"kind": kind, "name": name}));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn sample(&self) -> Sample {
        let process = self.server.process();
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let files = fs::read_dir(format!("/proc/{process}/fd")).unwrap().count() as u64;
        Sample { resident_kib: value("VmRSS:"), anonymous_kib: value("RssAnon:"), threads: value("Threads:"), files }
    }
}

fn median(samples: &[Sample]) -> Sample {
    let middle = |of: fn(&Sample) -> u64| {
        let mut values: Vec<u64> = samples.iter().map(of).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    Sample {
        resident_kib: middle(|sample| sample.resident_kib),
        anonymous_kib: middle(|sample| sample.anonymous_kib),
        threads: middle(|sample| sample.threads),
        files: middle(|sample| sample.files),
    }
}

const SECONDS: u64 = 8;
const LANES: usize = 12;
/// Resident memory at the end may be so much more than at the beginning. What grows by more is not bounded.
const ALLOWANCE_PERCENT: u64 = 10;
/// More than the server remembers at a time.
const SUBJECTS: u64 = 20_000;
/// Up to here a run is a part of the test command.
const SHORT: Duration = Duration::from_secs(60);
/// Every memory is full that requests fill: of subjects and sources there is room for 16,384 each.
const THOROUGH: WarmUp = WarmUp { sources: 17_408, requests: 60_000, longest: Duration::from_secs(180) };
/// The large ones are not full; what a request leaves behind is seen nevertheless, when it is as large as a request.
const BRIEF: WarmUp = WarmUp { sources: 1_024, requests: 3_000, longest: Duration::from_secs(8) };
const PIPELINED: usize = 32;
const SAMPLE_EVERY: Duration = Duration::from_millis(250);
const TELL_EVERY: usize = 40;
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
