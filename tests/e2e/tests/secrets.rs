//! What must not leave, and who must not come in.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use accredit_e2e::claims::job_with;
use accredit_e2e::command::{accredit, binary, run};
use accredit_e2e::issuer::Issuer;
use accredit_e2e::server::Home;
use accredit_e2e::{resources, skip};
use accredit_id::base64url;
use nix::unistd::geteuid;
use serde_json::json;

/// A claim's value that nobody listed, so that it must appear nowhere.
const SECRET: &str = "hunter2-correct-horse-battery";

/// L22, K08: a custom claim that holds a secret, the tokens that came in and went out, and the key-encryption key are
/// in no file, no log line, no answer and no record; also where policy looks at that claim and cannot stand it.
#[test]
fn known_secrets_are_found_nowhere() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start_with(&["--log", "json"], [("RUST_LOG", "trace")]);
    let provider = resources::usual(&issuer).replacen(
        "spec:\n",
        "spec:\n  attributes: {key: assertion.deploy_key, number: int(assertion.deploy_key)}\n",
        1,
    );
    server.apply(&(provider + &picky()));
    let kek = fs::read_to_string(home.path("kek")).unwrap().trim().to_owned();
    let secrets = |changes: serde_json::Value| {
        let mut claims = job_with(&issuer, &changes);
        claims["deploy_key"] = json!(SECRET);
        claims["nested"] = json!({"inside": [SECRET]});
        issuer.sign(&claims)
    };
    let mut hidden = vec![SECRET.to_owned(), kek.clone(), base64url::encode(SECRET.as_bytes())];
    let mut told = String::new();

    let good = secrets(json!({}));
    let allowed = server.exchange(&good, &[]);
    told += &server.accredit(["decision", &allowed.decision()]).ended(0).stdout;
    hidden.extend([good.clone(), allowed.access_token()]);
    let mut forged = good.clone();
    forged.replace_range(good.len() - 4.., "AAAA");
    let picky: Vec<_> =
        (0..PICKY.len()).map(|number| secrets(json!({"ref": format!("refs/heads/picky-{number}")}))).collect();
    let others = [
        forged,
        secrets(json!({"exp": 1})),
        secrets(json!({"aud": "sts.amazonaws.com"})),
        secrets(json!({"ref": "refs/heads/dev"})),
    ];
    for subject in picky.into_iter().chain(others) {
        let refused = server.exchange(&subject, &[]);
        assert_eq!(refused.status, 400, "{}", refused.text());
        told += refused.text();
        told += &server.accredit(["decision", &refused.decision()]).ended(0).stdout;
        told += &server.accredit(["decision", &refused.decision(), "-o", "json"]).ended(0).stdout;
        hidden.push(subject);
    }
    let json = format!(r#"{{"subject_token":"{good}","identity_provider_id":"{SECRET}","grant_type":"{SECRET}"}}"#);
    told += server.connect().json("POST", "/oauth/token", &serde_json::from_str(&json).unwrap()).text();
    told += &server.accredit(["audit", "list", "--limit", "1000", "-o", "json"]).ended(0).stdout;
    told += &server.accredit(["audit", "list"]).ended(0).stdout;
    let elsewhere = Home::new();
    let file = elsewhere.write("token", &good);
    let explained = server.accredit(["explain", "--token", file.to_str().unwrap()]).ended(0);
    assert!(explained.stdout.contains(SECRET), "whoever shows a token himself may see it:\n{}", explained.stdout);
    assert!(server.stop().success());

    // Of a token each half is as good as the whole to find it again; signatures alone are what makes it usable.
    let parts: Vec<String> = hidden
        .iter()
        .filter(|text| text.starts_with("eyJ"))
        .flat_map(|token| token.split('.').skip(1))
        .filter(|part| part.len() > 20)
        .map(str::to_owned)
        .collect();
    hidden.extend(parts);
    let files: Vec<_> = files(home.folder()).into_iter().filter(|path| !path.ends_with("kek")).collect();
    assert!(
        files.iter().any(|path| path.ends_with("data/accredit.db")) && files.iter().any(|path| path.ends_with("log")),
        "{files:?}"
    );
    for path in files {
        let bytes = fs::read(&path).unwrap();
        for text in &hidden {
            assert!(!contains(&bytes, text.as_bytes()), "`{text}` is in {}", path.display());
        }
    }
    for text in &hidden {
        assert!(!told.contains(text.as_str()), "`{text}` was told:\n{told}");
    }
    assert!(told.contains("(not recorded)"), "nothing had to be left out, so nothing was tested:\n{told}");
}

/// Mappings that look at the secret claim in every way there is.
fn picky() -> String {
    let mapping = |(number, rule): (usize, &&str)| {
        let (matches, condition) = match rule.strip_prefix("match ") {
            Some(matches) => (format!(", {matches}"), String::new()),
            None => (String::new(), format!("  condition: '{rule}'\n")),
        };
        let matches = format!("repository_id: \"123\", ref: refs/heads/picky-{number}{matches}");
        format!(
            "---\nkind: Mapping\nname: ci/picky-{number}\nspec:\n  provider: github\n  serviceAccount: ci/web\n  match: {{{matches}}}\n{condition}"
        )
    };
    PICKY.iter().enumerate().map(mapping).collect()
}

const PICKY: &[&str] = &[
    "match deploy_key: other",
    "match deploy_key: 7",
    "match x.key: other",
    "match x.number: \"7\"",
    r#"assertion.deploy_key == "other""#,
    "assertion.deploy_key > 7",
    "int(assertion.deploy_key) > 7",
    "double(assertion.deploy_key) > 7.0",
    "assertion.deploy_key.matches(\"^other$\")",
    "bool(assertion.deploy_key)",
    "assertion.deploy_key.inside == 1",
    r#"assertion.nested.inside[0] == "other""#,
    r#"assertion.nested.inside.exists(key, key == "other")"#,
    "assertion.nested[assertion.deploy_key] == 1",
    r#"{"a": 1}[assertion.deploy_key] == 1"#,
    r#"assertion.deploy_key + "x" == "y""#,
];

/// L19: socket, store and key are their owner's alone.
#[test]
fn what_is_made_is_its_owners_alone() {
    let home = Home::new();
    let server = home.start();
    let mode = |name: &str| fs::metadata(home.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode("run"), mode("run/admin.sock"), mode("kek")], [0o700, 0o600, 0o600]);
    for path in files(&home.path("data")) {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
    assert!(server.stop().success());

    for (name, loose, words) in [("kek", 0o640, "640"), ("run", 0o755, "mode 755, expected 700")] {
        fs::set_permissions(home.path(name), fs::Permissions::from_mode(loose)).unwrap();
        let ran = home.fail_to_start().ended(1);
        assert!(ran.stderr.contains(words) && ran.stderr.contains(home.path(name).to_str().unwrap()), "{}", ran.stderr);
        fs::set_permissions(home.path(name), fs::Permissions::from_mode(loose & 0o700)).unwrap();
    }
    assert!(home.start().stop().success());
}

/// L19: whoever else reaches the socket, because its folder was opened meanwhile, is not answered.
#[test]
fn the_admin_socket_answers_nobody_else() {
    if !geteuid().is_root() {
        return skip("the admin socket and another user", "only root can become somebody else");
    }
    let home = Home::new();
    let server = home.start();
    for name in ["", "run", "run/admin.sock"] {
        fs::set_permissions(home.path(name), fs::Permissions::from_mode(0o777)).unwrap();
    }
    // The copy lies where anybody can execute it.
    let copy = home.path("accredit");
    fs::hard_link(binary(), &copy).or_else(|_| fs::copy(binary(), &copy).map(drop)).unwrap();
    let as_nobody = |arguments: &[&str]| {
        let mut command = std::process::Command::new(&copy);
        command.env_clear().args(arguments).env("ACCREDIT_ADMIN_SOCKET", &server.socket).uid(NOBODY).gid(NOBODY);
        run(&mut command, "kind: Project\nname: evil\n")
    };
    assert_eq!(as_nobody(&["--version"]).code, Some(0), "nobody cannot even start the binary");
    for arguments in [&["status"][..], &["apply", "-f", "-"], &["export"]] {
        let ran = as_nobody(arguments);
        assert!(ran.code != Some(0) && ran.stdout.is_empty(), "{ran:?}");
    }
    assert!(!server.accredit(["export"]).ended(0).stdout.contains("evil"));
}

/// A second server does not take over the socket of one that answers; a socket that a crash left behind is replaced.
#[test]
fn a_socket_that_is_answered_is_not_taken_over() {
    let (home, other) = (Home::new(), Home::new());
    let server = home.start();
    other.configure("run/admin.sock", home.path("run/admin.sock").to_str().unwrap());
    let ran = other.fail_to_start().ended(1);
    assert!(ran.stderr.contains("another server answers there"), "{}", ran.stderr);
    server.accredit(["status"]).ended(0);
    server.kill();
    assert!(UnixStream::connect(home.path("run/admin.sock")).is_err());
    home.start().accredit(["status"]).ended(0);
}

/// The command line never lets a token into the shell's history or the list of processes.
#[test]
fn tokens_are_not_taken_from_the_command_line() {
    let ran = run(accredit().args(["explain", "--token", "eyJhbGciOiJub25lIn0.e30."]).env("HOME", "/nonexistent"), "");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("does not exist"), "{}", ran.stderr);
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| fs::metadata(path).is_ok_and(|of| of.is_file()))
        .collect()
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

const NOBODY: u32 = 65534;
