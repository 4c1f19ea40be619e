//! The everyday failures of `vectors/failures/everyday.txt`: each is provoked, and what the product says of it is what the page
//! for whoever meets it says (`docs/guides/troubleshooting.md` is written from that file).

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use accredit_e2e::claims::token;
use accredit_e2e::command::{Ran, accredit, run};
use accredit_e2e::issuer::{Issuer, now};
use accredit_e2e::resources;
use accredit_e2e::server::{Home, PUBLIC_URL, Server};
use serde_json::{Value, json};

/// What somebody reads: the line, and at most one hint.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    line: String,
    hint: Option<String>,
}

type Provoke = fn(&Stage) -> Said;

/// Each failure whose subject exists, by its name in the file.
const FAILURES: &[(&str, Provoke)] = &[
    ("audience", |stage| stage.refused(&json!({"aud": "sts.amazonaws.com"}), &[])),
    ("issuer-slash", |stage| stage.refused(&json!({"iss": "https://ci.test/"}), &[])),
    ("expired", |stage| stage.refused(&json!({"iat": now() - 600, "nbf": now() - 600, "exp": now() - 212}), &[])),
    ("proxy", |stage| {
        let (proxy, file) = (refusing_proxy(), stage.home.write("token", "x"));
        let mut command = accredit();
        command.args(["login", "https://accredit.example.org", "--token-file", file.to_str().unwrap()]);
        command.env("HOME", stage.home.folder()).env("HTTPS_PROXY", proxy);
        complaint(&run(&mut command, "").ended(4))
    }),
    ("ref", |stage| stage.refused(&json!({"ref": "refs/heads/dev"}), &[])),
    ("case", |stage| {
        stage.apply(&mapping("ci/named", r#"{repository: acme/web, ref: refs/heads/dev}"#));
        stage.refused(&json!({"ref": "refs/heads/dev", "repository": "Acme/web", "repository_id": "7"}), &[])
    }),
    ("subject-format", |stage| {
        stage.apply(&mapping("ci/subject", r#"{sub: "repo:acme/web:ref:refs/heads/dev"}"#));
        let immutable = "repo:acme@98/web@7:ref:refs/heads/dev";
        stage.refused(
            &json!({"sub": immutable, "ref": "refs/heads/dev", "repository_id": "7", "repository": "acme/x"}),
            &[],
        )
    }),
    ("id-reused", |stage| {
        stage.apply(&mapping("ci/named", "{repository: acme/web, ref: refs/heads/dev}"));
        let of = |id: &str| json!({"ref": "refs/heads/dev", "repository_id": id});
        stage.server.exchange(&token(&stage.issuer, &of("123")), &[]).access_token();
        stage.refused(&of("456"), &[])
    }),
    ("two-mappings", |stage| {
        stage.apply(&mapping("ci/web-all", r#"{repository_id: "123", repository_owner_id: "98"}"#));
        stage.refused(&json!({}), &[])
    }),
    ("owner-not-pinned", |stage| stage.fails_to_apply(&mapping("ci/web-all", "{ref: refs/heads/main}"))),
    ("key-unknown", |_| {
        let served = Issuer::serve();
        let home = Home::new();
        let server = home.start();
        server.apply(&resources::discovered(&served.issuer));
        server.exchange(&token(&served.issuer, &json!({})), &[]).access_token();
        let mut other = Issuer::new(&served.issuer.url);
        other.key_id = "9f3c".to_owned();
        told(&server, &server.exchange(&token(&other, &json!({})), &[]).decision())
    }),
    ("not-public", |stage| stage.fails_to_apply(&resources::provider("k8s", "https://10.0.3.4", "{discovery: {}}"))),
    ("number-for-string", |stage| {
        stage.fails_to_apply(
            &mapping("ci/web-all", "\n    repository_id: 123\n    repository_owner_id: \"98\"")
                .replace("{", "")
                .replace("}", ""),
        )
    }),
    ("scope", |stage| stage.refused(&json!({}), &[("scope", "payments.write")])),
    ("used-already", |stage| {
        stage.apply(&resources::once("ci/once", "github", "once"));
        let subject = token(&stage.issuer, &json!({"ref": "refs/heads/once"}));
        stage.server.exchange(&subject, &[]).access_token();
        told(&stage.server, &stage.server.exchange(&subject, &[]).decision())
    }),
    ("key-encryption-key", |_| {
        let home = Home::new();
        assert!(home.start().stop().success());
        let other = Home::new();
        assert!(other.start().stop().success());
        home.write("kek", &fs::read_to_string(other.path("kek")).unwrap());
        let ran = home.fail_to_start();
        let Said { line, hint } = complaint(&ran);
        let file = home.path("kek").display().to_string();
        let shown = |text: String| text.replace(&file, "/etc/accredit/kek");
        // Which key it is differs each time, and base64url has no end of its own here.
        let (before, after) = line.split_once("key `").unwrap();
        let (_, after) = after.split_once('`').unwrap();
        Said { line: shown(format!("{before}key `[KEY]`{after}")), hint: hint.map(shown) }
    }),
];

fn mapping(name: &str, matches: &str) -> String {
    format!("kind: Mapping\nname: {name}\nspec:\n  provider: github\n  serviceAccount: ci/web\n  match: {matches}\n")
}

/// A server with the usual resources, and one failure on it.
struct Stage {
    home: Home,
    issuer: Issuer,
    server: Server,
}

// === impl Stage ===

impl Stage {
    fn new() -> Self {
        let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
        let server = home.start();
        server.apply(&resources::usual(&issuer));
        Self { home, issuer, server }
    }

    fn apply(&self, documents: &str) {
        self.server.apply(documents);
    }

    fn refused(&self, changes: &Value, more: &[(&str, &str)]) -> Said {
        told(&self.server, &self.server.exchange(&token(&self.issuer, changes), more).decision())
    }

    fn fails_to_apply(&self, documents: &str) -> Said {
        let file = self.home.write("web.yaml", documents);
        let Said { line, hint } = complaint(&self.server.accredit(["apply", "-f", file.to_str().unwrap()]).ended(1));
        Said { line: line.replace(file.to_str().unwrap(), "web.yaml"), hint }
    }
}

/// A proxy that wants credentials; its URL.
fn refusing_proxy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"x\"\r\ncontent-length: 0\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

/// What `accredit decision` says: the first line below the verdict, and the hint.
fn told(server: &Server, decision: &str) -> Said {
    let text = server.accredit(["decision", decision]).ended(0).stdout;
    assert!(text.starts_with("denied"), "{text}");
    let mut said = text.lines().skip(1).map_while(|line| line.strip_prefix("         "));
    let line = said.next().unwrap().to_owned();
    Said { line, hint: said.find_map(|line| line.strip_prefix("hint: ")).map(str::to_owned) }
}

/// What stands on stderr.
fn complaint(ran: &Ran) -> Said {
    let after = |label: &str| ran.stderr.lines().find_map(|line| line.strip_prefix(label)).map(str::to_owned);
    let line = after("error: ").unwrap_or_else(|| panic!("no error:\n{}", ran.stderr));
    Said { line, hint: after("hint: ") }
}

#[test]
fn everyday_failures_read_as_the_page_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/failures/everyday.txt");
    let expected = read(&fs::read_to_string(path).unwrap());
    let mut failures = Vec::new();
    for (name, provoke) in FAILURES {
        let said = provoke(&Stage::new());
        let fits = expected.get(*name).is_some_and(|expected| {
            let hint = match (&expected.hint, &said.hint) {
                (Some(expected), Some(said)) => fits(expected, said),
                (None, None) => true,
                _ => false,
            };
            hint && fits(&expected.line, &said.line)
        });
        if !fits {
            let hint = said.hint.map(|hint| format!("\nhint   {hint}")).unwrap_or_default();
            failures.push(format!("= {name}\nline   {}{hint}", said.line));
        }
    }
    assert!(failures.is_empty(), "these came out otherwise:\n\n{}\n", failures.join("\n\n"));
    let provoked: Vec<_> = FAILURES.iter().map(|(name, _)| *name).collect();
    let alone: Vec<_> = expected.keys().filter(|name| !provoked.contains(&name.as_str())).collect();
    assert!(alone.is_empty(), "nothing provokes {alone:?}");
    assert_eq!(PUBLIC_URL, "http://accredit.test");
}

/// The failures of the file that have a line.
fn read(text: &str) -> BTreeMap<String, Said> {
    let mut found = BTreeMap::new();
    for record in text.split("\n\n").filter(|record| record.starts_with("= ")) {
        let member = |name: &str| {
            record
                .lines()
                .find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
                .filter(|text| !text.is_empty())
        };
        if let (Some(name), Some(line)) = (member("= "), member("line ")) {
            found.insert(name, Said { line, hint: member("hint ") });
        }
    }
    found
}

/// Whether a text is what is expected, where `[N]` is a number, `[DEC]` a decision's id, `[TIME]` a time and `[HEX]` a digest's
/// beginning.
fn fits(expected: &str, said: &str) -> bool {
    let holes = [
        ("[N]", "0123456789"),
        ("[DEC]", "dec_0123456789abcdef"),
        ("[TIME]", "0123456789-:TZ"),
        ("[HEX]", "0123456789abcdef"),
    ];
    let hole = holes.iter().filter_map(|(hole, of)| Some((expected.find(hole)?, *hole, *of))).min();
    let Some((at, hole, of)) = hole else { return expected == said };
    let Some(rest) = said.strip_prefix(&expected[..at]) else { return false };
    let after = rest.trim_start_matches(|letter| of.contains(letter));
    after.len() < rest.len() && fits(&expected[at + hole.len()..], after)
}
