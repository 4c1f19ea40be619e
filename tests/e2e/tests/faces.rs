//! The wire, byte for byte: every golden transcript in `vectors/faces`, against one real server.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::{fs, thread};

use accredit_e2e::claims::said;
use accredit_e2e::http::Answer;
use accredit_e2e::issuer::now;
use accredit_e2e::server::{Home, PUBLIC_URL, Server};
use accredit_e2e::tokens::{Tokens, proof};
use accredit_e2e::transcript::Stage;

/// A transcript in which the server takes its ten seconds delays none of the others.
#[test]
fn every_transcript_comes_out_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/faces");
    let home = Home::new();
    let server = home.start();
    let tokens = Tokens::new();
    server.apply(&tokens.filled(&fs::read_to_string(folder.join("resources.yaml")).unwrap()));
    let issued = Mutex::<HashMap<String, String>>::default();
    let stage = Stage { address: server.address, token: &|name| token(name, &tokens, &server, &issued) };
    let transcripts = transcripts(&folder);
    let played: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = transcripts.iter().map(|path| scope.spawn(|| stage.play(path))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut differences = Vec::new();
    let mut answers = Vec::new();
    for outcome in played {
        match outcome {
            Ok(some) => answers.extend(some.into_iter().flatten()),
            Err(difference) => differences.push(difference),
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    assert!(answers.len() > 150, "only {} requests were answered", answers.len());
    answers
        .iter()
        .filter(|answer| answer.status == 200 && answer.text().contains("\"access_token\""))
        .for_each(check_token);
    assert!(server.stop().success());
}

/// K07: while the disk takes nothing, whoever would get a token at any face is told when to come back, and gets none. So is who
/// revokes one, who writes as Spiral's command line does, and whoever asks whether the server is ready.
#[test]
fn k07_every_face_says_when_to_come_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/faces");
    let home = Home::new();
    // A write beyond the limit is then an error and not the end.
    let server = home.start_after("trap '' XFSZ");
    let tokens = Tokens::new();
    server.apply(&tokens.filled(&fs::read_to_string(folder.join("resources.yaml")).unwrap()));
    let issued = server.exchange(&tokens.token("main"), &[("audience", "https://payments.test")]).access_token();
    let token = |name: &str| if name.starts_with("issued-") { issued.clone() } else { tokens.token(name) };
    let bearer = server.accredit(["token", "spiral", "--project", "ci", "-o", "json"]).ended(0).json();
    let written = fs::metadata(home.path("data/accredit.db-wal")).unwrap().len();
    server.limit(&format!("--fsize={written}:unlimited"));
    let stage = Stage { address: server.address, token: &token };
    let mut answers: Vec<_> = transcripts(&folder).iter().flat_map(|path| stage.answers_to_allowed(path)).collect();
    let faces = ["anthropic", "client-credentials", "entra", "jwt-bearer", "openai", "rfc8693", "spiral"];
    assert!(faces.iter().all(|face| answers.iter().any(|(place, _)| place.contains(&format!("/{face}/")))));
    let workload = format!(
        "POST /v1/projects/{}/workloads HTTP/1.1\r\nHost: accredit.test\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{{\"name\":\"w\"}}",
        bearer["project_id"].as_str().unwrap(),
        bearer["token"].as_str().unwrap()
    );
    answers.push(("Spiral's command line".to_owned(), server.connect().ask(workload.as_bytes())));
    answers.push(("revocation".to_owned(), server.form("/oauth/revoke", &[], &[("token", &issued)])));
    answers.push(("readiness".to_owned(), server.connect().get("/readyz")));
    for (place, answer) in answers {
        assert_eq!(answer.status, 503, "{place}: {}", answer.text());
        let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
        assert!(seconds.is_some_and(|seconds| seconds >= 1), "{place} does not say when to come back: {answer:?}");
        assert!(!answer.text().contains("access_token"), "{place}: {}", answer.text());
    }
    server.limit("--fsize=unlimited:unlimited");
    server.exchange(&tokens.token("main"), &[]).access_token();
    assert!(server.stop().success());
}

/// A subject token, or an access token of ours that was issued for one: `issued-NAME`, `issued-NAME@AUDIENCE`. With a mark
/// it is the same one each time. Proofs with another fault have the server's nonce, which is looked at first.
fn token(name: &str, tokens: &Tokens, server: &Server, issued: &Mutex<HashMap<String, String>>) -> String {
    let faulty = ["elsewhere", "other-key", "other-method", "stale"];
    if let Some(name) = name.strip_prefix("proof-").filter(|name| faulty.contains(name)) {
        return proof(name, Some(&nonce(server)));
    }
    let Some(subject) = name.strip_prefix("issued-") else { return tokens.token(name) };
    let (subject, mark) = subject.split_once('#').unwrap_or((subject, ""));
    let (subject, audience) = subject.split_once('@').unwrap_or((subject, "https://payments.test"));
    let exchange = || server.exchange(&tokens.token(subject), &[("audience", audience)]).access_token();
    if mark.is_empty() {
        return exchange();
    }
    issued.lock().unwrap().entry(name.to_owned()).or_insert_with(exchange).clone()
}

/// K01, H05: what an access token says is what the answer says, and nothing that the subject's token brought along.
fn check_token(answer: &Answer) {
    let body = answer.json();
    let claims = said(&answer.access_token());
    let names: Vec<_> = claims.keys().map(String::as_str).collect();
    assert_eq!(names, ["aud", "client_id", "exp", "iat", "iss", "jti", "org_id", "scope", "sub"]);
    let text = |name: &str| claims.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    assert_eq!(text("iss"), PUBLIC_URL);
    assert_eq!(text("jti"), answer.decision());
    assert_eq!(text("sub"), text("client_id"));
    assert!(text("sub").starts_with("sa_") && text("org_id").starts_with("proj_"), "{claims:?}");
    assert!(["https://payments.test", "https://ledger.test"].contains(&text("aud").as_str()), "{claims:?}");
    assert_eq!(text("scope"), body["scope"].as_str().unwrap());
    assert_eq!(claims["exp"], body["expires_at"]);
    assert!(claims["iat"].as_i64().is_some_and(|at| (now() - 30..=now()).contains(&at)), "{claims:?}");
}

/// The nonce that the server tells whoever shows a proof without one.
fn nonce(server: &Server) -> String {
    let proof = proof("without-nonce", None);
    let request = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: accredit.test\r\nDPoP: {proof}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 55\r\n\r\ngrant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&"
    );
    server.connect().ask(request.as_bytes()).header("dpop-nonce").unwrap().to_owned()
}

fn transcripts(folder: &Path) -> Vec<PathBuf> {
    let list =
        |folder: &Path| -> Vec<PathBuf> { fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect() };
    let folders = list(folder).into_iter().filter(|path| path.is_dir());
    let mut transcripts: Vec<_> = folders.flat_map(|folder| list(&folder)).collect();
    transcripts.sort();
    transcripts
}
