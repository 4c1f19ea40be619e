//! A stand-in for AWS' token service that verifies Signature Version 4 for real, and a signer to go with it.
//!
//! Both are written from AWS' description of the algorithm and share nothing but the hash functions, so that a request that
//! was changed anywhere between them is found out.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use accredit_id::digest::sha256;
use accredit_id::hex;
use accredit_id::time::Timestamp;
use aws_lc_rs::hmac;
use serde_json::{Value, json};

/// A token service behind a loopback socket, for as long as the process lives.
pub struct Sts {
    /// Where it listens; for `fetch.aws_sts`.
    pub url: String,
    seen: Arc<Seen>,
}

/// How it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// As AWS does.
    #[default]
    Honest,
    /// With JSON that names whoever the request's own headers name.
    Reflecting,
    /// With a redirect to itself.
    Redirecting,
    /// With more than any answer has.
    Huge,
    /// With an error that is its own.
    Overloaded,
    /// With an account that the ARN does not name.
    Contradicting,
}

#[derive(Default)]
struct Seen {
    requests: AtomicUsize,
    manner: Mutex<Manner>,
    /// The heads of the requests, as they came.
    heads: Mutex<Vec<String>>,
}

/// Temporary credentials of a role's session, as both ends know them.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The key's id.
    pub access_key_id: &'static str,
    /// The secret.
    pub secret: &'static str,
    /// The session token.
    pub session_token: &'static str,
}

/// A request before it is signed. What a forger would change can be changed.
#[derive(Clone, Debug)]
pub struct Request {
    /// The region of the scope.
    pub region: &'static str,
    /// The URL's host.
    pub host: String,
    /// The query, signed too.
    pub query: String,
    /// The body.
    pub body: String,
    /// When.
    pub at: i64,
    /// Headers that are signed.
    pub signed: Vec<(String, String)>,
    /// Headers that are added afterwards.
    pub unsigned: Vec<(String, String)>,
    /// The method.
    pub method: &'static str,
}

/// The one account and role that the stand-in knows.
pub const CREDENTIALS: Credentials = Credentials {
    access_key_id: "ASIAACCREDITEXAMPLE1",
    secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    session_token: "IQoJb3JpZ2luX2VjEXAMPLE+TOKEN/==",
};
/// Its account.
pub const ACCOUNT: &str = "123456789012";
/// The id of its role.
pub const ROLE_ID: &str = "AROAACCREDITEXAMPLE12";

// === impl Sts ===

impl Sts {
    /// Starts it.
    ///
    /// # Panics
    /// No port is free.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, seen) = (stream.unwrap(), Arc::clone(&shared));
                thread::spawn(move || drop(answer(&stream, &seen)));
            }
        });
        Self { url, seen }
    }

    /// How often it was asked.
    pub fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }

    /// The head of the last request, as it came.
    ///
    /// # Panics
    /// It was never asked.
    pub fn last_head(&self) -> String {
        self.seen.heads.lock().unwrap_or_else(PoisonError::into_inner).last().cloned().unwrap()
    }

    /// From now on it answers so.
    pub fn turn(&self, manner: Manner) {
        *self.seen.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }
}

fn answer(mut stream: &TcpStream, seen: &Seen) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim_end().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let length = header(&head, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    seen.requests.fetch_add(1, Ordering::SeqCst);
    seen.heads.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
    let manner = *seen.manner.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, kind, body) = match (manner, verdict(&head, &body)) {
        (Manner::Redirecting, _) => ("302 Found", "text/xml\r\nlocation: http://127.0.0.1/", String::new()),
        (Manner::Reflecting, _) => ("200 OK", "application/json", reflected(&head)),
        (Manner::Huge, _) => ("200 OK", "text/xml", format!("{}{}", identity(ACCOUNT), " ".repeat(1 << 20))),
        (Manner::Overloaded, _) => ("503 Service Unavailable", "text/xml", error("ServiceUnavailable")),
        (Manner::Contradicting, Ok(())) => ("200 OK", "text/xml", identity("999999999999")),
        (_, Ok(())) => ("200 OK", "text/xml", identity(ACCOUNT)),
        (_, Err(code)) => ("403 Forbidden", "text/xml", error(code)),
    };
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n");
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len())
}

/// Verifies the signature over what came (AWS General Reference, Signature Version 4).
fn verdict(head: &str, body: &[u8]) -> Result<(), &'static str> {
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let authorization = header(head, "authorization").ok_or("MissingAuthenticationToken")?;
    let member = |name: &str| {
        let (_, rest) = authorization.split_once(name)?;
        Some(rest.split(',').next().unwrap_or_default().trim().to_owned())
    };
    let (Some(scope), Some(names), Some(signature)) =
        (member("Credential="), member("SignedHeaders="), member("Signature="))
    else {
        return Err("IncompleteSignature");
    };
    if header(head, "x-amz-security-token") != Some(CREDENTIALS.session_token.to_owned()) {
        return Err("InvalidClientTokenId");
    }
    let (key_id, scope) = scope.split_once('/').ok_or("IncompleteSignature")?;
    let date = header(head, "x-amz-date").ok_or("MissingAuthenticationToken")?;
    if key_id != CREDENTIALS.access_key_id {
        return Err("InvalidClientTokenId");
    }
    let headers: Vec<(String, String)> =
        names.split(';').map(|name| (name.to_owned(), header(head, name).unwrap_or_default())).collect();
    let canonical = canonical(method, path, &parameters(query), &headers, body);
    let expected = seal(scope, &date, &canonical);
    match expected == signature {
        true => Ok(()),
        false => Err("SignatureDoesNotMatch"),
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let lines = head.lines().skip(1);
    lines
        .filter_map(|line| line.split_once(':'))
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
}

/// What the headers say, as a service that speaks JSON might show it.
fn reflected(head: &str) -> String {
    let domain = header(head, "x-accredit-domain").unwrap_or_default();
    json!({"GetCallerIdentityResponse": {"GetCallerIdentityResult": {"Arn": domain, "Account": ACCOUNT}}}).to_string()
}

fn identity(account: &str) -> String {
    format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <GetCallerIdentityResult>\n    \
         <Arn>arn:aws:sts::{ACCOUNT}:assumed-role/web/i-0123456789</Arn>\n    <UserId>{ROLE_ID}:i-0123456789</UserId>\n    \
         <Account>{account}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
         <RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n"
    )
}

fn error(code: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>Sender</Type>\n    \
         <Code>{code}</Code>\n    <Message>it isn&apos;t right</Message>\n  </Error>\n  <RequestId>0123</RequestId>\n</ErrorResponse>\n"
    )
}

// === impl Request ===

impl Request {
    /// As an SDK in a workload makes it, for a server with this domain.
    pub fn new(domain: &str, at: i64) -> Self {
        let host = "sts.eu-central-1.amazonaws.com".to_owned();
        let signed = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", &host),
            ("x-accredit-domain", domain),
            ("x-amz-date", &stamp(at)),
            ("x-amz-security-token", CREDENTIALS.session_token),
        ];
        Self {
            region: "eu-central-1",
            query: String::new(),
            body: "Action=GetCallerIdentity&Version=2011-06-15".to_owned(),
            at,
            signed: signed.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            unsigned: Vec::new(),
            method: "POST",
            host,
        }
    }

    /// Sets a signed header, or takes it out.
    pub fn with(mut self, name: &str, value: Option<&str>) -> Self {
        self.signed.retain(|(other, _)| other != name);
        self.signed.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self.signed.sort();
        self
    }

    /// Its `Authorization`.
    pub fn authorization(&self) -> String {
        let names: Vec<&str> = self.signed.iter().map(|(name, _)| name.as_str()).collect();
        let date = stamp(self.at);
        let scope = format!("{}/{}/sts/aws4_request", &date[..8], self.region);
        let canonical = canonical(self.method, "/", &parameters(&self.query), &self.signed, self.body.as_bytes());
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={}, Signature={}",
            CREDENTIALS.access_key_id,
            names.join(";"),
            seal(&scope, &date, &canonical)
        )
    }

    /// As a subject token: percent-encoded JSON.
    pub fn subject_token(&self) -> String {
        let pair = |(name, value): &(String, String)| json!({"key": name, "value": value});
        let mut headers: Vec<Value> = self.signed.iter().chain(&self.unsigned).map(pair).collect();
        headers.push(json!({"key": "Authorization", "value": self.authorization()}));
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        let url = format!("https://{}/{query}", self.host);
        let token = json!({"url": url, "method": self.method, "headers": headers, "body": self.body});
        crate::http::encoded(&token.to_string())
    }
}

/// `YYYYMMDDTHHMMSSZ`.
pub fn stamp(at: i64) -> String {
    Timestamp::from_unix(at).to_string().replace(['-', ':'], "")
}

fn parameters(query: &str) -> String {
    let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    pairs.join("&")
}

fn canonical(method: &str, path: &str, query: &str, headers: &[(String, String)], body: &[u8]) -> String {
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    format!("{method}\n{path}\n{query}\n{lines}\n{}\n{}", names.join(";"), hex::encode(&sha256(body)))
}

fn seal(scope: &str, date: &str, canonical: &str) -> String {
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex::encode(&sha256(canonical.as_bytes())));
    let first = format!("AWS4{}", CREDENTIALS.secret).into_bytes();
    let key = scope.split('/').fold(first, |key, part| mac(&key, part.as_bytes()));
    hex::encode(&mac(&key, to_sign.as_bytes()))
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}
