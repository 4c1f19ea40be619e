//! The operator: changes resources and keys all the while, and holds the server to what it acknowledged.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Field;
use super::dice::Dice;
use super::load::{reason, undocumented};
use crate::claims::token;
use crate::http::{Answer, Connection, encoded};
use crate::issuer::Issuer;

/// One operator, who asks any server.
pub(super) struct Operator<'f> {
    field: &'f Field,
    dice: Dice,
    /// Accounts that are made and taken away.
    made: u64,
}

// === impl Operator ===

impl<'f> Operator<'f> {
    const ACTS: &'f [fn(&mut Self)] =
        &[Self::next_generation, Self::flip, Self::make, Self::unmake, Self::rotate, Self::roll, Self::read];

    /// An operator of the field.
    pub(super) fn new(field: &'f Field, seed: u64) -> Self {
        Self { field, dice: Dice::new(seed ^ 0x6f70), made: 0 }
    }

    /// Acts until the field is closed.
    pub(super) fn run(mut self) {
        while !self.field.over.load(Ordering::SeqCst) {
            let act = self.dice.one_of(Self::ACTS);
            act(&mut self);
            thread::sleep(self.field.pace * 4);
        }
    }

    /// Brings twenty accounts into the next generation, all of them or none.
    fn next_generation(&mut self) {
        let next = {
            let mut changes = self.field.ledger.changes();
            changes.tried += 1;
            changes.tried
        };
        let account = |number| json!({"kind": "ServiceAccount", "name": format!("ci/many-{number}"), "spec": {"description": next.to_string()}});
        let body = json!({"resources": (0..GENERATION).map(account).collect::<Vec<_>>()});
        if self.acknowledged("generation", "POST", "/v1/apply", &body).is_some() {
            self.field.ledger.changes().generation = next;
        }
    }

    /// Takes a mapping away and gives it back: what is acknowledged is in force.
    fn flip(&mut self) {
        let named = json!({"kind": "mapping", "name": "ci/web-flip"});
        let subject = token(&self.field.issuer, &json!({"ref": "refs/heads/flip"}));
        if self.acknowledged("disable", "POST", "/v1/resource/disable", &named).is_some() {
            self.expect(&subject, "ci/web-flip", 400, "a disabled mapping allows", Duration::ZERO);
        }
        if self.acknowledged("enable", "POST", "/v1/resource/enable", &named).is_some() {
            self.expect(&subject, "ci/web-flip", 200, "an enabled mapping allows nothing", self.field.lag);
        }
    }

    fn make(&mut self) {
        self.made += 1;
        let name = format!("ci/made-{}", self.made);
        let body = json!({"kind": "ServiceAccount", "name": name, "spec": {}});
        if self.acknowledged("make", "POST", "/v1/service-accounts", &body).is_some() {
            self.field.ledger.changes().created.push(name);
        }
    }

    fn unmake(&mut self) {
        let Some(name) = self.field.ledger.changes().created.pop() else { return };
        let named = json!({"kind": "service-account", "name": name});
        match self.ask("unmake", "POST", "/v1/resource/delete", &named) {
            Some(answer) if answer.status == 200 => self.field.ledger.changes().deleted.push(name),
            // Nobody knows.
            None => {}
            Some(answer) if answer.status == 503 => {}
            // Another server made it, and this one has not heard of that yet. In the end it must be there.
            Some(answer) if answer.status == 404 && !self.field.lag.is_zero() => {
                self.field.ledger.changes().created.push(name);
            }
            Some(answer) => self.fault("unmake", &answer, "an account that was made is not there"),
        }
    }

    /// Rotates the server's own keys; there may be no successor yet that readers can know.
    fn rotate(&mut self) {
        match self.ask("rotate", "POST", "/v1/keys/rotate", &json!({"purpose": "access"})) {
            Some(answer) if answer.status == 200 => self.field.ledger.changes().rotations += 1,
            Some(answer) if !matches!(answer.status, 409 | 503) => {
                self.fault("rotate", &answer, "keys are not rotated")
            }
            _ => {}
        }
    }

    /// Gives a provider another key: the next token of the new one counts, and one of the old one no more.
    fn roll(&mut self) {
        let issuer = |key: u64| {
            let mut issuer = Issuer::new(ROLLING);
            issuer.key_id = format!("key-{key}");
            issuer
        };
        let (before, after) = (issuer(self.dice.any()), issuer(self.dice.any()));
        for issuer in [&before, &after] {
            let spec = json!({"type": "github", "issuer": ROLLING, "keys": {"uploaded": issuer.key_set()}});
            let body = json!({"resources": [{"kind": "Provider", "name": "rolling", "spec": spec}]});
            if self.acknowledged("roll", "POST", "/v1/apply", &body).is_none() {
                return;
            }
        }
        let (mapping, lag) = ("ci/web-rolling", self.field.lag);
        self.expect(&token(&after, &json!({})), mapping, 200, "a key that was uploaded does not count", lag);
        self.expect(&token(&before, &json!({})), mapping, 400, "a key that was replaced counts", lag);
    }

    fn read(&mut self) {
        let what = *self.dice.one_of(&["/v1/audit?page_size=20", "/v1/resources?project=ci", "/v1/keys", "/v1/status"]);
        if let Some(answer) = self.ask("read", "GET", what, &Value::Null)
            && !matches!(answer.status, 200 | 503)
        {
            self.fault("read", &answer, "what is there cannot be read");
        }
    }

    /// Exchanges a token, and says what is wrong when the answer still has another status once `lag` has passed.
    fn expect(&mut self, subject: &str, mapping: &'static str, status: u16, otherwise: &str, lag: Duration) {
        self.field.ledger.keep_secret(subject);
        let asked = Instant::now();
        loop {
            let begun = Instant::now();
            let Some(answer) = self.exchange(subject, mapping) else { return };
            let is_clear = answer.status != 503 && !self.field.clock_was_odd_since(begun);
            if answer.status == status || lag.is_zero() && !is_clear {
                return;
            }
            if begun.duration_since(asked) >= lag {
                return if is_clear {
                    self.fault("expect", &answer, otherwise)
                };
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn exchange(&mut self, subject: &str, mapping: &'static str) -> Option<Answer> {
        let site = self.dice.one_of(&self.field.sites);
        let body = format!("grant_type={GRANT}&subject_token_type={JWT}&subject_token={}", encoded(subject));
        let asked = || {
            let mut connection = Connection::try_tcp(site.address()?, SILENCE).ok()?;
            connection.send(&connection.form_request("/oauth/token", "X-Forwarded-For: 10.255.0.1\r\n", &body)).ok()?;
            connection.answer().ok()?
        };
        let answer = asked();
        let outcome =
            answer.as_ref().map_or("lost".to_owned(), |answer| format!("{} {}", answer.status, reason(answer)));
        self.field.ledger.count("expect", outcome.trim());
        answer.inspect(|answer| {
            if answer.status == 200 {
                self.field.ledger.receive(answer, mapping);
            }
        })
    }

    /// The answer of an acknowledged change; `None` where nobody knows, or nothing was changed.
    fn acknowledged(&mut self, kind: &str, method: &str, path: &str, body: &Value) -> Option<Answer> {
        let answer = self.ask(kind, method, path, body)?;
        match answer.status {
            200 | 201 => return Some(answer),
            503 => {}
            _ => self.fault(kind, &answer, "a change is refused"),
        }
        None
    }

    fn ask(&mut self, kind: &str, method: &str, path: &str, body: &Value) -> Option<Answer> {
        let site = self.dice.one_of(&self.field.sites);
        let asked = || {
            site.address()?;
            let mut connection = site.admin(SILENCE).ok()?;
            connection.send(&connection.json_request(method, path, body)).ok()?;
            connection.answer().ok()?
        };
        let answer = asked();
        let outcome = answer
            .as_ref()
            .map_or("nobody answers".to_owned(), |answer| format!("{} {}", answer.status, reason(answer)));
        self.field.ledger.count(kind, outcome.trim());
        if let Some(answer) = &answer
            && let Some(what) = undocumented(answer)
        {
            self.fault(kind, answer, what);
        }
        if answer.is_none() {
            thread::sleep(Duration::from_millis(100));
        }
        answer
    }

    fn fault(&self, kind: &str, answer: &Answer, what: &str) {
        let body = String::from_utf8_lossy(&answer.body).chars().take(400).collect::<String>();
        self.field.fault(&format!("{kind}: {what}: {} {body}", answer.status_line));
    }
}

/// The issuer whose keys are replaced all the time.
pub(super) const ROLLING: &str = "https://rolling.test";
/// How many accounts are changed together.
pub(super) const GENERATION: usize = 20;
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const SILENCE: Duration = Duration::from_secs(6);
