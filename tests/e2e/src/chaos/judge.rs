//! The judge: what must hold of everything that was seen, asked of servers that were stopped and started again.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use accredit_id::base64url;
use accredit_id::jose::Algorithm;
use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use accredit_id::jose::jws::Compact;
use accredit_test_postgres::PASSWORD;
use serde_json::{Value, json};

use super::load::{key_id, narrowing};
use super::operator::GENERATION;
use super::site::Site;
use super::{Field, say};
use crate::claims::token;
use crate::http::{Answer, Connection, encoded};

/// An exchange that the log says was allowed.
struct Allowed {
    mapping: String,
    /// Of the subject token.
    hash: String,
}

/// Whether a server issues a token now.
pub(super) fn issues(field: &Field, site: &Site) -> bool {
    let subject = token(&field.issuer, &json!({}));
    field.ledger.keep_secret(&subject);
    let ask = || {
        let mut connection = Connection::try_tcp(site.address()?, SILENCE).ok()?;
        let form = format!("grant_type={GRANT}&subject_token_type={JWT}&subject_token={}", encoded(&subject));
        connection.send(&connection.form_request("/oauth/token", "X-Forwarded-For: 10.254.0.1\r\n", &form)).ok()?;
        connection.answer().ok()?
    };
    let answer = ask();
    let outcome = answer.as_ref().map_or("lost".to_owned(), |answer| answer.status.to_string());
    field.ledger.count("probe", &outcome);
    let Some(answer) = answer.filter(|answer| answer.status == 200) else { return false };
    field.ledger.receive(&answer, "ci/web-main");
    true
}

/// Stops and starts every server and holds what they say then to what they said before.
pub(super) fn judge(field: &Field) {
    for site in &field.sites {
        if let Err(why) = site.stop().and_then(|()| site.start()) {
            return field.fault(&why);
        }
    }
    let site = &field.sites[0];
    let Ok(mut admin) = site.admin(PATIENCE) else { return field.fault("nobody listens at the admin socket") };
    let allowed = allowed(&mut admin);
    every_token_has_its_record(field, &mut admin, &allowed);
    every_record_has_its_token(field, &allowed);
    what_counts_once_counted_once(field, &allowed);
    every_token_verifies(field, site);
    changes_are_kept(field, site, &mut admin);
    revocations_are_kept(field, site);
    let verified = admin.json("POST", "/v1/audit/verify", &Value::Null).json();
    if verified["breaks"] != json!([]) {
        field.fault(&format!("the audit chain is broken: {}", verified["breaks"]));
    }
    logs_are_clean(field);
    say(&proved(field, &allowed, &verified));
}

/// What was looked at, and what is known by that.
fn proved(field: &Field, allowed: &HashMap<String, Allowed>, verified: &Value) -> String {
    let changes = field.ledger.changes();
    let verdict = match field.ledger.faults().is_empty() {
        true => "proved",
        false => "looked at, and not all of it holds",
    };
    let claims = [
        format!("each of {} tokens has its record, and verifies by the published keys", field.ledger.received().len()),
        format!(
            "none of {} records of allowed exchanges is without its token or an answer that was lost",
            allowed.len()
        ),
        format!("none of {} pieces of evidence that count once got two tokens", field.ledger.once().len()),
        format!(
            "every acknowledged change is there: generation {} of {}, {} revocations, over {} rotations of keys",
            changes.generation,
            changes.tried,
            changes.revoked.len(),
            changes.rotations
        ),
        format!("the audit log verifies: {} chains, {} records", verified["chains"], verified["records"]),
        format!("no log of {} servers has a panic, a token or a password", field.sites.len()),
    ];
    format!("{verdict}:\n  {}", claims.join("\n  "))
}

/// Walks the whole log.
fn allowed(admin: &mut Connection) -> HashMap<String, Allowed> {
    let (mut found, mut place) = (HashMap::new(), None::<String>);
    loop {
        let after = place.map(|place| format!("&page_token={}", encoded(&place))).unwrap_or_default();
        let page = admin.get(&format!("/v1/audit?event=exchange-allowed&page_size=500{after}")).json();
        for record in page["records"].as_array().into_iter().flatten() {
            let text = |name: &str| record["detail"][name].as_str().unwrap_or_default().to_owned();
            let allowed = Allowed { mapping: text("mapping"), hash: text("tokenHash") };
            found.insert(record["id"].as_str().unwrap_or_default().to_owned(), allowed);
        }
        match page["nextPageToken"].as_str() {
            Some(next) => place = Some(next.to_owned()),
            None => return found,
        }
    }
}

/// K07: by its id, for the mapping that it must have been.
fn every_token_has_its_record(field: &Field, admin: &mut Connection, allowed: &HashMap<String, Allowed>) {
    let received = field.ledger.received();
    for one in received.iter() {
        match allowed.get(&one.decision) {
            None => field.fault(&format!("token {} has no record", one.decision)),
            Some(record) if record.mapping != one.mapping => {
                field.fault(&format!(
                    "token {} is by `{}`, its record says `{}`",
                    one.decision, one.mapping, record.mapping
                ));
            }
            Some(_) => {}
        }
    }
    // The way by which an operator looks for one.
    let every = (received.len() / LOOK_UPS).max(1);
    for one in received.iter().step_by(every) {
        let answer = admin.get(&format!("/v1/decision?id={}", one.decision));
        if answer.status != 200 || answer.json()["verdict"] != "allow" {
            field.fault(&format!("decision {} is not found: {}", one.decision, answer.status));
        }
    }
}

/// A record without a token is there only where an answer was lost, or where nobody could be told that it was written.
fn every_record_has_its_token(field: &Field, allowed: &HashMap<String, Allowed>) {
    let seen = field.ledger.received().len();
    let is_unclear = |what: &str| {
        let (kind, outcome) = what.split_once(": ").unwrap_or((what, ""));
        ["plain", "served", "once", "once-again", "expect", "probe"].contains(&kind)
            && (outcome.starts_with("lost") || outcome.starts_with("503"))
    };
    let outcomes = field.ledger.outcomes();
    let unclear: u64 = outcomes.iter().filter(|(what, _)| is_unclear(what)).map(|(_, count)| count).sum();
    if allowed.len() > seen + unclear as usize {
        let many = allowed.len();
        field.fault(&format!("{many} records for {seen} tokens, while {unclear} answers were unclear"));
    }
}

/// I01, I04: by what clients saw, and by the log.
fn what_counts_once_counted_once(field: &Field, allowed: &HashMap<String, Allowed>) {
    for one in field.ledger.once().iter() {
        if one.used > 0 && one.accepted.is_empty() && one.unclear == 0 {
            field.fault(&format!("evidence was refused {} times as used already, and nobody used it", one.used));
        }
    }
    let mut uses: HashMap<&str, Vec<&str>> = HashMap::new();
    for (decision, record) in allowed.iter().filter(|(_, record)| record.mapping == "ci/web-once") {
        uses.entry(&record.hash).or_default().push(decision);
    }
    for decisions in uses.values().filter(|decisions| decisions.len() > 1) {
        field.fault(&format!("the log has evidence that counts once in {decisions:?}"));
    }
}

/// K04: by the key set that is shown in the end.
fn every_token_verifies(field: &Field, site: &Site) {
    let Some(answer) = get(site, "/oauth/jwks") else { return field.fault("the key set is not shown in the end") };
    let Ok(keys) = KeySet::parse(&answer.body, Source::Fetched, Purpose::Signature) else {
        return field.fault("the key set cannot be read");
    };
    let mut bad: BTreeMap<String, usize> = BTreeMap::new();
    for one in field.ledger.received().iter() {
        let kid = key_id(&one.token);
        let verifies = Compact::split(&one.token).ok().is_some_and(|parts| {
            let key = keys.find(&kid, Algorithm::Es256).ok();
            let signature = base64url::decode(parts.signature()).unwrap_or_default();
            key.is_some_and(|key| {
                key.verify_signature(Algorithm::Es256, parts.signing_input().as_bytes(), &signature).is_ok()
            })
        });
        if !verifies {
            *bad.entry(kid).or_default() += 1;
        }
    }
    bad.iter().for_each(|(kid, count)| field.fault(&format!("{count} tokens of key `{kid}` do not verify")));
}

/// What was acknowledged is there, whole; what was not may be.
fn changes_are_kept(field: &Field, site: &Site, admin: &mut Connection) {
    let list = admin.get("/v1/resources?kind=service-account&project=ci").json();
    let accounts: HashMap<&str, &Value> = list["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|resource| Some((resource["name"].as_str()?, &resource["spec"]["description"])))
        .collect();
    let changes = field.ledger.changes();
    changes.created.iter().filter(|name| !accounts.contains_key(name.as_str())).for_each(|name| {
        field.fault(&format!("account `{name}` was acknowledged and is gone"));
    });
    changes.deleted.iter().filter(|name| accounts.contains_key(name.as_str())).for_each(|name| {
        field.fault(&format!("account `{name}` was deleted and is there"));
    });
    let many: Vec<u64> = (0..GENERATION)
        .filter_map(|number| accounts.get(format!("ci/many-{number}").as_str())?.as_str()?.parse().ok())
        .collect();
    match many.first() {
        Some(first) if many.len() == GENERATION && many.iter().all(|one| one == first) => {
            if !(changes.generation..=changes.tried).contains(first) {
                field.fault(&format!("generation {first} is stored, {} was acknowledged", changes.generation));
            }
        }
        None if changes.generation == 0 => {}
        _ => field.fault(&format!("half a change is stored: {many:?}")),
    }
    if changes.rotations == 0 && changes.generation == 0 {
        field.fault(&format!("{}: nothing was ever changed, which proves nothing", site.name));
    }
}

fn revocations_are_kept(field: &Field, site: &Site) {
    let changes = field.ledger.changes();
    let every = (changes.revoked.len() / LOOK_UPS).max(1);
    for held in changes.revoked.iter().step_by(every) {
        let answer = form(site, "/oauth/token", &narrowing(held));
        if answer.is_none_or(|answer| answer.status != 400) {
            field.fault("a token whose revocation was acknowledged counts");
        }
    }
}

/// K08: nothing panics, and no token stands in a log.
fn logs_are_clean(field: &Field) {
    for site in &field.sites {
        let log = site.log();
        for line in log.lines().filter(|line| line.contains("panicked")).take(5) {
            field.fault(&format!("{} panicked: {line}", site.name));
        }
        if log.contains(PASSWORD) {
            field.fault(&format!("{} logs the database's password", site.name));
        }
        if let Some(secret) = field.ledger.secret_in(&log) {
            field.fault(&format!("{} logs a token: {secret}", site.name));
        }
    }
}

fn get(site: &Site, path: &str) -> Option<Answer> {
    let mut connection = Connection::try_tcp(site.address()?, PATIENCE).ok()?;
    connection.send(&connection.get_request(path)).ok()?;
    connection.answer().ok()?
}

fn form(site: &Site, path: &str, body: &str) -> Option<Answer> {
    let mut connection = Connection::try_tcp(site.address()?, PATIENCE).ok()?;
    connection.send(&connection.form_request(path, "X-Forwarded-For: 10.253.0.1\r\n", body)).ok()?;
    connection.answer().ok()?
}

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const SILENCE: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(60);
/// How many things are looked up one by one.
const LOOK_UPS: usize = 200;
