//! Kill -9 at any moment: whatever was said to be committed is there afterwards, and the store is whole.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use accredit_store::{Change, Entry, EntryOutcome, Mark, NamePin, PinKey, Row, Store};
use sqlx::Connection as _;

use crate::{NOW, entry, holds, open_chain, raw, sign, url};

const ROUNDS: u8 = 20;

/// I04, F14: records, marks, pins and changes survive the death of the process that wrote them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_nothing_that_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("store.db");
    let mut told = 0;
    for round in 1..=ROUNDS {
        // Moments that differ from run to run, from during the opening to deep in the writing.
        let moment =
            Duration::from_micros(u64::from(round) * u64::from(round) * 700 + u64::from(std::process::id() % 997));
        let numbers = write_until_killed(&database, round, moment);
        told += numbers.len();
        check(&database, round, &numbers).await;
    }
    assert!(told > 100, "only {told} commits were told: the test shows nothing");
}

/// K07, I04: a store that cannot write says so, nothing of the attempt is there, and it goes on when it can again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("store.db");
    let store = Store::open(&url(&database)).await.unwrap();
    let mut chain = open_chain(&store, 1).await;
    store.commit_records(&mut chain, &step(1), NOW).await.unwrap();
    let mut other = raw(&database).await;
    let block = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let error = store.commit_records(&mut chain, &step(2), NOW).await.unwrap_err();
    assert_eq!(error.code(), "store-unavailable", "{error}");
    block.rollback().await.unwrap();
    assert_eq!(store.find_record(&step(2)[0].id).await.unwrap(), None);
    let committed = store.commit_records(&mut chain, &step(2), NOW).await.unwrap();
    assert_eq!(committed.outcomes, [EntryOutcome::Recorded; 3]);
    assert_eq!(store.verify_audit(&[], holds).await.unwrap().breaks, []);
}

/// Lets a child write and kills it; gives the numbers that it said were committed.
fn write_until_killed(database: &Path, round: u8, moment: Duration) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::writes_until_killed", "--nocapture"])
        .env(DATABASE, database)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let numbers = BufReader::new(output).lines().map_while(Result::ok);
        numbers.filter_map(|line| line.strip_prefix("committed ")?.parse().ok()).collect::<Vec<u64>>()
    });
    // The clock runs from the start of the process, so that early rounds meet it while it opens the store.
    std::thread::sleep(Duration::from_millis(15) + moment);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

async fn check(database: &Path, round: u8, numbers: &[u64]) {
    if !database.exists() {
        assert!(numbers.is_empty());
        return;
    }
    let store = Store::open(&url(database)).await.unwrap();
    let verification = store.verify_audit(&[], holds).await.unwrap();
    assert_eq!(verification.breaks, [], "round {round}");
    let resources: HashSet<String> = store.load().await.unwrap().rows.into_iter().map(|row| row.id).collect();
    let pinned: HashSet<String> = store.pins().await.unwrap().into_iter().map(|pin| pin.id).collect();
    let mut chain = open_chain(&store, 100 + round).await;
    for number in numbers {
        assert!(pinned.contains(&number.to_string()), "round {round}: {number} is not pinned");
        let (committed, again) = (step(*number), step(*number));
        for entry in &committed {
            let found = store.find_record(&entry.id).await.unwrap();
            assert!(found.is_some(), "round {round}: record {number} was committed and is gone");
        }
        let spent = store.commit_records(&mut chain, &again[..1], NOW).await.unwrap();
        assert!(matches!(spent.outcomes[..], [EntryOutcome::Replayed { .. }]), "round {round}: {number} unspent");
        assert!(!number.is_multiple_of(10) || resources.contains(&resource(*number).id), "round {round}: {number}");
    }
    store.close().await.unwrap();
    let mut connection = raw(database).await;
    let (health,): (String,) = sqlx::query_as("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
    assert_eq!(health, "ok", "round {round}");
    connection.close().await.unwrap();
}

/// The other side of `a_kill_loses_nothing_that_was_committed`, which starts this test in a process of its own; by itself it does nothing.
#[tokio::test]
async fn writes_until_killed() {
    let (Some(database), Ok(round)) = (std::env::var_os(DATABASE), std::env::var(ROUND)) else { return };
    let round: u8 = round.parse().unwrap();
    let store = Store::open(&url(Path::new(&database))).await.unwrap();
    let mut chain = open_chain(&store, round).await;
    for number in u64::from(round) * 1_000_000.. {
        let committed = store.commit_records(&mut chain, &step(number), NOW).await.unwrap();
        assert_eq!(committed.outcomes, [EntryOutcome::Recorded; 3]);
        if number.is_multiple_of(10) {
            let expected_sequence = store.head().await.unwrap().sequence;
            let records = vec![accredit_store::audit::NewRecord { id: [0; 16], content: vec![].into() }];
            let puts = vec![resource(number)];
            let change = Change { expected_sequence, puts, records, ..Change::default() };
            store.apply_change(&mut chain, &change, NOW).await.unwrap();
        }
        if number.is_multiple_of(7) {
            store.write_head(&sign(&chain)).await.unwrap();
        }
        say(&format!("committed {number}"));
    }
}

/// What one commit writes: one entry that spends something, two that do not.
fn step(number: u64) -> [Entry; 3] {
    let mut token = [0; 32];
    token[..8].copy_from_slice(&number.to_be_bytes());
    let mark = Mark { provider: "idp_1".to_owned(), token, issued_at: NOW, expires_at: NOW + 300, same: None };
    let key = PinKey { mapping: "map_1".to_owned(), claim: "repository".to_owned(), name: format!("acme/{number}") };
    let id = number.to_string();
    let pin = NamePin { key, id_claim: "repository_id".to_owned(), id, decision: [0; 16], at: NOW };
    let spending = Entry { mark: Some(mark), pins: vec![pin], ..entry(number * 3, "spending") };
    [spending, entry(number * 3 + 1, "one"), entry(number * 3 + 2, &"two ".repeat(200))]
}

fn resource(number: u64) -> Row {
    Row {
        kind: "Mapping".to_owned(),
        id: format!("map_{number}"),
        owner: None,
        name: format!("name {number}"),
        enabled: true,
        revision: 1,
        body: "{}".to_owned(),
    }
}

/// Says a line that the parent reads, at once.
pub(crate) fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "\n{line}").unwrap();
    output.flush().unwrap();
}

const DATABASE: &str = "ACCREDIT_STORE_TEST_DATABASE";
const ROUND: &str = "ACCREDIT_STORE_TEST_ROUND";
