//! Several servers on one store. Only PostgreSQL lets them; a case without it says so and shows nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use accredit_store::audit::ChainId;
use accredit_store::{
    BundleDeed, Change, Entry, EntryOutcome, KeptBundle, KeyDeed, Known, NamePin, PinKey, Revocation, SightingDeed,
    Store, StoreError,
};

use crate::backends::{Factory as _, Postgres};
use crate::made::{
    NOW, chain, change, entry, id, mark, proof, proving, record, replayed, revoke, row, sighting, spending,
};

const RECORDED: EntryOutcome = EntryOutcome::Recorded;

/// So many servers on one new database.
async fn servers(count: usize) -> Option<Vec<Arc<Store>>> {
    let postgres = Postgres::new()?;
    let mut stores = Vec::new();
    for _ in 0..count {
        stores.push(Arc::new(postgres.open().await));
    }
    Some(stores)
}

fn pin(name: &str, id: &str) -> NamePin {
    let key = PinKey { mapping: "map_1".to_owned(), claim: "repository".to_owned(), name: name.to_owned() };
    NamePin { key, id_claim: "repository_id".to_owned(), id: id.to_owned(), decision: [7; 16], at: NOW }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_database_may_be_opened_by_all_at_once() {
    let Some(postgres) = Postgres::empty() else { return };
    let url = postgres.url();
    let open = |number: u8| {
        let url = url.clone();
        tokio::spawn(async move {
            let store = Store::open(&url).await.unwrap();
            let mut chain = chain(&store, number).await;
            store.commit_records(&mut chain, &[entry(number.into())], NOW).await.unwrap();
        })
    };
    let opening: Vec<_> = (1..=6).map(open).collect();
    for opened in opening {
        opened.await.unwrap();
    }
    let verification = postgres.open().await.verify_audit(&[], |_| true).await.unwrap();
    assert_eq!((verification.chains, verification.records, verification.breaks), (6, 6, vec![]));
}

/// I01: one of thirty parallel uses wins, on three servers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i01_one_of_the_claimants_on_three_servers_wins() {
    let Some(stores) = servers(3).await else { return };
    for round in 0..5_u8 {
        let mut tasks = Vec::new();
        for (server, store) in stores.iter().enumerate() {
            let store = Arc::clone(store);
            let mut chain = chain(&store, round * 3 + u8::try_from(server).unwrap()).await;
            tasks.push(tokio::spawn(async move {
                let mut outcomes = Vec::new();
                for request in 0..10 {
                    let number = u64::from(round) * 100 + server as u64 * 10 + request;
                    // Two marks each, in another order on each server.
                    let mut entries =
                        vec![spending(number, mark("idp_1", round)), spending(1000 + number, mark("idp_2", round))];
                    if server == 1 {
                        entries.reverse();
                    }
                    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
                    outcomes.extend(entries.into_iter().map(|entry| entry.id).zip(committed.outcomes));
                }
                outcomes
            }));
        }
        let mut won = Vec::new();
        let mut lost = 0;
        for task in tasks {
            for (id, outcome) in task.await.unwrap() {
                match outcome {
                    EntryOutcome::Recorded => won.push(id),
                    EntryOutcome::Replayed { first: Some(_) } => lost += 1,
                    other => unreachable!("{other:?}"),
                }
            }
        }
        assert_eq!((won.len(), lost), (2, 58), "round {round}");
        for id in won {
            assert!(stores[0].find_record(&id).await.unwrap().is_some());
        }
    }
}

/// I08: one proof on two servers at the same moment, with a decision on one of them and alone on the other, counts once; each of
/// a hundred times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i08_one_of_two_servers_is_shown_a_proof_first() {
    let Some(stores) = servers(2).await else { return };
    let mut chain = chain(&stores[0], 1).await;
    let mut won = [0, 0];
    for round in 0..100_u8 {
        let (entries, alone) = ([proving(round.into(), proof(round))], [proof(200), proof(round), proof(201)]);
        let (decided, alone) =
            tokio::join!(stores[0].commit_records(&mut chain, &entries, NOW), stores[1].claim_proofs(&alone, NOW));
        let counted = [decided.unwrap().outcomes == [RECORDED], alone.unwrap()[1]];
        assert!(counted[0] != counted[1], "round {round}: {counted:?}");
        won[usize::from(counted[1])] += 1;
        assert_eq!(stores[0].claim_proofs(&[proof(round)], NOW).await.unwrap(), [false], "round {round}");
    }
    assert_eq!(stores[1].verify_audit(&[], |_| true).await.unwrap().records, won[0]);
}

/// F14: a name that two servers let in at the same time is pinned once, and the other one is told to whom.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_one_of_two_first_uses_on_two_servers_wins() {
    let Some(stores) = servers(2).await else { return };
    let mut chains = [chain(&stores[0], 1).await, chain(&stores[1], 2).await];
    for round in 0..10_u64 {
        let name = format!("acme/{round}");
        let using = |number: u64, of: &str| {
            let mark = mark("idp_1", (round * 2 + number) as u8);
            Entry { pins: vec![pin(&name, of), pin("acme/shared", "0")], ..spending(round * 10 + number, mark) }
        };
        let ([one, two], entries) = (&mut chains, [[using(0, "1")], [using(1, "2")]]);
        let (first, second) = tokio::join!(
            stores[0].commit_records(one, &entries[0], NOW),
            stores[1].commit_records(two, &entries[1], NOW)
        );
        let (first, second) = (first.unwrap(), second.unwrap());
        let mut outcomes = [first.outcomes[0], second.outcomes[0]];
        outcomes.sort_by_key(|outcome| *outcome != RECORDED);
        assert_eq!(outcomes, [RECORDED, EntryOutcome::Stale], "round {round}");
        let told = |committed: &accredit_store::Committed| {
            committed.pins.iter().find(|pin| pin.key.name == name).map(|pin| pin.id.clone())
        };
        assert_eq!(told(&first), told(&second), "both know whose it is");
    }
    assert_eq!(stores[0].pins().await.unwrap().len(), 11);
}

/// L15: of two servers that replace one bundle at the same time, one does, and both hold its.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l15_one_of_two_servers_replaces_a_bundle() {
    let Some(stores) = servers(2).await else { return };
    let mut chains = [chain(&stores[0], 1).await, chain(&stores[1], 2).await];
    stores[0].apply_change(&mut chains[0], &change(0, vec![row(1)]), NOW).await.unwrap();
    for revision in 1..=10_i64 {
        let deed = |server: u64| {
            let document = format!(r#"{{"keys":[],"spiffe_sequence":{revision},"of":{server}}}"#);
            let bundle = KeptBundle { owner: row(1).id, document, origin: String::new(), revision, fetched_at: NOW };
            BundleDeed { bundle, record: record(revision as u64 * 10 + server) }
        };
        let ([one, two], deeds) = (&mut chains, [deed(0), deed(1)]);
        let (first, second) =
            tokio::join!(stores[0].keep_bundle(one, &deeds[0], NOW), stores[1].keep_bundle(two, &deeds[1], NOW));
        let won = [first.unwrap(), second.unwrap()];
        assert!(won[0] != won[1], "revision {revision}: {won:?}");
        let held = deeds[usize::from(won[1])].bundle.clone();
        for store in &stores {
            assert_eq!(store.bundles().await.unwrap(), std::slice::from_ref(&held), "revision {revision}");
        }
    }
}

/// L13: what was decided on one server before another one revoked is not recorded, however little the first one knows.
#[tokio::test]
async fn l13_a_revocation_elsewhere_makes_decisions_stale() {
    let Some(stores) = servers(2).await else { return };
    let mut here = chain(&stores[0], 1).await;
    let mut there = chain(&stores[1], 2).await;
    for round in 0..3_u64 {
        let decided_on = stores[0].head().await.unwrap().revocation;
        let stale = |number| Entry { decided_on, ..entry(round * 10 + number) };
        let committed = stores[0].commit_records(&mut here, &[stale(1)], NOW).await.unwrap();
        assert_eq!(committed.outcomes, [RECORDED]);
        revoke(&stores[1], &mut there).await;
        let spends = Entry { mark: Some(mark("idp_1", round as u8)), ..stale(3) };
        for entries in [vec![stale(2)], vec![spends.clone()], vec![stale(4), spends]] {
            let committed = stores[0].commit_records(&mut here, &entries, NOW).await.unwrap();
            assert!(committed.outcomes.iter().all(|outcome| *outcome == EntryOutcome::Stale), "round {round}");
        }
    }
}

#[tokio::test]
async fn what_one_does_the_others_are_told() {
    let Some(stores) = servers(2).await else { return };
    let (here, there) = (&stores[0], &stores[1]);
    assert!(here.is_shared());
    let mut theirs = chain(there, 1).await;
    let start = here.known().await.unwrap();
    assert_eq!(here.news(start).await.unwrap(), None);

    there.apply_change(&mut theirs, &change(0, vec![row(1), row(2)]), NOW).await.unwrap();
    let deletes = vec![(row(1).kind, row(1).id)];
    there.apply_change(&mut theirs, &Change { deletes, ..change(1, vec![row(3)]) }, NOW).await.unwrap();
    let news = here.news(start).await.unwrap().unwrap();
    let mut puts: Vec<_> = news.puts.iter().map(|row| row.id.clone()).collect();
    puts.sort();
    assert_eq!((puts, news.deletes), (vec![row(2).id, row(3).id], vec![(row(1).kind, row(1).id)]));
    assert_eq!((news.known.sequence, news.head.sequence), (2, 2));
    let known = news.known;
    assert_eq!(here.news(known).await.unwrap(), None);

    let revocation = Revocation { decision: id(1), expires_at: NOW + 60, record: record(101) };
    there.revoke_token(&mut theirs, &revocation, NOW).await.unwrap();
    let using = Entry { pins: vec![pin("acme/web", "1")], ..entry(102) };
    there.commit_records(&mut theirs, &[using], NOW).await.unwrap();
    let seen = SightingDeed { sighted: vec![sighting()], acknowledged: None, records: vec![record(103)] };
    there.sight(&mut theirs, &seen, NOW).await.unwrap();
    let news = here.news(known).await.unwrap().unwrap();
    assert_eq!((news.puts.len(), news.pins.len(), news.revoked.len(), news.sightings.len()), (0, 1, 1, 1));
    let known = news.known;
    let acknowledged = Some(("alarm_1".to_owned(), "known".to_owned()));
    let right = SightingDeed { sighted: vec![], acknowledged, records: vec![record(104)] };
    there.sight(&mut theirs, &right, NOW).await.unwrap();
    let news = here.news(known).await.unwrap().unwrap();
    assert_eq!(news.sightings[0].acknowledged.as_deref(), Some("known"));
    assert_eq!((news.pins.len(), news.revoked.len()), (0, 0));

    let ahead = Known { sequence: 99, ..known };
    assert!(matches!(here.news(ahead).await, Err(StoreError::UnknownSequence { asked: 99, .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_heard_of_before_anybody_looks() {
    let Some(stores) = servers(2).await else { return };
    let mut theirs = chain(&stores[1], 1).await;
    let waited = async |store: &Store| {
        let began = Instant::now();
        tokio::time::timeout(Duration::from_secs(30), store.changed()).await.unwrap();
        began.elapsed()
    };
    // A look comes after a quarter of a second and never sooner, so what returns sooner has heard. Under load the connection that
    // listens is not made in the first round, nor everything said in time: then another round follows.
    for round in 0.. {
        let listening = tokio::spawn({
            let store = Arc::clone(&stores[0]);
            async move { waited(&store).await }
        });
        stores[1].apply_change(&mut theirs, &change(round, vec![row(1)]), NOW).await.unwrap();
        if listening.await.unwrap() < Duration::from_millis(230) {
            break;
        }
        assert!(round < 100, "it only looks");
    }
    // Once everything that was said is heard, nothing returns sooner.
    for round in 0.. {
        if waited(&stores[0]).await >= Duration::from_millis(230) {
            break;
        }
        assert!(round < 110, "it hears what nobody says");
    }
}

#[tokio::test]
async fn of_two_that_miss_a_key_one_makes_it() {
    let Some(stores) = servers(2).await else { return };
    let mut chains = [chain(&stores[0], 1).await, chain(&stores[1], 2).await];
    let deed = || KeyDeed { expected_sequence: Some(0), records: vec![record(1)], ..KeyDeed::default() };
    stores[0].change_keys(&mut chains[0], deed(), NOW).await.unwrap();
    let error = stores[1].change_keys(&mut chains[1], deed(), NOW).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { expected: 0, actual: 1 }), "{error}");
}

/// Chains of servers that write at the same time hold, and each keeps its own; what is taken away shows in the next one.
#[tokio::test]
async fn l18_chains_beside_each_other_show_what_was_cut_off() {
    let Some(postgres) = Postgres::new() else { return };
    let stores = [postgres.open().await, postgres.open().await];
    let mut one = stores[0].open_chain(ChainId([1; 16]), NOW).await.unwrap();
    stores[0].commit_records(&mut one, &[entry(1)], NOW).await.unwrap();
    stores[0].commit_records(&mut one, &[entry(2)], NOW).await.unwrap();
    let mut two = stores[1].open_chain(ChainId([2; 16]), NOW).await.unwrap();
    for number in 0..5 {
        stores[0].commit_records(&mut one, &[entry(10 + number)], NOW).await.unwrap();
        stores[1].commit_records(&mut two, &[entry(20 + number)], NOW).await.unwrap();
    }
    let codes = async || {
        let verification = stores[0].verify_audit(&[], |_| true).await.unwrap();
        verification.breaks.iter().map(|broken| broken.code()).collect::<Vec<_>>()
    };
    assert_eq!(codes().await, [""; 0]);
    let name = postgres.url().rsplit('/').next().unwrap().to_owned();
    let sql = |statement: &str| accredit_test_postgres::shared().unwrap().sql(&name, statement);
    // Behind the place that the second chain saw, nothing shows without a signed head.
    sql("DELETE FROM audit_batch WHERE chain = 1 AND number > 2");
    assert_eq!(codes().await, [""; 0]);
    sql("UPDATE audit_chain SET beside = FALSE WHERE ordinal = 2");
    assert_eq!(codes().await, ["chain-altered"]);
    sql("UPDATE audit_chain SET beside = TRUE WHERE ordinal = 2");
    sql("DELETE FROM audit_batch WHERE chain = 1 AND number = 2");
    assert_eq!(codes().await, ["chain-truncated"]);
    sql("UPDATE audit_chain SET follows_number = 1 WHERE ordinal = 2");
    assert_eq!(codes().await, ["chain-unlinked", "chain-altered"]);
}

/// The log of all of them is one, newest first, in pages of any size, though the clock of one was set back meanwhile (L17).
#[tokio::test]
async fn pages_go_from_new_to_old_over_all_chains() {
    let Some(stores) = servers(2).await else { return };
    let mut ended = chain(&stores[0], 1).await;
    let mut expected = Vec::new();
    for number in 0..5 {
        stores[0].commit_records(&mut ended, &[entry(number), entry(number + 1000)], NOW + 1).await.unwrap();
        expected.extend([id(number), id(number + 1000)]);
    }
    let mut chains = [chain(&stores[0], 2).await, chain(&stores[1], 3).await];
    for number in 10..90_u64 {
        let server = usize::from(number % 3 == 0);
        let is_set_back = server == 1 && (30..60).contains(&number);
        let at = NOW + i64::try_from(number / 4).unwrap() - if is_set_back { 3 } else { 0 };
        stores[server].commit_records(&mut chains[server], &[entry(number), entry(number + 1000)], at).await.unwrap();
        expected.extend([id(number), id(number + 1000)]);
    }
    expected.sort();
    for limit in [1, 2, 7, 50, 1000] {
        let (mut seen, mut times, mut before) = (Vec::new(), Vec::new(), None);
        loop {
            let page = stores[1].audit_page(before, limit, |_| true).await.unwrap();
            seen.extend(page.records.iter().map(|found| found.record.id));
            times.extend(page.records.iter().map(|found| found.written_at));
            assert!(seen.len() <= expected.len(), "records come again");
            match page.next {
                Some(next) => before = Some(next.to_string().parse().unwrap()),
                None => break,
            }
        }
        assert!(times.is_sorted_by(|one, other| one >= other), "limit {limit}: {times:?}");
        seen.sort();
        assert_eq!(seen, expected, "limit {limit}");
    }
}

/// K07: a connection that breaks costs what was under way, and is made again.
#[tokio::test]
async fn k07_a_connection_that_broke_is_made_again() {
    let Some(postgres) = Postgres::new() else { return };
    let store = postgres.open().await;
    let mut chain = chain(&store, 1).await;
    store.commit_records(&mut chain, &[spending(1, mark("idp_1", 1))], NOW).await.unwrap();
    assert_eq!(store.keys().await.unwrap().len(), 0);
    let name = postgres.url().rsplit('/').next().unwrap().to_owned();
    for number in 2..6 {
        let end = format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'");
        accredit_test_postgres::shared().unwrap().sql("postgres", &end);
        let entries = [spending(number, mark("idp_1", number as u8))];
        // A connection that lay idle for long, as on a busy machine, is looked at first, and made again before anything is lost.
        match store.commit_records(&mut chain, &entries, NOW).await {
            Ok(committed) => assert_eq!(committed.outcomes, [RECORDED]),
            Err(error) => {
                assert_eq!(error.code(), "store-unavailable", "{error}");
                let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
                assert_eq!(committed.outcomes, [RECORDED]);
            }
        }
        let again = [spending(number + 100, mark("idp_1", number as u8))];
        assert_eq!(store.commit_records(&mut chain, &again, NOW).await.unwrap().outcomes, [replayed(number)]);
        let committed = store.commit_records(&mut chain, &[spending(99, mark("idp_1", 1))], NOW).await.unwrap();
        assert_eq!(committed.outcomes, [replayed(1)]);
        // A short look may meet the broken connection first.
        let _ = store.head().await;
        assert_eq!(store.head().await.unwrap().sequence, 0);
    }
    let _ = store.verify_audit(&[], |_| true).await;
    assert_eq!(store.verify_audit(&[], |_| true).await.unwrap().breaks, []);
}

/// One writer's texts sort as any other's, whatever language the database speaks.
#[tokio::test]
async fn every_text_is_sorted_by_its_bytes() {
    let Some(postgres) = Postgres::empty() else { return };
    postgres.open().await.close().await.unwrap();
    let name = postgres.url().rsplit('/').next().unwrap().to_owned();
    let others = "SELECT table_name, column_name FROM information_schema.columns \
                  WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'";
    assert_eq!(accredit_test_postgres::shared().unwrap().sql(&name, others), "");
}

#[tokio::test]
async fn a_database_of_somebody_else_stays_as_it_is() {
    let Some(postgres) = Postgres::empty() else { return };
    let name = postgres.url().rsplit('/').next().unwrap().to_owned();
    let sql = |statement: &str| accredit_test_postgres::shared().unwrap().sql(&name, statement);
    sql("CREATE TABLE customer (name text)");
    let error = Store::open(&postgres.url()).await.unwrap_err();
    assert_eq!(error.code(), "store-foreign", "{error}");
    assert_eq!(sql("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"), "1");
}

/// A server of before goes on beside a step that spares it, and does not open what spares it not.
#[tokio::test]
async fn a_newer_schema_is_opened_while_it_spares_this_one() {
    let Some(postgres) = Postgres::new() else { return };
    let name = postgres.url().rsplit('/').next().unwrap().to_owned();
    let sql = |statement: &str| accredit_test_postgres::shared().unwrap().sql(&name, statement);
    let store = postgres.open().await;
    let mut chain = chain(&store, 1).await;
    sql("ALTER TABLE resource ADD COLUMN later TEXT");
    sql("INSERT INTO schema_step (number, oldest) VALUES (9999, 20)");
    store.apply_change(&mut chain, &change(0, vec![row(1)]), NOW).await.unwrap();
    assert_eq!(postgres.open().await.load().await.unwrap().rows, [row(1)]);
    sql("INSERT INTO schema_step (number, oldest) VALUES (10000, 10000)");
    let error = Store::open(&postgres.url()).await.unwrap_err();
    assert!(matches!(error, StoreError::TooNew { found: 10000, .. }), "{error}");
}

/// Of two servers one delivers a chain; where it is not heard of any more, the other one goes on where it was.
#[tokio::test]
async fn one_of_two_servers_delivers_a_chain() {
    let Some(stores) = servers(2).await else { return };
    let (here, there) = (&stores[0], &stores[1]);
    let holders = [ChainId([1; 16]), ChainId([2; 16])];
    let mut chains = [chain(here, 1).await, chain(there, 2).await];
    here.commit_records(&mut chains[0], &[entry(1), entry(2)], NOW).await.unwrap();
    there.commit_records(&mut chains[1], &[entry(3)], NOW).await.unwrap();
    // Each its own, as long as nobody has been away for long.
    let due = async |store: &Store, holder, now| {
        let due = store.due_chains("siem", holder, now).await.unwrap();
        due.into_iter().map(accredit_store::Place::chain).collect::<Vec<_>>()
    };
    assert_eq!((due(here, holders[0], NOW).await, due(there, holders[1], NOW).await), (vec![1], vec![2]));
    // Whoever comes first has it, however many come at once.
    let (first, second) = tokio::join!(
        here.hold_chain("siem", holders[0], 1, NOW, NOW + 60),
        there.hold_chain("siem", holders[1], 1, NOW, NOW + 60)
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first.is_some() != second.is_some(), "{first:?}, {second:?}");
    let is_here = first.is_some();
    let (holder, other) = if is_here { (0, 1) } else { (1, 0) };
    let at = first.or(second).unwrap();
    let next = stores[holder].records_from(at).await.unwrap().records[1].place;
    assert!(stores[holder].confirm("siem", holders[holder], next, NOW + 60).await.unwrap());
    assert!(!stores[other].confirm("siem", holders[other], next, NOW + 60).await.unwrap());
    assert_eq!(stores[other].hold_chain("siem", holders[other], 1, NOW + 60, NOW + 90).await.unwrap(), None);
    // It is gone.
    assert!(due(&stores[other], holders[other], NOW + 61).await.contains(&1));
    let held = stores[other].hold_chain("siem", holders[other], 1, NOW + 61, NOW + 120).await.unwrap();
    assert_eq!(held, Some(next));
    assert!(!stores[holder].confirm("siem", holders[holder], next, NOW + 120).await.unwrap());
}

/// Servers that remove old records at the same time leave a log that holds, also where a chain was opened beside what is gone.
#[tokio::test]
async fn two_servers_remove_old_records() {
    let Some(stores) = servers(2).await else { return };
    let mut one = chain(&stores[0], 1).await;
    for number in 0..300 {
        stores[0].commit_records(&mut one, &[entry(number)], NOW - 100).await.unwrap();
    }
    // Seen in the middle of what goes.
    let mut two = chain(&stores[1], 2).await;
    for number in 300..600 {
        stores[0].commit_records(&mut one, &[entry(number)], NOW - 100).await.unwrap();
    }
    let sweep = || {
        let sign = |head: &accredit_store::audit::Head| {
            let (key_id, signature) = ("audit-1".to_owned(), head.message());
            Some(accredit_store::audit::SignedHead { head: *head, key_id, signature })
        };
        let holds = |signed: &accredit_store::audit::SignedHead| signed.signature == signed.head.message();
        let keys = accredit_store::HeadKeys { sign: Arc::new(sign), verify: Arc::new(holds) };
        accredit_store::Sweep::Records(accredit_store::Removal::new(NOW, vec![], keys, NOW))
    };
    let head = one.head(NOW);
    let signed = accredit_store::audit::SignedHead { head, key_id: "audit-1".to_owned(), signature: head.message() };
    stores[0].write_head(&signed).await.unwrap();
    for round in 0..3 {
        let records = [record(9000 + round), record(9100 + round)];
        let (first, second) = tokio::join!(stores[0].prepare_sweep(sweep()), stores[1].prepare_sweep(sweep()));
        // Both found the same; who comes second takes nothing, and looks again.
        let (first, second) = tokio::join!(
            stores[0].begin_sweep(&mut one, first.unwrap(), &records[0], NOW),
            stores[1].begin_sweep(&mut two, second.unwrap(), &records[1], NOW)
        );
        let (first, second) = (first.unwrap(), second.unwrap());
        assert!(first.taken == 0 || second.taken == 0, "{first:?} {second:?}");
        let verified = stores[0].verify_audit(&[], |signed| signed.signature == signed.head.message()).await.unwrap();
        assert_eq!(verified.breaks, vec![], "round {round}");
    }
    let verified = stores[0].verify_audit(&[], |_| true).await.unwrap();
    assert_eq!(verified.removed, 600);
}
