//! Golden transcripts of HTTP: what is sent, what comes back, byte for byte. `vectors/faces/README.md` says how they are
//! written.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, io, thread};

use accredit_id::{base64url, hex};
use serde_json::Value;

use crate::http::{Answer, Connection, Stream};
use crate::issuer::now;

/// Where transcripts are played.
pub struct Stage<'s> {
    /// The server.
    pub address: SocketAddr,
    /// Makes the subject token of a name.
    pub token: &'s (dyn Fn(&str) -> String + Sync),
}

/// One request and its answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Where it begins in the file.
    pub line: usize,
    /// What is sent, a line each.
    pub sent: Vec<String>,
    /// What comes back, a line each, and what becomes of the connection.
    pub expected: Vec<String>,
}

/// What a step must be played with.
enum Tail {
    /// Nothing follows.
    Nothing,
    /// Chunks of four kilobytes, as long as they are taken.
    Endless,
    /// A byte now and then, as long as it is taken.
    Trickle,
}

/// Reads a transcript.
///
/// # Errors
/// A line that is no part of one.
pub fn parse(text: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    let mut open = false;
    for (place, line) in text.lines().enumerate() {
        let (sign, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (sign, steps.last_mut().filter(|_| open)) {
            ("", _) => open = false,
            ("#", None) => {}
            (">", None) => {
                steps.push(Step { line: place + 1, sent: vec![rest.to_owned()], expected: Vec::new() });
                open = true;
            }
            (">", Some(step)) if step.expected.is_empty() => step.sent.push(rest.to_owned()),
            ("<" | "*", Some(step)) => step.expected.push(line.to_owned()),
            _ => return Err(format!("{}: this line is no part of a transcript", place + 1)),
        }
    }
    match steps.iter().find(|step| step.expected.is_empty()) {
        Some(step) => Err(format!("{}: this request has no answer", step.line)),
        None => Ok(steps),
    }
}

// === impl Stage ===

impl Stage<'_> {
    /// Plays a transcript to its end and returns the answers.
    ///
    /// # Errors
    /// Every step that came out otherwise, written so that it can be pasted.
    pub fn play(&self, transcript: &Path) -> Result<Vec<Option<Answer>>, String> {
        let name = transcript.display();
        let text = fs::read_to_string(transcript).map_err(|fault| format!("{name}: {fault}"))?;
        let steps = parse(&text).map_err(|fault| format!("{name}:{fault}"))?;
        let mut answers = Vec::new();
        let mut differences = Vec::new();
        for step in &steps {
            let place = format!("{name}:{}", step.line);
            match self.step(step) {
                Ok((answer, seen)) => {
                    if seen != step.expected {
                        differences.push(format!("{place} came out otherwise:\n{}", seen.join("\n")));
                    }
                    answers.push(answer);
                }
                Err(fault) => differences.push(format!("{place}: {fault}")),
            }
        }
        if differences.is_empty() { Ok(answers) } else { Err(differences.join("\n\n")) }
    }

    /// What a server says by now to those requests of a transcript that were answered with a token, by the places where they
    /// stand.
    ///
    /// # Panics
    /// The transcript is none, or a request is not answered.
    pub fn answers_to_allowed(&self, transcript: &Path) -> Vec<(String, Answer)> {
        let steps = parse(&fs::read_to_string(transcript).unwrap()).unwrap();
        let allowed = steps.iter().filter(|step| step.expected.iter().any(|line| line.contains("{{access_token}}")));
        let answer = |step: &Step| {
            let answered = Connection::tcp(self.address).ask(&self.request(&step.sent).0);
            (format!("{}:{}", transcript.display(), step.line), answered)
        };
        allowed.map(answer).collect()
    }

    fn step(&self, step: &Step) -> io::Result<(Option<Answer>, Vec<String>)> {
        let (request, tail) = self.request(&step.sent);
        let mut connection = Connection::tcp(self.address);
        connection.send(&request)?;
        let answered = AtomicBool::new(false);
        let answer = thread::scope(|scope| {
            let writer = connection.writer();
            scope.spawn(|| go_on(writer, &tail, &answered));
            let answer = match step.sent[0].starts_with("HEAD ") {
                true => connection.head_alone(),
                false => connection.answer(),
            };
            answered.store(true, Ordering::SeqCst);
            answer
        });
        // Who closes while bytes are still coming in resets the connection; the answer may be lost with it.
        let answer = answer.or_else(|fault| match fault.kind() {
            io::ErrorKind::ConnectionReset => Ok(None),
            _ => Err(fault),
        })?;
        let Some(answer) = answer else { return Ok((None, vec!["* closed without an answer".to_owned()])) };
        let mut seen = shown(&answer).map_err(io::Error::other)?;
        let again = format!("GET /livez HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        let is_open = connection.send(again.as_bytes()).is_ok()
            && matches!(connection.answer(), Ok(Some(again)) if again.status == 200);
        seen.push(if is_open { "* kept open" } else { "* closed" }.to_owned());
        Ok((Some(answer), seen))
    }

    /// The bytes of a request. Lines end as RFC 9112 section 2.1 says; the last one of a body does not end.
    fn request(&self, lines: &[String]) -> (Vec<u8>, Tail) {
        let split = lines.iter().position(String::is_empty);
        let (head, body) = lines.split_at(split.unwrap_or(lines.len()));
        let body = body.get(1..).unwrap_or_default().join("\r\n");
        let (body, mut tail) = match (body.strip_suffix("{{endless}}"), body.strip_suffix("{{trickle}}")) {
            (Some(body), _) => (body.to_owned(), Tail::Endless),
            (None, Some(body)) => (body.to_owned(), Tail::Trickle),
            (None, None) => (body, Tail::Nothing),
        };
        let body = self.filled(&body);
        let mut head: String = head.iter().map(|line| format!("{line}\r\n")).collect();
        if split.is_some() {
            head.push_str("\r\n");
        } else if let Some(begun) = head.strip_suffix("{{trickle}}\r\n") {
            head = begun.to_owned();
            tail = Tail::Trickle;
        }
        let mut bytes = self.filled(&head.replace("{{length}}", &body.len().to_string()));
        bytes.extend_from_slice(&body);
        (bytes, tail)
    }

    /// A text with its placeholders filled in.
    fn filled(&self, text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            bytes.extend_from_slice(before.as_bytes());
            let (name, after) = after.split_once("}}").unwrap_or((after, ""));
            bytes.extend_from_slice(&self.value(name));
            rest = after;
        }
        bytes.extend_from_slice(rest.as_bytes());
        bytes
    }

    fn value(&self, name: &str) -> Vec<u8> {
        if name == "host" {
            return self.address.to_string().into_bytes();
        }
        if let Some(token) = name.strip_prefix("token:") {
            return (self.token)(token).into_bytes();
        }
        if let Some(digits) = name.strip_prefix("hex:") {
            return hex::decode(digits).unwrap();
        }
        match name.split_once('*').and_then(|(count, text)| Some((count.parse::<usize>().ok()?, text))) {
            Some((count, text)) => text.replace(r"\r\n", "\r\n").repeat(count).into_bytes(),
            None => panic!("`{{{{{name}}}}}` is no placeholder"),
        }
    }
}

/// Sends what a request never ends with, until there is an answer or nobody listens any more.
fn go_on(mut writer: Box<dyn Stream>, tail: &Tail, answered: &AtomicBool) {
    let (piece, pause): (Vec<u8>, _) = match tail {
        Tail::Nothing => return,
        Tail::Endless => ([b"1000\r\n".as_slice(), &[b'a'; 4096], b"\r\n"].concat(), Duration::ZERO),
        Tail::Trickle => (b"a".to_vec(), Duration::from_millis(300)),
    };
    // 64 MiB of an endless body are far beyond any limit; somebody who takes that much takes everything.
    for _ in 0..16 * 1024 {
        if answered.load(Ordering::SeqCst) || writer.write_all(&piece).is_err() {
            return;
        }
        thread::sleep(pause);
    }
}

/// An answer as a transcript has it: what differs from run to run as placeholders, and none of that taken on trust.
fn shown(answer: &Answer) -> Result<Vec<String>, String> {
    let Answer { status_line, status: _, headers, body } = answer;
    let dates = headers.iter().filter(|(name, _)| name == "date").count();
    if dates != 1 {
        return Err(format!("{dates} `date` headers, expected 1"));
    }
    let mut text = String::from_utf8(body.clone()).map_err(|fault| fault.to_string())?;
    let mut lines = vec![status_line.clone()];
    for (name, value) in headers.iter().filter(|(name, _)| name != "date") {
        let is_length = name == "content-length" && value.parse() == Ok(body.len());
        let is_nonce = name == "dpop-nonce" && value.len() == 22 && base64url::decode(value).is_ok();
        let shown = match (is_length, is_nonce) {
            (true, _) => "{{length}}",
            (_, true) => "{{nonce}}",
            _ => value,
        };
        lines.push(format!("{name}: {shown}"));
    }
    lines.push(String::new());
    if let Some(decision) = answer.header("x-request-id") {
        if !is_decision(decision) {
            return Err(format!("`{decision}` is no decision id"));
        }
        lines.iter_mut().for_each(|line| *line = line.replace(decision, "{{decision}}"));
        text = text.replace(decision, "{{decision}}");
    }
    if let Ok(body) = serde_json::from_slice::<Value>(body) {
        for (place, value) in [("{{access_token}}", access_token(&body)?), ("{{expires_at}}", expires_at(&body)?)] {
            text = value.map_or(text.clone(), |value| text.replace(&value, place));
        }
    }
    lines.extend(text.split('\n').map(str::to_owned));
    Ok(lines.iter().map(|line| format!("< {line}").trim_end().to_owned()).collect())
}

/// `dec_` and 128 bits in lower-case hexadecimal.
pub fn is_decision(text: &str) -> bool {
    let digits = text.strip_prefix("dec_").unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

fn access_token(body: &Value) -> Result<Option<String>, String> {
    let Some(token) = body.get("access_token").and_then(Value::as_str) else { return Ok(None) };
    let is_base64url = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    match token.split('.').count() == 3 && token.split('.').all(is_base64url) {
        true => Ok(Some(token.to_owned())),
        false => Err(format!("`{token}` is no signed token")),
    }
}

/// It must be `expires_in` from now, but for a second or two on the way.
fn expires_at(body: &Value) -> Result<Option<String>, String> {
    let Some(at) = body.get("expires_at").and_then(Value::as_i64) else { return Ok(None) };
    let lifetime = body.get("expires_in").and_then(Value::as_i64).ok_or("`expires_in` is no whole number")?;
    match (now() + lifetime - at).abs() <= 5 {
        true => Ok(Some(at.to_string())),
        false => Err(format!("`expires_at` is {at}, `expires_in` {lifetime}, and it is {}", now())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_parsed() {
        let steps = parse("# about\n\n# case: one\n> A\n>\n> b\n< C\n* closed\n\n> D\n< E\n").unwrap();
        let step = |line, sent: &[&str], expected: &[&str]| {
            let own = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
            Step { line, sent: own(sent), expected: own(expected) }
        };
        assert_eq!(steps, [step(4, &["A", "", "b"], &["< C", "* closed"]), step(10, &["D"], &["< E"])]);
        for wrong in ["> A\n", "< A\n", "> A\n< B\n> C\n", "x\n", "> A\n# case\n< B\n"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn requests_are_the_bytes_that_they_say() {
        let stage = Stage { address: ([127, 0, 0, 1], 80).into(), token: &|name| format!("<{name}>") };
        let request = |text: &str| {
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            String::from_utf8(stage.request(&lines).0).unwrap()
        };
        assert_eq!(request("GET / HTTP/1.1\nHost: {{host}}\n\n"), "GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n");
        assert_eq!(request("GET / HTTP/1.1"), "GET / HTTP/1.1\r\n");
        assert_eq!(request("GET / HTTP/1.1\nX: {{trickle}}"), "GET / HTTP/1.1\r\nX: ");
        assert_eq!(
            request("P\nL: {{length}}\n\n{{token:a}}{{3*xy}}{{hex:410a}}\nz"),
            "P\r\nL: 14\r\n\r\n<a>xyxyxyA\n\r\nz"
        );
    }

    #[test]
    fn only_what_is_what_it_seems_becomes_a_placeholder() {
        let id = format!("dec_{}", "0a".repeat(16));
        let answer = |id: &str, length: &str, body: &str| Answer {
            status_line: "HTTP/1.1 200 OK".to_owned(),
            status: 200,
            headers: [("x-request-id", id), ("content-length", length), ("date", "now")]
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .into(),
            body: body.as_bytes().to_vec(),
        };
        let body =
            format!("{{\"id\":\"{id}\",\"access_token\":\"a.b.c\",\"expires_in\":60,\"expires_at\":{}}}", now() + 60);
        assert_eq!(
            shown(&answer(&id, &body.len().to_string(), &body)).unwrap(),
            [
                "< HTTP/1.1 200 OK",
                "< x-request-id: {{decision}}",
                "< content-length: {{length}}",
                "<",
                "< {\"id\":\"{{decision}}\",\"access_token\":\"{{access_token}}\",\"expires_in\":60,\"expires_at\":{{expires_at}}}"
            ]
        );
        assert_eq!(shown(&answer(&id, "9", "")).unwrap()[2], "< content-length: 9");
        for (id, body) in
            [("dec_1", ""), (&id, "{\"access_token\":\"opaque\"}"), (&id, "{\"expires_in\":60,\"expires_at\":1}")]
        {
            assert!(shown(&answer(id, "0", body)).is_err(), "{body}");
        }
    }
}
