//! `vectors/keyring`: what is to be done with our own signing keys at a moment, and who signs.

use std::collections::BTreeMap;
use std::time::Duration;

use accredit_core::keyring::{
    Act, Command, Confirmation, DomainSchedule, Key, Life, Purpose, Schedule, Slot, Standing, State, Step, command,
    signer, step,
};
use accredit_core::model::{Id, Kind};
use accredit_id::time::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    vector: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    case: String,
    name: String,
    now: i64,
    #[serde(default)]
    keys: Vec<Stored>,
    command: Option<String>,
    #[serde(default)]
    slots: Vec<String>,
    #[serde(default)]
    nodes: Vec<Node>,
    acts: Option<Vec<String>>,
    refused: Option<String>,
    #[serde(default)]
    signs: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    id: String,
    state: String,
    #[serde(default = "access")]
    slot: String,
    #[serde(default)]
    created: i64,
    published: Option<i64>,
    activated: Option<i64>,
    retired: Option<i64>,
    leaves: Option<i64>,
    due: Option<i64>,
    tainted: Option<i64>,
    #[serde(default = "longest")]
    longest: u64,
    ends: Option<i64>,
    bundle: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    name: String,
    bundle: u64,
    seen: i64,
}

/// K04: rotation by table.
#[test]
fn keys_live_as_the_vectors_say() {
    let (mut count, mut failures) = (0, Vec::new());
    for path in crate::files("keyring", "toml") {
        let file: File =
            toml::from_str(&crate::text(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for vector in &file.vector {
            count += 1;
            if let Err(seen) = check(vector) {
                failures.push(format!("{} {} {}:\n{seen}", crate::name(&path), vector.case, vector.name));
            }
        }
    }
    crate::settle(count, &failures);
}

fn check(vector: &Vector) -> Result<(), String> {
    let now = Timestamp::from_unix(vector.now);
    let keys: Vec<Key> = vector.keys.iter().map(key).collect();
    for (slot_of, expected) in &vector.signs {
        let seen = signer(&keys, slot(slot_of), now, &SCHEDULE).map_or("nobody", |key| &key.id);
        if seen != expected {
            return Err(format!("{slot_of} is signed by {seen}, expected {expected}"));
        }
    }
    let slots: Vec<Slot> = vector.slots.iter().map(|text| slot(text)).collect();
    let confirmations: Vec<Confirmation> = vector.nodes.iter().map(said).collect();
    let standing = Standing { keys: &keys, slots: &slots, confirmations: &confirmations };
    let done = match &vector.command {
        None => Ok(step(&standing, now, &SCHEDULE)),
        Some(text) => command(&standing, &read(text), now, &SCHEDULE),
    };
    match (done, &vector.acts, &vector.refused) {
        (Ok(acts), Some(expected), None) => {
            let seen: Vec<String> = acts.iter().map(told).collect();
            if seen != *expected {
                return Err(format!("  does      {seen:?}\n  expected  {expected:?}"));
            }
            Ok(())
        }
        (Err(fault), None, Some(expected)) if fault.to_string() == *expected => Ok(()),
        (done, ..) => Err(format!("  does {done:?}")),
    }
}

fn told(act: &Act) -> String {
    match act {
        Act::Make(slot) => format!("make {slot}").replace(&domain().to_string(), "td"),
        Act::Move { id, step: Step::Retire, life } => match life.leaves_at {
            Some(at) => format!("retire {id} until {}", at.unix()),
            None => format!("retire {id} for ever"),
        },
        Act::Move { id, step: Step::Lengthen, life } => format!("lengthen {id} to {}", life.longest_token),
        Act::Move { id, step, life } => {
            // What is told of a step is what its life says.
            let state = match step {
                Step::Publish => Some(State::Published),
                Step::Activate => Some(State::Active),
                Step::Remove | Step::Revoke => Some(State::Removed),
                Step::Due | Step::Taint | Step::Lengthen | Step::Retire => None,
            };
            assert!(state.is_none_or(|state| life.state == state), "{step:?} {life:?}");
            let bundle = match step {
                Step::Publish | Step::Remove | Step::Revoke => life.bundle,
                _ => None,
            };
            format!("{} {id}{}", step.name(), bundle.map_or(String::new(), |bundle| format!(" in {bundle}")))
        }
    }
}

fn read(text: &str) -> Command {
    match text.split(' ').collect::<Vec<_>>()[..] {
        ["rotate"] => Command::Rotate { purpose: None, algorithm: None, domain: None },
        ["rotate", "td"] => Command::Rotate { purpose: None, algorithm: None, domain: Some(domain()) },
        ["rotate", purpose] => {
            Command::Rotate { purpose: Some(Purpose::from_name(purpose).unwrap()), algorithm: None, domain: None }
        }
        ["taint", id] => Command::Taint { id: id.to_owned() },
        ["revoke", id] => Command::Revoke { id: id.to_owned() },
        _ => panic!("`{text}` is no command"),
    }
}

fn key(stored: &Stored) -> Key {
    let at = |seconds: Option<i64>| seconds.map(Timestamp::from_unix);
    let state = State::from_name(&stored.state).unwrap();
    let published = stored.published.or((state != State::Prepared).then_some(stored.created));
    let life = Life {
        state,
        published_at: at(published),
        activated_at: at(stored.activated),
        retired_at: at(stored.retired),
        leaves_at: at(stored.leaves),
        due_at: at(stored.due),
        tainted_at: at(stored.tainted),
        longest_token: stored.longest,
        ends_at: at(stored.ends),
        bundle: stored.bundle,
        ..Life::new(Timestamp::from_unix(stored.created))
    };
    Key { id: stored.id.clone(), slot: slot(&stored.slot), life }
}

fn slot(text: &str) -> Slot {
    let (of, domain) = match text.strip_suffix(" of td") {
        Some(of) => (of, Some(domain())),
        None => (text, None),
    };
    let (purpose, algorithm) = of.split_once(' ').unwrap();
    Slot { purpose: Purpose::from_name(purpose).unwrap(), algorithm: algorithm.parse().unwrap(), domain }
}

/// The trust domain of the vectors.
fn domain() -> Id {
    Id::new(Kind::TrustDomain, [7; 16])
}

fn said(node: &Node) -> Confirmation {
    Confirmation {
        domain: domain(),
        node: node.name.clone(),
        sequence: node.bundle,
        seen_at: Timestamp::from_unix(node.seen),
    }
}

fn access() -> String {
    "access ES256".to_owned()
}

fn longest() -> u64 {
    600
}

/// As the `README.md` beside the vectors says.
const SCHEDULE: Schedule = Schedule {
    every: Duration::from_secs(1000),
    cache: Duration::from_secs(300),
    margin: Duration::from_secs(60),
    leeway: Duration::from_secs(30),
    longest_access: Duration::from_secs(600),
    longest_internal: Duration::from_secs(200),
    domains: DomainSchedule {
        jwt_cache: Duration::from_secs(100),
        bundle_refresh: Duration::from_secs(50),
        patience: Duration::from_secs(400),
        longest_jwt: Duration::from_secs(600),
        longest_x509: Duration::from_secs(600),
    },
};
