//! The load: lanes of requests of every kind, each of whose answers is judged at once and kept.

use std::io;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use accredit_id::base64url;
use serde_json::{Value, json};

use super::Field;
use super::dice::Dice;
use super::ledger::Evidence;
use super::site::Site;
use crate::claims::{job_with, token};
use crate::http::{Answer, Connection, encoded};
use crate::issuer::Issuer;

/// One client with a connection to each server, which asks whichever it likes.
pub(super) struct Lane<'f> {
    field: &'f Field,
    dice: Dice,
    number: usize,
    connections: Vec<Option<Connection>>,
}

/// A kind of request.
struct Kind<'f> {
    /// How often it is sent, beside the others.
    weight: u64,
    send: fn(&mut Lane<'f>),
}

/// What came of a request.
pub(super) enum Outcome {
    /// An answer.
    Answered(Answer),
    /// It may have arrived; its answer did not.
    Lost(io::Error),
    /// It cannot have arrived.
    Unsent,
}

// === impl Lane ===

impl<'f> Lane<'f> {
    const KINDS: &'f [Kind<'f>] = &[
        Kind { weight: 40, send: Self::plain },
        Kind { weight: 20, send: Self::once },
        Kind { weight: 18, send: Self::once_again },
        Kind { weight: 6, send: Self::served },
        Kind { weight: 5, send: Self::wrong_branch },
        Kind { weight: 4, send: Self::forged },
        Kind { weight: 3, send: Self::unknown_key },
        Kind { weight: 2, send: Self::revoked },
        Kind { weight: 2, send: Self::keys },
    ];

    /// A lane of this number.
    pub(super) fn new(field: &'f Field, number: usize, seed: u64) -> Self {
        let connections = field.sites.iter().map(|_| None).collect();
        Self { field, dice: Dice::new(seed ^ (number as u64) << 32), number, connections }
    }

    /// Asks until the field is closed.
    pub(super) fn run(mut self) {
        let total = Self::KINDS.iter().map(|kind| kind.weight).sum();
        while !self.field.over.load(Ordering::SeqCst) {
            let mut throw = self.dice.between(1, total);
            let kind = Self::KINDS.iter().find(|kind| {
                let hit = throw <= kind.weight;
                throw = throw.saturating_sub(kind.weight);
                hit
            });
            let Kind { send, .. } = kind.unwrap_or(&Self::KINDS[0]);
            send(&mut self);
            thread::sleep(self.field.pace);
        }
    }

    fn plain(&mut self) {
        let subject = token(&self.field.issuer, &json!({}));
        self.allowed("plain", &subject, "ci/web-main");
    }

    fn served(&mut self) {
        let subject = token(&self.field.served.issuer, &json!({}));
        self.allowed("served", &subject, "ci/web-served");
    }

    /// What policy allows: a token, unless something is in the way.
    fn allowed(&mut self, kind: &'static str, subject: &str, mapping: &'static str) {
        let (outcome, is_odd) = self.exchange(kind, subject);
        let Outcome::Answered(answer) = outcome else { return };
        match answer.status {
            200 => self.field.ledger.receive(&answer, mapping),
            503 => {}
            400 if is_odd => {}
            _ => self.fault(kind, &answer, "an allowed exchange is refused"),
        }
    }

    fn once(&mut self) {
        let subject = token(&self.field.issuer, &json!({"ref": "refs/heads/once"}));
        let place = {
            let mut once = self.field.ledger.once();
            once.push(Evidence { subject: subject.clone(), ..Evidence::default() });
            once.len() - 1
        };
        self.spend("once", place, &subject);
    }

    /// Shows evidence of before again, mostly of a moment ago.
    fn once_again(&mut self) {
        let (place, subject) = {
            let once = self.field.ledger.once();
            if once.is_empty() {
                return;
            }
            let back = if self.dice.between(0, 3) == 0 { once.len() } else { once.len().min(30) };
            let place = once.len() - self.dice.between(1, back as u64) as usize;
            (place, once[place].subject.clone())
        };
        self.spend("once-again", place, &subject);
    }

    fn spend(&mut self, kind: &'static str, place: usize, subject: &str) {
        let (outcome, is_odd) = self.exchange(kind, subject);
        let answer = match outcome {
            Outcome::Unsent => return,
            Outcome::Lost(_) => return self.field.ledger.once()[place].unclear += 1,
            Outcome::Answered(answer) => answer,
        };
        match (answer.status, reason(&answer).as_str()) {
            (200, _) => {
                self.field.ledger.receive(&answer, "ci/web-once");
                let mut once = self.field.ledger.once();
                once[place].accepted.push(answer.decision());
                if once[place].accepted.len() > 1 {
                    let what = format!("accepted more than once: {:?}", once[place].accepted);
                    drop(once);
                    self.fault(kind, &answer, &what);
                }
            }
            (400, "jti-reused") => self.field.ledger.once()[place].used += 1,
            (503, _) => self.field.ledger.once()[place].unclear += 1,
            (400, _) if is_odd => {}
            _ => self.fault(kind, &answer, "an allowed exchange is refused"),
        }
    }

    fn wrong_branch(&mut self) {
        let sub = format!("repo:acme/web:ref:refs/heads/wrong-{}", self.dice.between(0, 50));
        let subject = token(&self.field.issuer, &json!({"ref": "refs/heads/wrong", "sub": sub}));
        self.refused("wrong-branch", &subject);
    }

    fn forged(&mut self) {
        let mine = Issuer::new(&self.field.issuer.url);
        let subject = token(&mine, &json!({}));
        self.refused("forged", &subject);
    }

    fn unknown_key(&mut self) {
        let mut mine = Issuer::new(&self.field.served.issuer.url);
        mine.key_id = format!("key-{}", self.dice.any());
        let subject = mine.sign(&job_with(&mine, &json!({})));
        self.refused("unknown-key", &subject);
    }

    /// What nobody allows, whatever happens.
    fn refused(&mut self, kind: &'static str, subject: &str) {
        let (Outcome::Answered(answer), _) = self.exchange(kind, subject) else { return };
        if !matches!(answer.status, 400 | 503) {
            self.fault(kind, &answer, "what must be refused is not");
        }
    }

    /// Revokes a token, and tries to make another one of it afterwards.
    fn revoked(&mut self) {
        let held = {
            let received = self.field.ledger.received();
            if received.is_empty() {
                return;
            }
            let newest = received.len().min(200);
            received[received.len() - self.dice.between(1, newest as u64) as usize].token.clone()
        };
        let site = self.site();
        let (outcome, is_odd) = self.form("revoke", site, "/oauth/revoke", &format!("token={}", encoded(&held)));
        let Outcome::Answered(answer) = outcome else { return };
        match answer.status {
            // By a wrong clock the token may have ended, and there is nothing to revoke.
            200 if is_odd => return,
            200 => self.field.ledger.changes().revoked.push(held.clone()),
            503 => return,
            _ => return self.fault("revoke", &answer, "a revocation is refused"),
        }
        let (outcome, _) = self.form("narrow", site, "/oauth/token", &narrowing(&held));
        if let Outcome::Answered(answer) = outcome
            && !matches!(answer.status, 400 | 503)
        {
            self.fault("narrow", &answer, "a revoked token counts");
        }
    }

    /// What verifiers read, whatever the store does: the key of each token is in every set that is fetched after it.
    fn keys(&mut self) {
        let held = self.field.ledger.received().last().map(|received| key_id(&received.token));
        let site = self.site();
        let (outcome, _) = self.ask("keys", site, |connection| connection.get_request("/oauth/jwks"));
        let Outcome::Answered(answer) = outcome else { return };
        if answer.status != 200 {
            return self.fault("keys", &answer, "the key set is not shown");
        }
        let keys = answer.json();
        let is_shown = |kid: &str| keys["keys"].as_array().is_some_and(|keys| keys.iter().any(|key| key["kid"] == kid));
        // A server that is cut off shows what it knows, and lets nobody keep it.
        let is_current = answer.header("cache-control").is_some_and(|told| told.contains("max-age"));
        if let Some(kid) = held
            && is_current
            && !is_shown(&kid)
        {
            self.fault("keys", &answer, &format!("key `{kid}` of a token is not in the set"));
        }
    }

    fn exchange(&mut self, kind: &'static str, subject: &str) -> (Outcome, bool) {
        self.field.ledger.keep_secret(subject);
        let body = format!("grant_type={GRANT}&subject_token_type={JWT}&subject_token={}", encoded(subject));
        let site = self.site();
        self.form(kind, site, "/oauth/token", &body)
    }

    fn form(&mut self, kind: &'static str, site: usize, path: &str, body: &str) -> (Outcome, bool) {
        // Behind a proxy everybody is somebody else; who is turned away for what others did would hide faults.
        let address = format!("10.{}.{}.{}", self.number, self.dice.between(0, 255), self.dice.between(1, 254));
        let header = format!("X-Forwarded-For: {address}\r\n");
        self.ask(kind, site, |connection| connection.form_request(path, &header, body))
    }

    fn site(&mut self) -> usize {
        self.dice.between(0, self.field.sites.len() as u64 - 1) as usize
    }

    /// Asks, counts what came, and says whether the clock was wrong meanwhile.
    fn ask(&mut self, kind: &'static str, site: usize, request: impl Fn(&Connection) -> Vec<u8>) -> (Outcome, bool) {
        let begun = Instant::now();
        let outcome = self.turn(site, request);
        let ledger = &self.field.ledger;
        match &outcome {
            Outcome::Unsent => ledger.count(kind, "nobody listens"),
            Outcome::Lost(fault) => ledger.count(kind, &format!("lost ({})", fault.kind())),
            Outcome::Answered(answer) => {
                ledger.count(kind, format!("{} {}", answer.status, reason(answer)).trim());
                if let Some(what) = undocumented(answer) {
                    self.fault(kind, answer, what);
                }
            }
        }
        (outcome, self.field.clock_was_odd_since(begun))
    }

    fn turn(&mut self, site: usize, request: impl Fn(&Connection) -> Vec<u8>) -> Outcome {
        let mut connection = match self.connections[site].take() {
            Some(connection) => connection,
            None => match connect(&self.field.sites[site]) {
                Some(connection) => connection,
                None => {
                    // As clients do: not at once again.
                    thread::sleep(Duration::from_millis(20));
                    return Outcome::Unsent;
                }
            },
        };
        let request = request(&connection);
        match connection.send(&request).and_then(|()| connection.answer()) {
            Ok(Some(answer)) => {
                if answer.header("connection") != Some("close") {
                    self.connections[site] = Some(connection);
                }
                Outcome::Answered(answer)
            }
            Ok(None) => Outcome::Lost(io::ErrorKind::ConnectionAborted.into()),
            Err(fault) => Outcome::Lost(fault),
        }
    }

    fn fault(&self, kind: &str, answer: &Answer, what: &str) {
        let body = String::from_utf8_lossy(&answer.body).chars().take(300).collect::<String>();
        self.field.fault(&format!("{kind}: {what}: {} {body}", answer.status_line));
    }
}

/// The name of the key that signed a token.
pub(super) fn key_id(token: &str) -> String {
    let header = token.split('.').next().and_then(|header| base64url::decode(header).ok()).unwrap_or_default();
    let header: Value = serde_json::from_slice(&header).unwrap_or_default();
    header["kid"].as_str().unwrap_or_default().to_owned()
}

/// The form that makes a narrower token of one of ours.
pub(super) fn narrowing(held: &str) -> String {
    format!("grant_type={GRANT}&subject_token_type={ACCESS_TOKEN}&subject_token={}", encoded(held))
}

fn connect(site: &Site) -> Option<Connection> {
    Connection::try_tcp(site.address()?, SILENCE).ok()
}

/// The reason in an answer, or its error; empty where there is neither.
pub(super) fn reason(answer: &Answer) -> String {
    if answer.status == 200 {
        return String::new();
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    text("reason").or_else(|| text("code")).or_else(|| text("error")).unwrap_or_default().to_owned()
}

/// What no answer may be, whatever was asked and whatever goes on.
pub(super) fn undocumented(answer: &Answer) -> Option<&'static str> {
    let body = String::from_utf8_lossy(&answer.body);
    match answer.status {
        500 | 502 | 504.. => Some("an internal error is shown"),
        503 if answer.header("retry-after").is_none() => Some("503 without `Retry-After`"),
        503 if body.contains("access_token") => Some("503 with a token"),
        429 => Some("somebody is made to wait who did nothing"),
        _ => None,
    }
}

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// Longer than a server is held up.
const SILENCE: Duration = Duration::from_secs(6);
