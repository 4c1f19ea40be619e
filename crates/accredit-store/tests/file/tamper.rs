//! Whoever can write to the database can change the log, but not unseen. Each way has its name (L18).

use std::path::Path;

use accredit_store::audit::{Break, Content, Erasable, SignedHead, Verification};
use accredit_store::{Entry, Store};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tempfile::TempDir;

use crate::{NOW, entry, holds, open_chain, raw, sign, url};

/// Two chains of five batches. The first has a head at 3, the second one at 5. Batch 2 of each holds three records and
/// a value that can be erased.
async fn write(database: &Path, word: &str) -> Vec<SignedHead> {
    let store = Store::open(&url(database)).await.unwrap();
    let mut heads = Vec::new();
    for (chain_number, head_at) in [(1_u8, 3_u64), (2, 5)] {
        let mut chain = open_chain(&store, chain_number).await;
        for number in 1..=5_u64 {
            let entries = batch(chain_number, number, word);
            store.commit_records(&mut chain, &entries, NOW + number as i64).await.unwrap();
            if number == head_at {
                store.write_head(&sign(&chain)).await.unwrap();
                heads.push(sign(&chain));
            }
        }
    }
    store.close().await.unwrap();
    heads
}

fn batch(chain: u8, number: u64, word: &str) -> Vec<Entry> {
    let at = u64::from(chain) * 100 + number * 10;
    let mut entries = vec![entry(at, word)];
    if number == 2 {
        let erasable = Erasable { salt: [3; 16], bytes: b"name".to_vec() };
        let record = Content { bytes: b"two".to_vec(), erasable: Some(erasable) };
        entries.push(Entry { record, ..entry(at + 1, "") });
        entries.push(entry(at + 2, word));
    }
    entries
}

async fn verify(database: &Path, outside: &[SignedHead]) -> Verification {
    let store = Store::open(&url(database)).await.unwrap();
    let verification = store.verify_audit(outside, holds).await.unwrap();
    store.close().await.unwrap();
    verification
}

async fn written() -> (TempDir, std::path::PathBuf, Vec<SignedHead>) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("store.db");
    let heads = write(&database, "one").await;
    (folder, database, heads)
}

fn told(verification: &Verification) -> Vec<String> {
    // Chains are named by one byte repeated: `01` for the first.
    verification
        .breaks
        .iter()
        .map(|broken| {
            let text = broken.to_string();
            let text = text.replace(&"01".repeat(16), "A").replace(&"02".repeat(16), "B");
            format!("{}: {text}", broken.code())
        })
        .collect()
}

#[tokio::test]
async fn an_untouched_log_is_intact() {
    let (_folder, database, heads) = written().await;
    let verification = verify(&database, &heads).await;
    assert_eq!(told(&verification), Vec::<String>::new());
    assert_eq!((verification.chains, verification.batches, verification.records), (2, 10, 14));
    assert_eq!((verification.heads, verification.uncovered), (4, 0));
}

#[tokio::test]
async fn each_way_of_tampering_is_named() {
    let altered = "batch-altered: batch 2 of chain `A` was altered";
    let row = "chain = 1 AND number = 2";
    for (what, sql, expected) in [
        ("a record", format!("UPDATE audit_batch SET body = zeroblob(length(body)) WHERE {row}"), &[altered][..]),
        (
            "one bit of a record",
            format!(
                "UPDATE audit_batch SET body = CAST(substr(body, 1, 30) || char(unicode(substr(body, 31, 1)) + 1) \
                 || substr(body, 32) AS BLOB) WHERE {row}"
            ),
            &[altered],
        ),
        ("the time", format!("UPDATE audit_batch SET written_at = written_at + 1 WHERE {row}"), &[altered]),
        ("the count", format!("UPDATE audit_batch SET records = records + 1 WHERE {row}"), &[altered]),
        ("the length", format!("UPDATE audit_batch SET bytes = bytes - 1 WHERE {row}"), &[altered]),
        ("the link", format!("UPDATE audit_batch SET previous = zeroblob(32) WHERE {row}"), &[altered]),
        (
            "the hash",
            format!("UPDATE audit_batch SET hash = zeroblob(32) WHERE {row}"),
            &[altered, "batch-unlinked: batch 3 of chain `A` does not follow the batch before it"],
        ),
        (
            "the order of batches",
            "UPDATE audit_batch SET number = 5 - number WHERE chain = 1 AND number IN (2, 3)".to_owned(),
            &[
                "batch-misplaced: batch 2 of chain `A` was written as number 3",
                "batch-misplaced: batch 3 of chain `A` was written as number 2",
                // The head signed what was written as number 3.
                "head-disagrees: batch 3 of chain `A` is not the one whose hash was signed",
            ],
        ),
        (
            "a batch taken out of the middle",
            format!("DELETE FROM audit_batch WHERE {row}"),
            &["batches-missing: batch 2 of chain `A` is missing"],
        ),
        (
            "batches taken out of the beginning",
            "DELETE FROM audit_batch WHERE chain = 1 AND number < 3".to_owned(),
            &["batches-missing: batches 1 to 2 of chain `A` are missing"],
        ),
        (
            "the gap closed",
            format!(
                "DELETE FROM audit_batch WHERE {row}; UPDATE audit_batch SET number = number - 1 WHERE chain = 1 AND number > 2"
            ),
            &[
                "batch-misplaced: batch 2 of chain `A` was written as number 3",
                "batch-misplaced: batch 3 of chain `A` was written as number 4",
                "head-disagrees: batch 3 of chain `A` is not the one whose hash was signed",
                "batch-misplaced: batch 4 of chain `A` was written as number 5",
                "chain-truncated: chain `A` ends at batch 4, but had reached batch 5",
            ],
        ),
        (
            "the end behind a signed head",
            "DELETE FROM audit_batch WHERE chain = 2 AND number > 3".to_owned(),
            &["chain-truncated: chain `B` ends at batch 3, but had reached batch 5"],
        ),
        (
            "the end of a chain that another one followed",
            "DELETE FROM audit_batch WHERE chain = 1 AND number = 5".to_owned(),
            &["chain-truncated: chain `A` ends at batch 4, but had reached batch 5"],
        ),
        (
            "a whole chain's batches",
            "DELETE FROM audit_batch WHERE chain = 1".to_owned(),
            &["chain-truncated: chain `A` ends at batch 0, but had reached batch 5"],
        ),
        (
            "a batch of another chain put in its place",
            format!(
                "DELETE FROM audit_batch WHERE {row}; UPDATE audit_batch SET chain = 1 WHERE chain = 2 AND number = 2"
            ),
            &[
                "batch-spliced: batch 2 of chain `A` was written to chain `B`",
                "batches-missing: batch 2 of chain `B` is missing",
            ],
        ),
        (
            "a second batch in one place",
            format!("INSERT INTO audit_batch SELECT * FROM audit_batch WHERE {row}"),
            &["batch-repeated: batch 2 of chain `A` is there twice"],
        ),
        (
            "a chain taken out",
            "DELETE FROM audit_batch WHERE chain = 1; DELETE FROM audit_head WHERE chain = 1; \
             DELETE FROM audit_chain WHERE ordinal = 1"
                .to_owned(),
            &["chain-missing: chain `A` is missing"],
        ),
        (
            "the beginning of a chain",
            "UPDATE audit_chain SET opened_at = opened_at - 1 WHERE ordinal = 2".to_owned(),
            &["chain-altered: beginning of chain `B` was altered"],
        ),
        (
            "what a chain follows",
            "UPDATE audit_chain SET follows_chain = NULL WHERE ordinal = 2".to_owned(),
            &["chain-altered: beginning of chain `B` was altered"],
        ),
        (
            "the order of chains",
            "UPDATE audit_chain SET ordinal = ordinal + 10; UPDATE audit_chain SET ordinal = 13 - ordinal; \
             UPDATE audit_batch SET chain = 3 - chain; UPDATE audit_head SET chain = 3 - chain"
                .to_owned(),
            &[
                "chain-missing: chain `A` is missing",
                "chain-unlinked: chain `A` does not begin where the chain before it ended",
            ],
        ),
        (
            "a summary, to hide a record from a search",
            format!("UPDATE audit_batch SET summary = zeroblob(length(summary)) WHERE {row}"),
            &["summary-altered: summary of batch 2 of chain `A` was altered"],
        ),
        (
            "a head's hash",
            "UPDATE audit_head SET hash = zeroblob(32) WHERE chain = 1".to_owned(),
            &["head-forged: signature by key `audit-1` over batch 3 of chain `A` does not hold"],
        ),
        (
            "a head's signature",
            "UPDATE audit_head SET signature = zeroblob(64) WHERE chain = 2".to_owned(),
            &["head-forged: signature by key `audit-1` over batch 5 of chain `B` does not hold"],
        ),
    ] {
        let (_folder, database, _) = written().await;
        let mut connection = raw(&database).await;
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        connection.close().await.unwrap();
        assert_eq!(told(&verify(&database, &[]).await), expected, "{what}");
    }
}

/// An erasable value may go, but not become another one.
#[tokio::test]
async fn a_value_may_be_erased_and_not_altered() {
    for (sql, code) in [
        ("UPDATE audit_batch SET erasable = NULL WHERE chain = 1", None),
        ("UPDATE audit_batch SET erasable = CAST(replace(erasable, 'name', 'nome') AS BLOB) WHERE chain = 1", Some(1)),
        ("UPDATE audit_batch SET erasable = x'ff' WHERE chain = 1 AND number = 2", Some(1)),
        // A value for a record that never had one.
        (
            "UPDATE audit_batch SET erasable = (SELECT erasable FROM audit_batch WHERE chain = 1 AND number = 2) \
          WHERE chain = 1 AND number = 1",
            Some(1),
        ),
    ] {
        let (_folder, database, _) = written().await;
        let mut connection = raw(&database).await;
        connection.execute(sql).await.unwrap();
        connection.close().await.unwrap();
        let verification = verify(&database, &[]).await;
        let altered = verification.breaks.iter().filter(|broken| matches!(broken, Break::ValueAltered { .. })).count();
        assert_eq!((verification.breaks.len(), altered), (code.unwrap_or(0), code.unwrap_or(0)), "{sql}");
    }
}

/// The chain written anew with every hash right: only what was signed gives it away, here or elsewhere.
#[tokio::test]
async fn a_chain_that_was_rewritten_shows_by_its_heads() {
    let (folder, database, heads) = written().await;
    let forged = folder.path().join("forged.db");
    write(&forged, "two").await;
    let mut connection = raw(&database).await;
    let attach = format!("ATTACH '{}' AS forged", forged.display());
    connection.execute(AssertSqlSafe(attach)).await.unwrap();
    connection
        .execute(
            "DELETE FROM audit_batch; INSERT INTO audit_batch SELECT * FROM forged.audit_batch; \
             UPDATE audit_chain SET (follows_hash, hash) = \
             (SELECT f.follows_hash, f.hash FROM forged.audit_chain f WHERE f.ordinal = audit_chain.ordinal)",
        )
        .await
        .unwrap();
    connection.close().await.unwrap();
    let disagree = [
        "head-disagrees: batch 3 of chain `A` is not the one whose hash was signed",
        "head-disagrees: batch 5 of chain `B` is not the one whose hash was signed",
    ];
    assert_eq!(told(&verify(&database, &[]).await), disagree);

    // The heads taken away too: nothing in the database can show it any more, except that nothing is covered.
    let mut connection = raw(&database).await;
    connection.execute("DELETE FROM audit_head").await.unwrap();
    connection.close().await.unwrap();
    let verification = verify(&database, &[]).await;
    assert_eq!((told(&verification), verification.uncovered), (vec![], verification.records));
    assert_eq!(told(&verify(&database, &heads).await), disagree);
}

/// The last batch of a chain, behind its last signed head, written anew with its hash right: the next chain knows.
#[tokio::test]
async fn a_rewritten_end_shows_by_the_chain_that_followed() {
    let (folder, database, _) = written().await;
    let forged = forge(folder.path(), 5, "two").await;
    replace(&database, &forged, 5).await;
    assert_eq!(
        told(&verify(&database, &[]).await),
        ["chain-unlinked: chain `B` does not begin where the chain before it ended"]
    );
}

/// Something added to a chain that the next one had sealed.
#[tokio::test]
async fn a_sealed_chain_that_grew_shows() {
    let (folder, database, _) = written().await;
    let forged = forge(folder.path(), 6, "one").await;
    replace(&database, &forged, 6).await;
    assert_eq!(
        told(&verify(&database, &[]).await),
        ["chain-extended: chain `A` was sealed at batch 5 and now ends at batch 6"]
    );
}

/// Writes the first chain anew up to batch `last`, which says `word`.
async fn forge(folder: &Path, last: u64, word: &str) -> std::path::PathBuf {
    let database = folder.join("forged.db");
    let store = Store::open(&url(&database)).await.unwrap();
    let mut chain = open_chain(&store, 1).await;
    for number in 1..=last {
        let entries = batch(1, number, if number == last { word } else { "one" });
        store.commit_records(&mut chain, &entries, NOW + number as i64).await.unwrap();
    }
    store.close().await.unwrap();
    database
}

/// Puts batch `number` of the forged first chain where it belongs.
async fn replace(database: &Path, forged: &Path, number: i64) {
    let mut connection = raw(database).await;
    let attach = format!("ATTACH '{}' AS forged", forged.display());
    connection.execute(AssertSqlSafe(attach)).await.unwrap();
    let place = format!("WHERE chain = 1 AND number = {number}");
    let swap =
        format!("DELETE FROM audit_batch {place}; INSERT INTO audit_batch SELECT * FROM forged.audit_batch {place}");
    connection.execute(AssertSqlSafe(swap)).await.unwrap();
    connection.close().await.unwrap();
}
